/**
 * What a statement runs without naming it: a server carries each out on a table of many rows, and what it writes (again) is never
 * called safe; the neighbour that writes nothing isn't called dangerous.
 */
import { readCatalogueOf } from '@headgate/adapters/catalogue/read-database';
import { analyse, type Catalogue, loadParser, readCatalogue } from '@headgate/migrations';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { type ThrowAwayServer, throwAwayServer } from './throw-away-server.ts';

const ROWS = 2_000;
/** As if the table had so many times the rows. */
const SCALE = 100_000;
let client: pg.Client;
let catalogue: Catalogue;
let server: ThrowAwayServer | undefined;

beforeAll(async () => {
  await loadParser();
  server = await throwAwayServer('meant');
  ({ client } = server);
  await client.query(`create table doc(id int primary key, n int);
    insert into doc select i, i from generate_series(1, ${ROWS}) i;
    create table few(id int primary key); insert into few values (1), (2);
    create table follows(id int, few int references few on update cascade on delete cascade);
    insert into follows select i, 1 from generate_series(1, ${ROWS}) i; create index on follows(few);
    create table stays(id int, few int references few);
    create domain inner_rule as int check (value > 0); create domain outer_rule as inner_rule;
    create domain plain as int; create domain outer_plain as plain;
    create domain moving as int default (random() * 10)::int; create domain outer_moving as moving;
    create type pair as (a int, b text); create type other as (a int);
    create function vary(int, int) returns int language sql volatile as 'select ($1 + $2 + random() * 10)::int';
    create operator %%% (leftarg = int, rightarg = int, function = vary);
    create function same(int, int) returns int language sql immutable as 'select $1';
    create operator === (leftarg = int, rightarg = int, function = same);
    create function concat(int, int) returns int language sql volatile as 'select (random() * 10)::int';
    create function lower(int) returns int language sql immutable as 'select 1';
    create function given(int, int default (random() * 10)::int) returns int language plpgsql immutable as 'begin return $2; end';
    create function to_pair(int) returns pair language sql volatile as $$ select row($1, random()::text)::pair $$;
    create cast (int as pair) with function to_pair(int) as assignment;
    create function to_other(int) returns other language sql immutable as $$ select row($1)::other $$;
    create cast (int as other) with function to_other(int) as assignment;
    create function writes(int, int) returns int language sql volatile as 'update doc set n = n; select 1';
    create operator %%> (leftarg = int, rightarg = int, function = writes);
    create function writes_one(int) returns boolean language plpgsql as 'begin update doc set n = n; return true; end';
    create domain checked as int check (writes_one(value)); create domain outer_checked as checked;
    create function from_text(text) returns pair language sql as $$ update doc set n = n; select row(1, 'x')::pair $$;
    create cast (text as pair) with function from_text(text);
    create view shows as select writes(1, 2); create view shows_it as select * from shows; create view shows_few as select id from few;
    create view casts as select 5::outer_checked as a; create view adds as select 1 %%> 2 as a;
    create materialized view kept as select 1 as a; analyze;`);
  const read = await readCatalogueOf(client);
  const relations = read.relations.map((each) => ({
    ...each,
    ...((each.rows ?? 0) >= ROWS ? { rows: ROWS * SCALE, bytes: (each.bytes ?? 0) * SCALE } : {}),
  }));
  catalogue = { ...read, relations };
}, 120_000);
afterAll(async () => {
  await server?.remove();
});

const WRITTEN = `select sum(n_tup_upd + n_tup_del)::int as written from pg_stat_xact_user_tables where relname in ('doc', 'follows')`;

async function isHeavy(text: string): Promise<boolean> {
  const files = `select array_agg(pg_relation_filenode(oid) order by oid) as files from pg_class where relname in ('doc', 'follows')`;
  await client.query('begin');
  try {
    const before = (await client.query(files)).rows[0].files;
    const writtenBefore = (await client.query(WRITTEN)).rows[0].written;
    await client.query(text);
    const rewritten = String((await client.query(files)).rows[0].files) !== String(before);
    return rewritten || (await client.query(WRITTEN)).rows[0].written - writtenBefore >= ROWS;
  } finally {
    await client.query('rollback');
  }
}

function isDangerous(text: string, known: Catalogue = catalogue): boolean {
  const { dangerous } = analyse([{ name: 'm.sql', text }], { catalogue: known, lockTimeout: true });
  return dangerous;
}

