import { beforeAll, describe, expect, test } from 'vitest';
import { analyse } from './analyse.ts';
import type { Catalogue, Relation } from './catalogue/catalogue.ts';
import { loadParser } from './parse/parser.ts';

beforeAll(loadParser);

const doc = (schema: string, rows: number): Relation => ({
  ...{ schema, name: 'doc', kind: 'table', rows, bytes: rows * 100, indexBytes: 0 },
  columns: [
    { name: 'a', type: 'integer', nullable: true },
    { name: 'at', type: 'timestamp', nullable: true },
  ],
  ...{ constraints: [], indexes: [], triggers: [], parents: [] },
});
const catalogue: Catalogue = {
  ...{ server: 15, timeZone: 'UTC', searchPath: ['public'], types: [], routines: [], binaryCasts: [] },
  relations: [doc('public', 100e6), doc('archive', 0)],
};
const REWRITES = 'alter table doc alter column a type bigint;';

function errors(files: readonly string[], more: Partial<Parameters<typeof analyse>[1]> = {}): readonly string[] {
  const read = files.map((text, i) => ({ name: `${i}.sql`, text }));
  const { findings } = analyse(read, { catalogue, lockTimeout: true, ...more });
  return findings.flatMap(({ level, rule }) => (level === 'error' ? rule : []));
}

describe('each file is a session of its own', () => {
  test.each([
    ['SET', 'set search_path = archive;'],
    ['SET LOCAL', 'set local search_path = archive;'],
    ['set_config()', `select set_config('search_path', 'archive', true);`],
    ['a temporary table', 'create temp table doc(a int);'],
    ['a temporary table until the commit', 'create temp table doc(a int) on commit drop;'],
    ['a block', `do $$ begin set search_path = archive; end $$;`],
  ])('%s of the file before says nothing of this one', (_what, before) => {
    expect(errors([before, REWRITES])).toContain('rewrite-under-lock');
  });

  test('the time zone begins anew', () => {
    const change = 'alter table doc alter column at type timestamptz';
    expect(errors([`set timezone = 'Europe/Berlin'`, change])).not.toContain('rewrite-under-lock');
    const berlin = { ...catalogue, timeZone: 'Europe/Berlin' };
    expect(errors([`set timezone = 'UTC'`, change], { catalogue: berlin })).toContain('rewrite-under-lock');
  });

  test.each(['database app', 'role current_user', 'role all'])(
    'what %s begins with is not known after it is altered',
    (of) => {
      expect(errors([`alter ${of} set search_path = archive`, REWRITES])).toContain('not-known');
      expect(errors([`alter ${of} set work_mem = '8MB'`, 'create table n(a int)'])).toEqual([]);
    },
  );
});

describe('what a transaction made and took back isn’t there', () => {
  const made = 'create table doc2(a int); alter table doc rename to doc3; alter table doc2 rename to doc;';
  test.each<[string, string, boolean]>([
    ['ROLLBACK', `begin; ${made} rollback;`, true],
    ['ROLLBACK of the file’s own transaction', `${made} rollback;`, true],
    ['ROLLBACK TO its savepoint', `savepoint one; ${made} rollback to one;`, true],
    ['ROLLBACK TO a savepoint after it', `${made} savepoint one; create table other(); rollback to one;`, false],
    ['COMMIT', `begin; ${made} commit;`, false],
    ['a ROLLBACK after the COMMIT', `begin; ${made} commit; rollback;`, false],
    ['a ROLLBACK of a later transaction', `${made} commit; begin; create table other(); rollback;`, false],
  ])('%s', (_what, before, old) => {
    const found = errors([`${before} ${REWRITES}`]);
    if (old) expect(found).toContain('rewrite-under-lock');
    else expect(found).not.toContain('rewrite-under-lock');
  });

  test('types and routines, too', () => {
    const makes = `create type mood as enum ('a'); create function f() returns int language sql as 'select 1';`;
    const uses = 'drop type mood; drop function f();';
    // Of the file's own BEGIN and COMMIT, which Headgate refuses, nothing is asked here.
    const found = (text: string) => errors([text]).filter((rule) => rule !== 'not-in-transaction');
    expect(found(`begin; ${makes} commit; ${uses}`)).toEqual([]);
    expect(found(`begin; ${makes} rollback; ${uses}`)).toEqual(['breaks-running-code', 'breaks-running-code']);
  });
});

