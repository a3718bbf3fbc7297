import { beforeAll, describe, expect, test } from 'vitest';
import { loadParser } from '../parse/parser.ts';
import { whatFilesMake } from './what-files-make.ts';

beforeAll(loadParser);

function read(...texts: readonly string[]) {
  const { made, unread } = whatFilesMake(texts.map((text, at) => ({ name: `${at + 1}.sql`, text })));
  const written = made.map(({ schema, table, column, file }) => {
    const name = [schema, table, column].filter((part) => part !== undefined).join('.');
    return `${name} (${file})`;
  });
  return { made: written, unread: unread.map(({ file, why }) => `${file}: ${why}`) };
}

describe('what plain statements make is named, with the file that makes it', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    [
      'tables and columns',
      ['create table t(a int)', 'alter table t add b int, add column c int'],
      ['t (1.sql)', 't.a (1.sql)', 't.b (2.sql)', 't.c (2.sql)'],
    ],
    [
      'a column of a table that no file makes',
      ['alter table app."T" add column if not exists b int'],
      ['app.T.b (1.sql)'],
    ],
    ['a table that may have been there, without its columns', ['create table if not exists t(a int)'], ['t (1.sql)']],
    ['a table AS', ['create table t as select 1 as a'], ['t (1.sql)']],
    [
      'what was renamed, by its new name',
      ['create table t(a int)', 'alter table t rename to u; alter table u rename a to b'],
      ['u (1.sql)', 'u.b (1.sql)'],
    ],
    ['what moved, in any schema', ['create table app.t()', 'alter table app.t set schema other'], ['t (1.sql)']],
  ])('%s', (_what, files, made) => {
    expect(read(...files)).toEqual({ made, unread: [] });
  });
});

describe('what may be gone again, or was never to stay, is not', () => {
  const T = 'create table app.t(a int)';
  test.each<[string, readonly string[]]>([
    ['a table that is dropped', [T, 'drop table if exists t']],
    ['a temporary table', ['create temp table t(a int); alter table t add b int; drop table t']],
    ['a partition', ['create table p partition of t default']],
    ['a table that becomes a partition', [T, 'alter table x attach partition app.t default']],
    ['a table of a schema that is dropped', [T, 'drop schema app cascade']],
    ['a table of a schema that is renamed', [T, 'alter schema app rename to other']],
    ['columns of a type that goes with CASCADE', [T, 'drop type money_of_ours cascade']],
    ['what a block may drop', [T, 'do $$ begin drop table app.t; end $$']],
    ['what a block may drop by text', [T, `do $$ begin execute 'dr' || 'op table app.t'; end $$`]],
    [
      'what a function drops that something calls',
      [T, `create function f() returns void language sql as 'drop table app.t'; select f()`],
    ],
    [
      'what a trigger may drop',
      [
        T,
        `create function f() returns trigger language plpgsql as $$ begin execute new.x; end $$`,
        'insert into x values (1)',
      ],
    ],
    ['what is rolled back', ['begin; create table t(a int); rollback']],
    ['what a role owns that is dropped', [T, 'drop owned by somebody']],
    ['a column of a table that needn’t be there', ['alter table if exists t add column b int']],
    ['an attribute of a type', ['alter type t add attribute b int']],
  ])('%s', (_what, files) => {
    expect(read(...files).made).toEqual([]);
  });

  test('a dropped column, and with CASCADE whatever was generated from it', () => {
    expect(read('create table t(a int, b int)', 'alter table t drop column a').made).toEqual([
      't (1.sql)',
      't.b (1.sql)',
    ]);
    expect(read('create table t(a int, b int)', 'alter table t drop column a cascade').made).toEqual([]);
  });
});

describe('a file that reading alone doesn’t tell is said, and takes no other along without need', () => {
  test.each<[string, string, string]>([
    ['a DO block', 'do $$ begin if true then alter table t add b int; end if; end $$', 'a DO block'],
    ['a call', `select create_hypertable('t', 'at')`, 'a call of create_hypertable()'],
    ['a procedure', 'call fill()', 'a CALL'],
    ['what isn’t SQL', String.raw`\connect other`, 'it doesn’t parse as SQL'],
  ])('%s', (_what, text, why) => {
    expect(read('create table t(a int)', text)).toEqual({
      made: ['t (1.sql)', 't.a (1.sql)'],
      unread: [`2.sql: ${why}`],
    });
  });

  test('what a dump says of itself is nothing that has to be told', () => {
    expect(read(`select pg_catalog.set_config('search_path', '', false); create table public.t(a int)`).unread).toEqual(
      [],
    );
  });
});