const ADD = 'alter table doc add column z';

describe('what writes a table again, or all of its rows, is dangerous, whatever runs it', () => {
  test.each([
    `${ADD} outer_rule`,
    `create domain d as inner_rule; ${ADD} d`,
    `create domain d as int; alter domain d add check (value > 0); ${ADD} d`,
    `alter domain inner_rule rename to d; ${ADD} d`,
    `${ADD} information_schema.cardinal_number`,
    'alter table doc alter column n type outer_rule',
    `${ADD} moving`,
    `${ADD} outer_moving`,
    `create domain d as int default (random() * 9)::int; ${ADD} d`,
    `create domain d as moving; ${ADD} d`,
    `alter domain plain set default (random() * 9)::int; ${ADD} plain`,
    `do $$ begin alter domain plain set default (random() * 9)::int; end $$; ${ADD} plain`,
    `${ADD} int default (1 %%% 2)`,
    `${ADD} text default 'x' || (1 %%% 2)::text`,
    `${ADD} int default (1 operator(public.%%%) 2)`,
    `create operator %%%% (leftarg = int, rightarg = int, function = vary); ${ADD} int default (1 %%%% 2)`,
    `${ADD} int default concat(1, 2)`,
    `${ADD} int default given(1)`,
    `alter function vary(int, int) rename to other_name; ${ADD} int default other_name(1, 2)`,
    `${ADD} pair default 1`,
    `${ADD} pair default 1::pair`,
    `update few set id = 3 where id = 1`,
    `insert into few values (1) on conflict (id) do update set id = 3`,
    `merge into few using (values (1)) s(id) on s.id = few.id when matched then update set id = 3`,
    `merge into few using (values (1)) s(id) on s.id = few.id when matched then delete`,
    `delete from few where id = 1`,
    'select * from shows',
    'select * from shows_it',
    'select * from adds',
    'select * from casts',
    'create table n as select * from shows',
    'select 1 %%> 2',
    'create table n(a int); insert into n values (1 %%> 2)',
    'do $$ begin perform 1 %%> 2; end $$',
    'create materialized view m as select 1 %%> 2 as a',
    'select 5::checked',
    'select 5::outer_checked',
    'create table n(a outer_checked); insert into n values (1)',
    `select 'x'::text::pair`,
    'do $$ declare x checked := 2; begin end $$',
    'do $$ declare x public.outer_checked := 2; begin end $$',
    'create function takes(checked) returns int language plpgsql as $$ begin return 1; end $$; select takes(5)',
  ])('%s', async (text) => {
    expect(await isHeavy(text)).toBe(true);
    expect(isDangerous(text)).toBe(true);
  });
});

describe('what writes nothing is safe, though it looks alike', () => {
  test.each([
    `${ADD} outer_plain`,
    `${ADD} inner_rule[]`,
    `${ADD} moving default null`,
    `${ADD} int default (1 === 2)`,
    `${ADD} text default concat('a', 'b', 'c')`,
    `${ADD} text default lower('X')`,
    `${ADD} int default (1 + 2) * 3`,
    `${ADD} timestamptz default now() - interval '1 day'`,
    `${ADD} other default 1`,
    `${ADD} pair default '(1,x)'`,
    'update few set id = id',
    'select * from shows_few',
    'select 5::inner_rule',
    'do $$ declare x inner_rule := 2; y int; begin end $$',
    'select id from few where id between 1 and 2',
  ])('%s', async (text) => {
    expect(await isHeavy(text)).toBe(false);
    expect(isDangerous(text)).toBe(false);
  });
});

it('what a catalogue of before doesn’t hold isn’t believed to be harmless', () => {
  const { operators: _, casts: __, ...rest } = catalogue;
  const before: Catalogue = {
    ...rest,
    types: rest.types.map(({ default: _default, calls: _calls, ...type }) => type),
    relations: rest.relations.map(({ calls: _calls, constraints, ...each }) => ({
      ...each,
      constraints: constraints.map(({ onUpdate: _update, onDelete: _delete, ...constraint }) => constraint),
    })),
  };
  expect(readCatalogue(JSON.stringify(before))).toEqual({ ok: true, catalogue: before });
  const asked = [`${ADD} moving`, `${ADD} int default (1 %%% 2)`, `${ADD} pair default 1`, 'select * from shows'];
  for (const text of [...asked, 'update few set id = 3 where id = 1'])
    expect(isDangerous(text, before), text).toBe(true);
});
