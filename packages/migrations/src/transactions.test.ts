import { beforeAll, describe, expect, test } from 'vitest';
import { analyse } from './analyse.ts';
import type { Catalogue } from './catalogue/catalogue.ts';
import { loadParser } from './parse/parser.ts';

beforeAll(loadParser);

const catalogue: Catalogue = {
  ...{ server: 15, timeZone: 'UTC', searchPath: ['app', 'public'], types: [], routines: [], binaryCasts: [] },
  relations: [
    {
      ...{ schema: 'public', name: 'doc', kind: 'table', rows: 100e6, bytes: 10e9, indexBytes: 0 },
      columns: [{ name: 'a', type: 'integer', nullable: true }],
      ...{ constraints: [], indexes: [], triggers: [], parents: [] },
    },
  ],
};

function rules(text: string, more: Partial<Parameters<typeof analyse>[1]> = {}): readonly string[] {
  const { findings } = analyse([{ name: 'm.sql', text }], { catalogue, lockTimeout: true, ...more });
  return findings.map(({ rule }) => rule);
}

const HIDES = 'create table app.doc(a int);';
const alone = { transaction: 'statement' } as const;

describe('a table that may not be there hides no other', () => {
  test.each<[string, string, Parameters<typeof rules>[1]]>([
    ['a savepoint that is released', `savepoint s; ${HIDES} savepoint s; release s; rollback to s;`, {}],
    ['ROLLBACK AND CHAIN', `begin; rollback and chain; ${HIDES} rollback;`, alone],
    ['COMMIT AND CHAIN', `begin; commit and chain; ${HIDES} rollback;`, alone],
    ['ROLLBACK PREPARED', `begin; ${HIDES} prepare transaction 'x'; rollback prepared 'x';`, alone],
    ['PREPARE TRANSACTION', `begin; ${HIDES} prepare transaction 'x';`, alone],
    ['ROLLBACK in a block', `do $$ begin ${HIDES} rollback; end $$;`, alone],
    [
      'ROLLBACK in a procedure',
      `create procedure p() language plpgsql as $$ begin ${HIDES} rollback; end $$; call p();`,
      alone,
    ],
    ['ROLLBACK in a block, in a transaction', `do $$ begin ${HIDES} rollback; end $$;`, {}],
  ])('%s', (_what, before, more) => {
    const found = rules(`${before} drop table doc;`, more);
    expect(['destroys-data', 'not-known'].some((rule) => found.includes(rule))).toBe(true);
  });
});

test('a ROLLBACK that may not be reached takes nothing dangerous back', () => {
  const was = `create function f() returns int language sql as 'select 1';`;
  const is = `create or replace function f() returns int language sql as 'delete from public.doc returning 1';`;
  const maybe = 'do $$ begin if false then rollback; end if; end $$;';
  expect(rules(`${was} begin; ${is} ${maybe} select f();`)).toContain('whole-table-write');
});

describe('a file that controls its transaction', () => {
  const controls = [
    'begin; select 1; commit;',
    'start transaction; select 1;',
    'select 1; rollback;',
    'savepoint s; release s;',
  ];
  test.each(controls)('is refused by Headgate, which is said: %s', (text) => {
    expect(rules(text)).toContain('not-in-transaction');
  });

  test.each(controls)(
    'runs where each statement stands by itself, as psql and a migration tool have it: %s',
    (text) => {
      expect(rules(text, { ...alone, lockTimeout: false })).not.toContain('not-in-transaction');
      expect(rules(text, { directives: true, lockTimeout: false })).not.toContain('not-in-transaction');
    },
  );
});

describe('what stays after a transaction is believed', () => {
  test.each([
    ['RELEASE', `savepoint s; ${HIDES} release s;`, {}],
    ['COMMIT', `begin; ${HIDES} commit;`, alone],
    ['a ROLLBACK after COMMIT AND CHAIN', `begin; ${HIDES} commit and chain; rollback;`, alone],
  ])('%s', (_what, before, more) => {
    expect(rules(`${before} drop table app.doc;`, more)).not.toContain('destroys-data');
  });
});

describe('a lock_timeout holds as long as nothing may have taken it back', () => {
  const adds = 'alter table doc add column b int;';
  const without = { ...alone, lockTimeout: false };
  test.each([
    ['ROLLBACK', 'begin; set lock_timeout = 100; rollback;'],
    ['ROLLBACK TO', 'begin; savepoint s; set lock_timeout = 100; rollback to s;'],
    ['SET LOCAL, and COMMIT', 'begin; set local lock_timeout = 100; commit;'],
    ['SET and SET LOCAL, and COMMIT', 'begin; set lock_timeout = 0; set local lock_timeout = 100; commit;'],
    ['set_config() for the transaction', `begin; select set_config('lock_timeout', '100', true); commit;`],
    ['ROLLBACK in a block', 'do $$ begin set lock_timeout = 100; rollback; end $$;'],
  ])('%s', (_what, before) => {
    expect(rules(`${before} ${adds}`, without)).toContain('no-lock-timeout');
  });

  test.each([
    ['SET', 'set lock_timeout = 100;'],
    ['SET, and COMMIT', 'begin; set lock_timeout = 100; commit;'],
    [
      'SET before the transaction that is rolled back',
      'set lock_timeout = 100; begin; set lock_timeout = 200; rollback;',
    ],
    ['SET LOCAL in the transaction', 'begin; set local lock_timeout = 100;'],
  ])('%s is believed', (_what, before) => {
    expect(rules(`${before} ${adds}`, without)).not.toContain('no-lock-timeout');
  });
});
