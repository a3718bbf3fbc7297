import { beforeAll, describe, expect, test } from 'vitest';
import { analyse } from '../analyse.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { loadParser } from '../parse/parser.ts';

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
const DELETES = 'language plpgsql as $$ begin delete from public.doc; return 1; end $$;';
const ONE = `language sql as 'select 1';`;

function errors(text: string, of: Catalogue | undefined = catalogue): readonly string[] {
  const { findings } = analyse([{ name: 'm.sql', text }], { catalogue: of, lockTimeout: true });
  return findings.flatMap(({ level, rule }) => (level === 'error' ? rule : []));
}

describe('every function that a call may mean is read', () => {
  test.each([
    ['another type', `create function f(int) returns int ${DELETES} create function f(text) returns int ${ONE}`],
    [
      'another schema',
      `create function public.f(int) returns int ${DELETES} create function app.f(text) returns int ${ONE}`,
    ],
    [
      'a default',
      `create function f(int, b int default 1) returns int ${DELETES} create function f(text) returns int ${ONE}`,
    ],
  ])('%s', (_what, made) => {
    expect(errors(`${made} select f(1)`)).toContain('whole-table-write');
  });

  test('one that is replaced is read as it is then', () => {
    const replaced = `create function f(int) returns int ${DELETES} create or replace function f(integer) returns int ${ONE}`;
    expect(errors(`${replaced} select f(1)`)).toEqual([]);
  });
});

describe('a function that says it changes nothing may call one that does', () => {
  test.each(['stable', 'immutable'])('%s', (says) => {
    const made = `create function f() returns int ${DELETES} create function g() returns int ${says} language sql as 'select f()';`;
    expect(errors(`${made} select g()`)).toContain('whole-table-write');
  });

  test('one of an extension is believed', () => {
    const routine = { schema: 'public', name: 'unaccent', arguments: 1, volatility: 'stable', language: 'c' } as const;
    expect(errors(`select unaccent('x')`, { ...catalogue, routines: [routine] })).toEqual([]);
  });
});

describe('DROP FUNCTION takes the one with these arguments', () => {
  test.each<[string, string, Catalogue | undefined]>([
    ['another type, without a catalogue', `create function f(text) returns int ${ONE} drop function f(int)`, undefined],
    [
      'of the catalogue',
      `create function f(text) returns int ${ONE} drop function f(int)`,
      {
        ...catalogue,
        routines: [
          {
            ...{ schema: 'app', name: 'f', arguments: 1, volatility: 'volatile', language: 'sql' },
            source: `CREATE FUNCTION app.f(a integer) RETURNS integer LANGUAGE sql AS 'select 1'`,
          },
        ],
      },
    ],
  ])('%s', (_what, sql, of) => {
    expect(errors(sql, of)).toEqual(['breaks-running-code']);
  });

  test('one made in the same file nobody misses', () => {
    expect(errors(`create function f(a int, b text[]) returns int ${ONE} drop function f(integer, text[])`)).toEqual(
      [],
    );
    expect(errors(`create function f(int) returns int ${ONE} drop function f`, undefined)).toEqual([]);
  });

  test('one that only a branch made may have been there', () => {
    const branch = `do $x$ begin if false then create function f(int) returns int ${ONE} end if; end $x$;`;
    expect(errors(`${branch} drop function f(int)`, undefined)).toEqual(['breaks-running-code']);
  });
});
