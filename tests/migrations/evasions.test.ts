/** Ways by which a statement was harmful and looked harmless: a server carries each out, and loses rows that it had; none is called safe. */
import { readCatalogueOf } from '@headgate/adapters/catalogue/read-database';
import { analyse, type Catalogue, loadParser } from '@headgate/migrations';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ThrowAwayServer, throwAwayServer } from './throw-away-server.ts';

const ROWS = 100;
let client: pg.Client;
let catalogue: Catalogue;
let server: ThrowAwayServer | undefined;

beforeAll(async () => {
  await loadParser();
  server = await throwAwayServer('evasions');
  ({ client } = server);
  await client.query(`create schema app; set search_path = app, public;
    create table public.doc(a int primary key, t text);
    insert into public.doc select n, 'x' from generate_series(1, ${ROWS}) n; analyze public.doc;
    create table public.held as select * from public.doc; analyze public.held;
    create view public.shown as select a as id, t from public.held;`);
  catalogue = await readCatalogueOf(client);
}, 120_000);
afterAll(async () => {
  await server?.remove();
});

const DELETES = 'language plpgsql as $f$ begin delete from public.doc; return 1; end $f$;';
const ONE = `language sql as 'select 1';`;
const UNDONE = `raise exception 'x'; exception when others then null; end $$;`;

/** Each in a transaction that is taken back. */
describe('what loses rows of a table that was there is dangerous', () => {
  test.each([
    'with doc as (select 1) delete from doc',
    `with doc as (select 1) update doc set t = null`,
    'delete from shown',
    `update shown set t = null`,
    'create view v as select * from doc; delete from v',
    'create table app.x(a int); do $$ begin if false then alter table app.x rename to doc; end if; end $$; drop table doc',
    `create table app.x(a int); do $$ begin alter table app.x rename to doc; ${UNDONE} drop table doc`,
    'create schema z; create table z.doc(a int); do $$ begin if false then alter table z.doc set schema app; end if; end $$; drop table doc',
    `do $$ begin create temp table doc(a int); ${UNDONE} delete from doc`,
    'do $$ begin return; create table app.doc(a int); end $$; drop table doc',
    `create function f() returns int ${DELETES} do $$ begin if false then create or replace function f() returns int ${ONE} end if; end $$; select f()`,
    `create function f(int) returns int ${DELETES} create function f(text) returns int ${ONE} select f(1)`,
    `create function public.f(int) returns int ${DELETES} create function app.f(text) returns int ${ONE} select f(1)`,
    `create function f() returns int ${DELETES} create function g() returns int language sql stable as 'select f()'; select g()`,
    `create function f() returns int ${DELETES} create table n(a int default f()); insert into n default values`,
    `create function f(int, int) returns int ${DELETES} create operator ### (function = f, leftarg = int, rightarg = int); select 1 ### 2`,
    `create type y as (a int); create function f(y) returns int ${DELETES} create cast (y as int) with function f(y); select row(1)::y::int`,
    `create function f(int) returns int ${DELETES} create domain d as int check (f(value) = 1); select 1::d`,
    `create function f() returns int ${DELETES} create function g(int) returns int immutable language plpgsql as $f$ begin return f(); end $f$; create table n(a int); insert into n values (1); create index on n(g(a))`,
    `create function f(int) returns int ${DELETES} create table n(a int check (f(a) = 1)); insert into n values (1)`,
    'create table n(a int); create rule r as on insert to n do also delete from public.doc; insert into n values (1)',
    `create function f() returns int ${DELETES} create view v as select f(); select * from v`,
    `create function f() returns int ${DELETES} create table n(a int); insert into n values (1) returning f()`,
    `create function f() returns int ${DELETES} do $$ begin execute 'select $1' using f(); end $$`,
    'savepoint s; create table app.doc(a int); savepoint s; release savepoint s; rollback to s; drop table doc',
    'alter table doc add column if not exists t text; alter table doc drop column t',
    'create domain d as text; alter table doc alter t type d; drop domain d cascade',
    `create function f() returns int ${DELETES} do $$ declare a int[]; begin a[f()] := 1; end $$`,
    `create function f() returns int ${DELETES} create function g() returns int language sql return f(); select g()`,
    `create function f() returns int ${DELETES} copy (select f()) to '/dev/null'`,
    `copy (delete from doc returning a) to '/dev/null'`,
    `copy (update doc set t = null returning a) to '/dev/null'`,
    'create schema z create table kept(a int) create view v as select * from kept; drop table doc',
  ])('%s', async (text) => {
    await client.query('begin');
    try {
      await client.query(text);
      const there = await client.query(`select count(*)::int as columns from pg_attribute
        where attrelid = to_regclass('public.doc') and attname = 't' and not attisdropped`);
      const count = async (table: string): Promise<number> =>
        (await client.query(`select count(t)::int as n from public.${table}`)).rows[0].n;
      const kept = (there.rows[0].columns === 0 ? 0 : await count('doc')) + (await count('held'));
      expect(kept).toBeLessThan(2 * ROWS);
    } finally {
      await client.query('rollback');
    }
    const large: Catalogue = {
      ...catalogue,
      relations: catalogue.relations.map((each) => ({ ...each, rows: 100e6, bytes: 10e9 })),
    };
    expect(analyse([{ name: 'm.sql', text }], { catalogue: large, lockTimeout: true }).dangerous).toBe(true);
  });
});

/** Without a catalogue what a file makes is all that is known: what it makes in another schema is another table. */
test.each([
  'create schema z create table doc(a int); drop table doc',
  'create schema z create table doc(a int); truncate public.doc',
  'create schema authorization current_user create table doc(a int); delete from public.doc',
])('%s', async (text) => {
  await client.query('begin');
  try {
    await client.query(text);
    const { rows } = await client.query(`select to_regclass('public.doc') is null as gone`);
    const left = rows[0].gone ? 0 : (await client.query('select count(*)::int as n from public.doc')).rows[0].n;
    expect(left).toBe(0);
  } finally {
    await client.query('rollback');
  }
  expect(analyse([{ name: 'm.sql', text }], { lockTimeout: true }).dangerous).toBe(true);
});

test('a function of a schema of people’s own is nobody’s that is known, whatever its name', () => {
  for (const name of ['random', 'count', 'setval', 'lower'])
    expect(analyse([{ name: 'm.sql', text: `select app.${name}()` }], { lockTimeout: true }).dangerous, name).toBe(
      true,
    );
});

test('what is made within CREATE SCHEMA by a name of another schema’s isn’t refused', () => {
  const { findings } = analyse([{ name: 'm.sql', text: 'create schema z create table doc(a int)' }], { catalogue });
  expect(findings).toEqual([]);
});
