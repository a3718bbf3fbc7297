import { beforeAll, describe, expect, test } from 'vitest';
import { analyse } from '../analyse.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { loadParser } from '../parse/parser.ts';

beforeAll(loadParser);

const catalogue: Catalogue = {
  ...{ server: 15, timeZone: 'UTC', searchPath: ['public'], types: [], routines: [], binaryCasts: [] },
  relations: [
    {
      ...{ schema: 'public', name: 'doc', kind: 'table', rows: 100e6, bytes: 10e9, indexBytes: 0 },
      columns: [{ name: 'a', type: 'integer', nullable: true }],
      ...{ constraints: [], indexes: [], triggers: [], parents: [] },
    },
  ],
};

function errors(text: string): readonly string[] {
  const { findings } = analyse([{ name: 'm.sql', text }], { catalogue, lockTimeout: true });
  return findings.flatMap(({ level, rule }) => (level === 'error' ? rule : []));
}

const fn = (body: string) => `
  create function h() returns int language plpgsql as $$ begin ${body} return 1; end $$;
  create function g(int default 1, int default 1) returns int immutable language sql as 'select h()';
  create function g(text) returns text immutable language sql as 'select h()::text';
  create function tf() returns trigger language plpgsql as $$ begin return new; end $$;
  create function eg() returns event_trigger language plpgsql as $$ begin perform h(); end $$;
  create table n(a int, t text);`;

/** What PostgreSQL runs by itself when something else is used. */
const behind: readonly (readonly [string, string])[] = [
  ['a default', 'create table m(a int default g())'],
  ['the default of a new column', 'alter table n add column b int default g()'],
  ['SET DEFAULT', 'alter table n alter a set default g()'],
  ['a CHECK', 'create table m(a int check (g(a) = 1))'],
  ['a CHECK of a table that is there', 'alter table n add check (g(a) = 1)'],
  ['a generated column', 'create table m(a int, b int generated always as (g(a)) stored)'],
  ['an index', 'create index on n(g(a))'],
  ['an index with a condition', 'create index on n(a) where g(a) = 1'],
  ['a type that is worked out', 'alter table n alter a type bigint using g(a)'],
  ['a domain', 'create domain d as int check (g(value) = 1)'],
  ['a view', 'create view v as select g()'],
  ['the WHEN of a trigger', 'create trigger t before insert on n for each row when (g() = 1) execute function tf()'],
  ['a policy', 'create policy p on n using (g() = 1)'],
  ['the default of an argument', 'create function k(int default g()) returns int language sql as $$ select 1 $$'],
  ['an operator', 'create operator ### (function = g, leftarg = int, rightarg = int)'],
  ['an aggregate', 'create aggregate lower(int) (sfunc = g, stype = int)'],
  ['a cast', 'create cast (int as text) with function g(text)'],
  ['an event trigger', 'create event trigger e on ddl_command_end execute function eg()'],
  ['a partition key', 'create table m(a int) partition by range (g(a))'],
];

describe('a function that changes data and stands behind something is not known', () => {
  test.each(behind)('%s', (_what, sql) => {
    expect(errors(fn('delete from doc;') + sql)).toContain('not-known');
  });
});

describe('one that only answers may stand there', () => {
  test.each(behind)('%s', (_what, sql) => {
    expect(errors(fn('') + sql)).toEqual([]);
  });
});

test('one that is replaced after it was put there is looked at again, whoever calls it', () => {
  const later =
    'create or replace function h() returns int language plpgsql as $$ begin delete from doc; return 1; end $$';
  expect(errors(`${fn('')} create table m(a int default g()); ${later}`)).toContain('not-known');
  expect(errors(`${fn('')} ${later}`)).not.toContain('not-known');
});

describe('a rule', () => {
  test.each([
    ['of a table', 'create rule r as on insert to n do also delete from doc'],
    ['of a view', 'create view v as select 1 as a; create rule r as on insert to v do instead delete from doc'],
  ])('%s that changes data is not known', (_what, sql) => {
    expect(errors(fn('') + sql)).toContain('not-known');
  });

  test('that writes a row beside it is', () => {
    expect(errors(`${fn('')} create rule r as on insert to n do also insert into doc values (new.a)`)).toEqual([]);
  });
});
