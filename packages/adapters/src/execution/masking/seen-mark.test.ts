/** What an agent sees of a copy's mark, in real databases whose owners may have put anything there. */
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { completeMark, copyFacts, markCopy, readMark } from './copy-mark.ts';
import { seenMarkAlone } from './seen-mark.ts';
import { type ErpCopies, erpCopies } from './testing/erp-copy.ts';

const RULES = `sha256:${'ab'.repeat(32)}` as const;
let copies: ErpCopies;
beforeAll(async () => {
  copies = await erpCopies();
}, 120_000);
afterAll(() => copies?.remove());

const seen = (database: pg.ClientConfig) => withClient(database, seenMarkAlone);
const run = (database: pg.ClientConfig, sql: string) => withClient(database, (client) => client.query(sql));

test('a copy is what its mark says, as far as its masking has come', async () => {
  const copy = await copies.fresh('seen', 'erp');
  await run(copy, 'drop schema if exists headgate_copy cascade');
  expect(await seen(copy), 'no mark').toBeUndefined();
  await withClient(copy, (client) => markCopy(client as pg.Client, "last night's dump\u001b[31m"));
  expect(await seen(copy)).toEqual({ of: "last night's dump\ufffd[31m" });
  await withClient(copy, (client) => completeMark(client as pg.Client, RULES, undefined, []));
  expect(await seen(copy)).toEqual({ of: expect.any(String), maskedBy: RULES });
  await withClient(copy, (client) => completeMark(client as pg.Client, RULES, 3, []));
  expect(await seen(copy)).toEqual({ of: expect.any(String), maskedBy: RULES, leaks: 3 });
  await run(copy, `update headgate_copy.mark set place = '1/1'`);
  expect(await seen(copy), 'a mark that came with the data').toBeUndefined();
});

const EVIL = `create table public.ran (what text);
  create function public.evil(what text) returns text language plpgsql volatile as $$ begin insert into public.ran values (what); return what; end $$;
  alter table headgate_copy.mark rename to real_mark;`;

test.each<[string, string]>([
  [
    'a view',
    `create view headgate_copy.mark as select place, public.evil(made_of) as made_of, masked_by, leaks from headgate_copy.real_mark`,
  ],
  ['a materialised view', 'create materialized view headgate_copy.mark as select * from headgate_copy.real_mark'],
  [
    'row security',
    `create table headgate_copy.mark as table headgate_copy.real_mark; alter table headgate_copy.mark enable row level security, force row level security;
     create policy tell on headgate_copy.mark using (public.evil(made_of) = made_of)`,
  ],
  [
    'columns of other types',
    `create table headgate_copy.mark as select place::varchar::name as place, made_of, masked_by, leaks from headgate_copy.real_mark`,
  ],
  [
    'two rows',
    'create table headgate_copy.mark as table headgate_copy.real_mark; insert into headgate_copy.mark table headgate_copy.real_mark',
  ],
  ['an empty table', 'create table headgate_copy.mark (like headgate_copy.real_mark)'],
])('%s in place of the mark is none, and runs nothing', async (what, sql) => {
  const copy = await copies.fresh(`evil${what.length}`, 'erp');
  await run(copy, 'drop schema if exists headgate_copy cascade');
  await withClient(copy, (client) => markCopy(client as pg.Client, 'a dump'));
  expect(await seen(copy)).toEqual({ of: 'a dump' });
  await run(copy, `${EVIL} ${sql}; truncate public.ran`);
  expect(await seen(copy)).toBeUndefined();
  if (!/^(two|an|columns) /.test(what))
    expect(await withClient(copy, (client) => readMark(client as pg.Client)), 'nor for whoever masks').toMatchObject({
      refusal: { code: 'not-a-copy', why: expect.stringContaining('isn’t the plain table') },
    });
  expect((await run(copy, 'select * from public.ran')).rows).toEqual([]);
});

test('a copy whose masked tables were exchanged for others is masked by nothing; one that lost a table is as it was', async () => {
  const copy = await copies.fresh('refilled', 'erp');
  await run(copy, 'drop schema if exists headgate_copy cascade; create table public.late (email text)');
  await run(copy, 'create schema "odd.name"; create table "odd.name"."a ""table" (email text)');
  await withClient(copy, (client) => markCopy(client as pg.Client, 'a dump'));
  const tables = ['"public"."late"', '"odd.name"."a ""table"'];
  await withClient(copy, (client) => completeMark(client as pg.Client, RULES, 0, tables));
  const masked = { of: 'a dump', maskedBy: RULES, leaks: 0 };
  expect(await seen(copy)).toEqual(masked);
  await run(
    copy,
    'alter table public.late add column more int; alter table public.late alter column more type int8; drop table "odd.name"."a ""table"',
  );
  expect(await seen(copy), 'altered, written anew, dropped').toEqual(masked);

  // What pg_restore --clean of last night's dump does with every table.
  await run(
    copy,
    `drop table public.late; create table public.late (email text); insert into public.late values ('a@b.example')`,
  );
  expect(await seen(copy)).toEqual({ of: 'a dump' });
  expect(await withClient(copy, (client) => copyFacts(client as pg.Client))).toMatchObject({
    of: 'a dump',
    maskedBy: undefined,
  });
  await withClient(copy, (client) => completeMark(client as pg.Client, RULES, 0, tables));
  expect(await seen(copy)).toEqual(masked);
});

test.each<[string, string]>([
  [
    'a view',
    'create view headgate_copy.masked as select number, public.evil(of_schema) as of_schema, of_name from headgate_copy.real',
  ],
  [
    'other types',
    'create table headgate_copy.masked as select number, of_schema::name as of_schema, of_name from headgate_copy.real',
  ],
])('%s in place of the list of masked tables is none, and runs nothing', async (what, sql) => {
  const copy = await copies.fresh(`list${what.length}`, 'erp');
  await run(copy, 'drop schema if exists headgate_copy cascade');
  await withClient(copy, (client) => markCopy(client as pg.Client, 'a dump'));
  await withClient(copy, (client) => completeMark(client as pg.Client, RULES, 0, []));
  await run(
    copy,
    `${EVIL} alter table headgate_copy.real_mark rename to mark; alter table headgate_copy.masked rename to real`,
  );
  expect(await seen(copy), 'a mark from before there was a list').toMatchObject({ maskedBy: RULES });
  await run(copy, `${sql}; truncate public.ran`);
  expect((await seen(copy))?.maskedBy).toBeUndefined();
  expect((await run(copy, 'select * from public.ran')).rows).toEqual([]);
});
