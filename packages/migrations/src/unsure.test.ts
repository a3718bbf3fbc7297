/** What may not have been reached, or was undone, makes nothing look better than it is. */
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
  return findings.flatMap(({ level, rule }) => (level === 'error' ? rule : []));
}

const maybe: readonly (readonly [string, (sql: string) => string])[] = [
  ['in a branch', (sql) => `do $$ begin if false then ${sql}; end if; end $$;`],
  ['undone by a handler', (sql) => `do $$ begin ${sql}; raise exception 'x'; exception when others then null; end $$;`],
  ['after RETURN', (sql) => `do $$ begin return; ${sql}; end $$;`],
  [
    'in a function that is called for no row',
    (sql) =>
      `create function go() returns int language plpgsql as $$ begin ${sql}; return 1; end $$; select go() where false;`,
  ],
];

describe.each(maybe)('%s', (_where, perhaps) => {
  test.each([
    ['a new table', '', 'create table app.doc(a int)', 'drop table doc'],
    ['a temporary table', '', 'create temp table doc(a int)', 'drop table doc'],
    ['a view', '', 'create view app.doc as select 1', 'drop table doc'],
    ['a rename', 'create table app.x(a int);', 'alter table app.x rename to doc', 'drop table doc'],
    [
      'another schema',
      'create schema z; create table z.doc(a int);',
      'alter table z.doc set schema app',
      'drop table doc',
    ],
    ['a rename of a temporary one', 'create temp table x(a int);', 'alter table x rename to doc', 'delete from doc'],
    ['a table that is dropped', 'create table app.doc(a int);', 'drop table app.doc', 'drop table doc'],
    ['a column', '', 'alter table doc add column b int', 'alter table doc drop column b'],
    ['NOT NULL', '', 'alter table doc alter a set not null', 'alter table doc alter a set not null'],
    ['a CHECK', '', 'alter table doc add check (a is not null)', 'alter table doc alter a set not null'],
    ['a wider type', '', 'alter table doc alter a type text', 'alter table doc alter a type text'],
    ['a key', '', 'alter table doc add unique (a)', 'delete from doc where a = 1'],
    ['an enum', '', `create type app.mood as enum ('a')`, 'drop type app.mood'],
    ['a sequence', '', 'create sequence app.s', 'drop sequence app.s'],
  ])('%s isn’t believed', (_what, before, change, then) => {
    // What the change itself would do is said of its own statement.
    const own = rules(before + perhaps(change));
    expect(rules(`${before} ${perhaps(change)} ${then}`).length).toBeGreaterThan(own.length);
  });

  test('a function with a harmless body doesn’t hide the one before', () => {
    const before = `create function f() returns void language sql as 'delete from public.doc';`;
    const body = perhaps('create or replace function f() returns void language sql as $f$ select 1 $f$');
    expect(rules(`${before} ${body}`)).toEqual([]);
    expect(rules(`${before} ${body} select f()`)).toContain('whole-table-write');
  });
});

test('what is surely reached in a block is believed', () => {
  expect(rules('do $$ begin create table app.x(a int); end $$; alter table app.x add primary key (a)')).toEqual([]);
  expect(
    rules('create table app.x(a int); do $$ begin alter table app.x rename to y; end $$; drop table app.y'),
  ).toEqual([]);
});

test('what a block may have made can be used, where no other has its name', () => {
  expect(rules('do $$ begin if true then create table app.n(a int); end if; end $$; insert into n values (1)')).toEqual(
    [],
  );
});

describe('without a catalogue, what IF NOT EXISTS passes over is there already', () => {
  test.each([
    'alter table doc add column if not exists note text; alter table doc drop column note;',
    'alter table doc add column if not exists note text; alter table doc alter note type int using 1;',
    'do $$ begin alter table doc add column note text; exception when duplicate_column then null; end $$; alter table doc drop column note;',
    'create sequence if not exists s; drop sequence s;',
    'create table if not exists doc(a int); drop table doc;',
  ])('%s', (sql) => {
    expect(rules(sql, { catalogue: undefined })).not.toEqual([]);
  });

  test('with one, what it surely made is new', () => {
    expect(rules('alter table doc add column if not exists b int; alter table doc drop column b')).toEqual([]);
    expect(rules('create sequence if not exists s; drop sequence s')).toEqual([]);
  });
});
