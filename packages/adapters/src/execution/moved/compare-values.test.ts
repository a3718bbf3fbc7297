/** Which values of two places count as the same, and which rows are seen at all: no type's loose equality, no key and no policy hides a difference. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BIN, type RealServer, RealServers } from '../standby/testing/real-servers.ts';
import { comparePlaces } from './compare-places.ts';
import { MoveConfig } from './move-config.ts';

if (BIN === undefined && process.env.HEADGATE_REQUIRE_REAL === '1')
  throw new Error('PostgreSQL 15 isn’t installed: apt-get install postgresql-15');

let servers: RealServers;
let server: RealServer;

const NONE = { missingInNew: 0, missingInOld: 0, different: 0, doubled: 0, keyless: 0 };
const compare = (old: string, other: string, more: object = {}, user = 'postgres') =>
  comparePlaces(
    server.connection(user),
    MoveConfig.parse({
      old,
      new: `/* of the new place */ ${other}`,
      key: ['id'],
      compare: ['v'],
      writtenBy: ['2'],
      ...more,
    }),
    new AbortController().signal,
  );
/** Of one value in each place. */
const values = async (old: string, other: string) =>
  (await compare(`select 1 as id, ${old} as v`, `select 1 as id, ${other} as v`)).differences;
/** Of one key in each place, whose values differ. */
const keys = (old: string, other = old, settleMs = 1) =>
  compare(`select ${old} as id, 1 as v`, `select ${other} as id, 9 as v`, { settleMs });

describe.skipIf(BIN === undefined)('two places', () => {
  beforeAll(async () => {
    servers = await RealServers.make();
    server = await servers.primary();
    await server.sql(`
      create extension citext;
      create extension hstore;
      create collation loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      create schema x;
      create type x."Mood" as enum ('a', 'b');
      create type spans as range (subtype = text, collation = loose);
      create domain month as interval;
      create type pair as (a citext, b interval);
      create role owner1 login`);
  }, 60_000);
  afterAll(() => servers?.remove());

  it.each([
    ['a month and thirty days', `interval '1 month'`, `interval '30 days'`],
    ['a day and 24 hours', `interval '1 day'`, `interval '24 hours'`],
    ['the same of a domain', `'1 month'::month`, `'30 days'::month`],
    ['boxes of one area', `box '((0,0),(1,1))'`, `box '((50,50),(51,51))'`],
    ['circles of one area', `circle '<(0,0),1>'`, `circle '<(9,9),1>'`],
    ['paths of as many points', `path '((0,0),(1,1))'`, `path '((7,7),(9,1))'`],
    ['points that are nearly one', `point '(1,1)'`, `point '(1,1.0000000001)'`],
    ['segments that are nearly one', `lseg '((0,0),(1,1))'`, `lseg '((0,0),(1,1.0000000001))'`],
    ['case, in a list of a loose collation', `array['Ab' collate loose]`, `array['ab' collate loose]`],
    ['case, in a list of citext', `array['Ab'::citext]`, `array['ab'::citext]`],
    ['case, in a row', `row('Ab'::citext, 1)`, `row('ab'::citext, 1)`],
    ['a month and thirty days, in a type of several', `('a', '1 mon')::pair`, `('a', '30 days')::pair`],
    ['a list of intervals', `array[interval '1 mon']`, `array[interval '30 days']`],
    ['the bounds of a range of loose texts', `spans('A', 'b')`, `spans('a', 'b')`],
    ['the weight of a word that is searched for', `'a:A'::tsquery`, `'a:B'::tsquery`],
    ['the positions of a word', `'a'::tsvector`, `'a:1'::tsvector`],
    ['a list that begins elsewhere', `'[0:1]={1,2}'::int[]`, `'{1,2}'::int[]`],
    ['the length of bits', `b'101'`, `b'1010'`],
  ])('differ by: %s', async (_, old, other) => {
    expect(await values(old, other)).toEqual({ ...NONE, different: 1 });
    expect(await values(old, old)).toEqual(NONE);
    expect(await values(other, other)).toEqual(NONE);
  });

  it.each([
    ['ranges of whole numbers', 'int4range(1, 5)', `int4range(1, 4, '[]')`],
    ['lists of numerics of another scale', 'array[1.0, 2]', 'array[1, 2.00]'],
    ['a NULL in a list', 'array[null::int]', 'array[null::int]'],
    ['money', `'1'::money`, `'1.00'::money`],
    ['hstore by another order', `hstore('{a,1,b,2}'::text[])`, `hstore('{b,2,a,1}'::text[])`],
    ['values of an enum', `'a'::x."Mood"`, `'a'::x."Mood"`],
    ['polygons', `polygon '((0,0),(1,1),(2,0))'`, `polygon '((0,0),(1,1),(2,0))'`],
  ])('count as equal: %s', async (_, old, other) => {
    expect(await values(old, other)).toEqual(NONE);
  });

  it.each([
    [`b'101'`, undefined],
    [`b'101'::varbit`, undefined],
    [`'ab'::char(3)`, undefined],
    [`'ab'::char(3)`, `'ab'::text`],
    [`'Ab'::citext`, undefined],
    [`'Ab'::text collate loose`, undefined],
    [`'a'::"char"`, undefined],
    [`'abc'::name`, `'abc'::text`],
    [`'a'::x."Mood"`, undefined],
    [`0.1::float4`, undefined],
    [`'2020-01-01'::timestamptz`, undefined],
    [`'12:00:00.4'::time`, undefined],
    [`'{"a": 1}'::jsonb`, undefined],
    [`array[b'101', b'110']`, undefined],
    [`array[1.0, 2]`, undefined],
  ])('are looked at again by a key %s, and differ then, too', async (old, other) => {
    const { differences, unsettled } = await keys(old, other);
    expect({ differences, unsettled }).toEqual({ differences: { ...NONE, different: 1 }, unsettled: 0 });
  });

  it('are gone through by a key of bits range by range, to the same end', async () => {
    const side = (v: string): string => `select n::bit(12) as id, ${v} as v from generate_series(1, 1000) n`;
    const { differences } = await compare(side('1'), side('case when n = 700 then 2 else 1 end'), { batchRows: 100 });
    expect(differences).toEqual({ ...NONE, different: 1 });
  });

  it('aren’t looked at again by others that a collation takes for their keys', async () => {
    const side = (v: number): string =>
      `select t collate loose as id, case when t = 'ab' then ${v} else 1 end as v from unnest('{Ab,ab,AB}'::text[]) t`;
    const found = await compare(side(1), side(2), { settleMs: 1 });
    expect(found).toMatchObject({ differences: { ...NONE, different: 1 }, unsettled: 0, rows: { old: 3, new: 3 } });
  });

  it.each([
    ['intervals', `interval '1 day'`, /the key id is interval, .* cast it to text/],
    ['lists of citext', `array['a'::citext]`, /the key id is citext\[\], .* cast it to text/],
  ])('aren’t compared by keys whose equality isn’t exact: %s', async (_, key, words) => {
    await expect(keys(key)).rejects.toThrow(words);
  });

  it('aren’t looked at again by a key that is written in two ways', async () => {
    // One key by its type, which each transaction after a session's first one spells otherwise: a session's locks outlive them.
    await server.sql(`create function odd() returns jsonb language plpgsql volatile as $$
      declare own integer := (extract(epoch from now()) * 100)::bigint % 1000000000;
      begin
        perform pg_advisory_lock(own, 1);
        if exists (select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() and classid <> own::oid)
        then return '{"a": 1}'; else return '{"a": 1.0}'; end if;
      end $$`);
    await expect(
      compare(`select odd() as id, 1 as v`, `select '{"a": 7}'::jsonb as id, 1 as v`, { settleMs: 50 }),
    ).rejects.toThrow(/a key is written in two ways/);
  });

  it('aren’t compared in rows that a policy hides, in words', async () => {
    await server.sql(`
      create table hid_old (id int primary key, v int, tenant text);
      create table hid_new (id int primary key, v int);
      insert into hid_old select n, n, case when n < 5 then 'a' else 'b' end from generate_series(1, 10) n;
      insert into hid_new select n, n from generate_series(1, 4) n;
      alter table hid_old enable row level security;
      create policy own on hid_old using (tenant = 'a');
      alter table hid_old owner to owner1; alter table hid_new owner to owner1`);
    const look = () => compare('select id, v from hid_old', 'select id, v from hid_new', {}, 'owner1');
    expect((await look()).differences).toEqual({ ...NONE, missingInNew: 6 });
    await server.sql('alter table hid_old force row level security');
    await expect(look()).rejects.toThrow(/row-level security .* "hid_old", .* bypassrls/);
    await server.sql('alter role owner1 bypassrls');
    expect((await look()).differences).toEqual({ ...NONE, missingInNew: 6 });
  });
});