describe('within a file, a path that may not be in force is not known', () => {
  test.each([
    ['SET that is never reached', `do $$ begin if false then set local search_path = archive; end if; end $$;`],
    [
      'SET that a handler undoes',
      `do $$ begin set local search_path = archive; raise exception 'x'; exception when others then null; end $$;`,
    ],
    [
      'set_config() in a condition',
      `do $$ begin if false then perform set_config('search_path', 'archive', true); end if; end $$;`,
    ],
    ['set_config() of a query without rows', `select set_config('search_path', 'archive', true) where false;`],
    [
      'set_config() of which a second undoes the first',
      `select set_config('search_path', 'archive', true), set_config('search_path', 'public', true);`,
    ],
    ['set_config() of a setting that is worked out', `select set_config('search' || '_path', 'archive', true);`],
    [
      'a value that is worked out',
      `set search_path = archive; select set_config('search_path', lower('PUBLIC'), true);`,
    ],
    [
      'a function that is called for no row',
      `create function f() returns int language plpgsql as $$ begin set search_path = archive; return 1; end $$; select f() where false;`,
    ],
    ['SET after RETURN', 'do $$ begin return; set local search_path = archive; end $$;'],
    [
      'SET after a RETURN that may be reached',
      'do $$ begin if random() > 0.5 then return; end if; set local search_path = archive; end $$;',
    ],
    ['SET after EXIT', 'do $$ begin <<b>> begin exit b; set local search_path = archive; end; end $$;'],
    ['ROLLBACK TO', 'savepoint s; set search_path = archive; rollback to s;'],
    ['ROLLBACK', 'begin; set search_path = archive; rollback;'],
    ['COMMIT after SET LOCAL', 'begin; set local search_path = archive; commit;'],
    ['ROLLBACK in a block', 'do $$ begin set local search_path = archive; rollback; end $$;'],
  ])('%s', (_what, before) => {
    expect(errors([`${before} ${REWRITES}`])).toContain('not-known');
  });

  test('SET LOCAL outside of a transaction', () => {
    expect(errors([`set local search_path = archive; ${REWRITES}`], { transaction: 'statement' })).toContain(
      'not-known',
    );
  });

  test('a name with its schema is known all the same, and so is one after the path is set again', () => {
    const before = 'do $$ begin if false then set search_path = public; end if; set search_path = archive; end $$;';
    const unsure = 'do $$ begin if false then set search_path = archive; end if; end $$;';
    expect(errors([`${unsure} ${REWRITES.replace('doc', 'archive.doc')}`])).not.toContain('not-known');
    expect(errors([`${unsure} set search_path = archive; ${REWRITES}`])).toEqual(
      errors([`set search_path = archive; ${REWRITES}`]),
    );
    expect(errors([`${before} ${REWRITES}`])).not.toContain('not-known');
  });

  test('a path set for certain is followed, in a block too', () => {
    for (const way of [
      'set search_path = archive',
      `perform set_config('search_path', 'ARCHIVE', true)`,
      `execute 'set local search_path = archive'`,
    ])
      expect(errors([`do $$ begin ${way}; end $$; ${REWRITES}`])).not.toContain('rewrite-under-lock');
  });
});

describe('RESET search_path', () => {
  test.each(['reset search_path;', 'set search_path to default;', 'reset all;', 'discard all;'])(
    '%s: what the catalogue says',
    (reset) => {
      expect(errors([`set search_path = archive; ${reset} ${REWRITES}`])).toContain('rewrite-under-lock');
      const archived = { ...catalogue, searchPath: ['archive', 'public'] };
      expect(errors([`set search_path = public; ${reset} ${REWRITES}`], { catalogue: archived })).not.toContain(
        'rewrite-under-lock',
      );
    },
  );

  test('without a catalogue it is not known', () => {
    expect(errors(['create table doc(a int); reset search_path; drop table doc'], { catalogue: undefined })).toContain(
      'not-known',
    );
  });
});

describe('a temporary table hides another only while it is there, and where the path lets it', () => {
  test.each([
    ['its transaction ended', 'begin; create temp table doc(a int) on commit drop; commit;', {}],
    [
      'each statement is a transaction',
      'create temp table doc(a int) on commit drop;',
      { transaction: 'statement' as const },
    ],
    ['it is rolled back', 'savepoint s; create temp table doc(a int); rollback to s;', {}],
    ['it is discarded', 'create temp table doc(a int); discard temp;', {}],
    ['the path has it last', 'set search_path = public, pg_temp; create temp table doc(a int);', {}],
  ])('%s', (_what, before, more) => {
    expect(errors([`${before} ${REWRITES}`], more)).toContain('rewrite-under-lock');
  });
});

test('a body is read under the search path of its function', () => {
  const made = (set: string) =>
    `create function f() returns void language plpgsql ${set} as $$ begin delete from doc; end $$;`;
  expect(errors([`set search_path = archive; ${made('set search_path = public')} select f()`])).toContain(
    'whole-table-write',
  );
  expect(errors([`${made('set search_path = archive')} select f()`])).not.toContain('whole-table-write');
});
