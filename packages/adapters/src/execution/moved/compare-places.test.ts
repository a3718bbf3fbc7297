/** Two places of a real PostgreSQL 15 are compared: against an oracle that never asks the database, and beside writers. */

import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BIN, type RealServer, RealServers } from '../standby/testing/real-servers.ts';
import { comparePlaces } from './compare-places.ts';
import { MoveConfig } from './move-config.ts';

if (BIN === undefined && process.env.HEADGATE_REQUIRE_REAL === '1')
  throw new Error('PostgreSQL 15 isn’t installed: apt-get install postgresql-15');

let servers: RealServers;
let server: RealServer;

const NONE = { missingInNew: 0, missingInOld: 0, different: 0, doubled: 0, keyless: 0 };
const MOVE = {
  old: 'select tenant, id, net from invoice where not gone',
  new: 'select t as tenant, invoice as id, net from amount',
  key: ['tenant', 'id'],
  compare: ['net'],
  tenant: 'tenant',
  amounts: ['net'],
  writtenBy: ['2.0.0'],
};
const compare = (more: object = {}, signal = new AbortController().signal) =>
  comparePlaces(server.connection(), MoveConfig.parse({ ...MOVE, ...more }), signal);
/** Of one value in each place, whatever its type. */
const pair = (old: string, other: string, more: object = {}) =>
  compare({
    ...{ old: `select 1 as id, ${old} as v`, new: `select (1) as id, ${other} as v` },
    ...{ key: ['id'], compare: ['v'], tenant: undefined, amounts: [] },
    ...more,
  });

describe.skipIf(BIN === undefined)('two places', () => {
  beforeAll(async () => {
    servers = await RealServers.make();
    server = await servers.primary();
    await server.sql(`
      create table invoice (tenant text, id int, net numeric(12,2), gone boolean not null default false);
      create table amount (t text, invoice bigint, net numeric);
      create index on invoice (tenant, id);
      create index on amount (t, invoice);
      create collation loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`);
  }, 60_000);
  afterAll(() => servers?.remove());

  it.each([
    ['NULL and NULL', 'null::int', 'null::int'],
    ['NaN and NaN', `'NaN'::float8`, `'NaN'::float8`],
    ['a numeric NaN and another', `'NaN'::numeric`, `'NaN'::numeric`],
    ['-0 and 0', `'-0'::float8`, `0::float8`],
    ['numbers of another scale', '1.0::numeric', '1.000::numeric'],
    ['a whole number and a numeric', '7::int', '7.00::numeric'],
    ['a char’s padding and none', `'ab'::char(5)`, `'ab'::text`],
    ['jsonb by another order of its keys', `'{"a": 1, "b": 2.0}'::jsonb`, `'{"b": 2, "a": 1}'::jsonb`],
    ['one moment in two zones', `'2026-03-01 12:00+01'::timestamptz`, `'2026-03-01 11:00+00'::timestamptz`],
  ])('count as equal: %s', async (_, old, other) => {
    const { differences, rows } = await pair(old, other);
    expect({ differences, rows }).toEqual({ differences: NONE, rows: { old: 1, new: 1 } });
  });

  it.each([
    ['NULL and nothing in it', 'null::text', `''::text`],
    ['NULL and zero', 'null::int', '0'],
    ['one cent', '1.00::numeric', '1.01::numeric'],
    ['a text’s blank at its end', `'ab '::text`, `'ab'::text`],
    ['case, where a collation overlooks it', `'Ab'::text collate loose`, `'ab'::text collate loose`],
    ['an accent in two forms', `E'\\u00e9'::text`, `E'e\\u0301'::text`],
    ['elements of a list in another order', `'[1, 2]'::jsonb`, `'[2, 1]'::jsonb`],
    ['an hour', `'2026-03-01 12:00+01'::timestamptz`, `'2026-03-01 12:00+00'::timestamptz`],
  ])('differ by: %s', async (_, old, other) => {
    expect((await pair(old, other)).differences).toEqual({ ...NONE, different: 1 });
  });

  it.each([
    ['a moment with a zone and one without', 'now()', 'now()::timestamp', /v is timestamp with time zone in the old/],
    ['floats of two widths', '1::float4', '1::float8', /cast one of them/],
    ['json, which has no equality', `'{}'::json`, `'{}'::json`, /cast it to jsonb/],
  ])('aren’t compared, in words: %s', async (_, old, other, words) => {
    await expect(pair(old, other)).rejects.toThrow(words);
  });

  it('aren’t compared by what isn’t exact, isn’t there, or can write', async () => {
    await expect(pair('1::float8', '1::float8', { amounts: ['v'] })).rejects.toThrow(/no exact number/);
    await expect(pair('1', '1', { key: ['no'] })).rejects.toThrow(/0 columns named no/);
    await expect(compare({ old: 'delete from invoice returning *' })).rejects.toThrow(/syntax error|WITH/i);
    await expect(compare({ new: `select 'a' as tenant, nextval('s') as id, 1 as net` })).rejects.toThrow(/"s"/);
    await expect(
      compare({ old: `select 'a' as tenant, 1 as id, ('x' || tenant)::int as net from invoice` }),
    ).resolves.toBeDefined();
    await server.sql(`insert into invoice values ('secret', 1, 1)`);
    const quoting = compare({ old: `select tenant, id, tenant::numeric as net from invoice` });
    await expect(quoting).rejects.toThrow(/22P02/);
    await expect(quoting).rejects.not.toThrow(/secret/);
    await server.sql('delete from invoice');
  });

  it('are found to differ in what an oracle says, which reads no database', async () => {
    const row = fc.record({
      tenant: fc.constantFrom('a', 'b', 'Ä', 'b '),
      id: fc.option(fc.integer({ min: 0, max: 12 }), { nil: null, freq: 30 }),
      cents: fc.option(fc.integer({ min: -3, max: 3 }), { nil: null, freq: 8 }),
    });
    type Row = { tenant: string; id: number | null; cents: number | null };
    const change = fc.record({ at: fc.nat(), how: fc.constantFrom('drop', 'double', 'cent', 'add') });
    const client = new pg.Client(server.connection());
    await client.connect();
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.array(row, { maxLength: 40 }),
          fc.array(change, { maxLength: 6 }),
          fc.constantFrom(100, 1_000),
          async (rows, changes, batchRows) => {
            const other: Row[] = rows.map((each) => ({ ...each }));
            for (const { at, how } of changes) {
              const i = other.length === 0 ? 0 : at % other.length;
              if (how === 'add' || other.length === 0) other.push({ tenant: 'b', id: 100 + (at % 5), cents: 1 });
              else if (how === 'drop') other.splice(i, 1);
              else if (how === 'double') other.push({ ...other[i]! });
              else other[i] = { ...other[i]!, cents: (other[i]!.cents ?? 0) + 1 };
            }
            await client.query('truncate invoice, amount');
            const cells = (all: readonly Row[]) => [
              all.map((r) => r.tenant),
              all.map((r) => r.id),
              all.map((r) => r.cents),
            ];
            await client.query(
              'insert into invoice select t, i, c / 100.0 from unnest($1::text[], $2::int[], $3::int[]) u(t, i, c)',
              cells(rows),
            );
            await client.query(
              'insert into amount select t, i, c / 100.0 from unnest($1::text[], $2::int[], $3::int[]) u(t, i, c)',
              cells(other),
            );
            const found = await compare({ batchRows });
            const said = oracle(rows, other);
            expect(found.differences).toEqual(said.differences);
            expect(found.rows).toEqual({ old: rows.length, new: other.length });
            expect(Object.fromEntries(found.tenants.map((each) => [each.tenant, each.differences]))).toEqual(
              said.tenants,
            );
            expect(found.sums).toEqual([{ amount: 'net', old: decimal(rows), new: decimal(other) }]);
          },
        ),
        { numRuns: 60 },
      );
    } finally {
      await client.end();
    }
  }, 120_000);

  it('are gone through range by range to the same end, and at most twenty keys of a kind are named', async () => {
    await server.sql(`truncate invoice, amount;
      insert into invoice select case when n % 3 = 0 then 'a' else 'b' end, n, n / 7.0 from generate_series(1, 5000) n;
      insert into amount select tenant, id, net from invoice;
      delete from amount where invoice % 10 = 0;
      update amount set net = net + 0.01 where invoice = 4999;
      insert into amount select 'c', n, 1 from generate_series(1, 130) n;
      analyze`);
    const [whole, ranges] = [await compare({ batchRows: 1_000_000 }), await compare({ batchRows: 100 })];
    const { keys, statements, tookMs: _, ...figures } = ranges;
    expect(figures.differences).toEqual({ ...NONE, missingInNew: 500, missingInOld: 130, different: 1 });
    expect(figures.tenants).toEqual([
      { tenant: 'b', differences: 335 },
      { tenant: 'a', differences: 166 },
      { tenant: 'c', differences: 130 },
    ]);
    expect(whole).toMatchObject(figures);
    expect(statements).toBeGreaterThan(50);
    expect(keys.filter(({ what }) => what === 'missingInNew')).toHaveLength(20);
    expect(keys).toContainEqual({ what: 'different', key: ['b', '4999'], tenant: 'b' });
    expect(keys.length).toBe(41);
  }, 60_000);

  it('agree however much is written meanwhile, where each row is written to both in one transaction', async () => {
    await server.sql('truncate invoice, amount');
    const writers = await startWriters('one transaction');
    try {
      for (let i = 0; i < 8; i++) {
        const found = await compare({ batchRows: 100 });
        expect({ ...found.differences, unsettled: found.unsettled }).toEqual({ ...NONE, unsettled: 0 });
        expect(found.sums[0]!.old).toBe(found.sums[0]!.new);
      }
    } finally {
      expect(await writers.stop()).toBeGreaterThan(50);
    }
  }, 60_000);

  it('agree although the two writes are two transactions, where it is said how far apart they are; and what lacks one is told', async () => {
    await server.sql('truncate invoice, amount');
    const writers = await startWriters('two transactions');
    try {
      let once = 0;
      for (let i = 0; i < 6; i++) {
        once += sum((await compare()).differences);
        const found = await compare({ settleMs: 150 });
        expect(found.differences).toEqual(NONE);
        expect(found.unsettled).toBe(0);
        expect(found.rows.old).toBe(found.rows.new);
        expect(found.sums[0]!.old).toBe(found.sums[0]!.new);
      }
      // Looked at once they were seen between two writes: so it is looking again that told.
      expect(once).toBeGreaterThan(0);
      await server.sql(`insert into invoice values ('forgotten', 1, 9.99)`);
      const found = await compare({ settleMs: 150 });
      expect(found.differences).toEqual({ ...NONE, missingInNew: 1 });
      expect(found.tenants).toEqual([{ tenant: 'forgotten', differences: 1 }]);
    } finally {
      await writers.stop();
    }
  }, 60_000);

  it('aren’t known to differ in what changes with every look', async () => {
    const found = await pair('1.5::numeric', 'extract(epoch from clock_timestamp())::numeric', { settleMs: 5 });
    expect(found).toMatchObject({ differences: NONE, unsettled: 1, keys: [] });
    // What stands as it stood is another thing.
    expect(await pair('1.5', '1.6', { settleMs: 5 })).toMatchObject({
      differences: { ...NONE, different: 1 },
      unsettled: 0,
    });
  });

  it('aren’t waited for without end', async () => {
    await expect(
      compare({ old: `select 'a' as tenant, 1 as id, 1.0 as net from pg_sleep(5)`, statementMs: 100 }),
    ).rejects.toThrow(/took longer than it may/);
    const ends = AbortSignal.timeout(300);
    await expect(compare({ old: `select 'a' as tenant, 1 as id, 1.0 as net from pg_sleep(5)` }, ends)).rejects.toThrow(
      /timeout/i,
    );
  }, 30_000);

  it('are let go of at once, with their locks, when a step begins', async () => {
    const end = new AbortController();
    const slow = compare(
      { old: `select tenant, id, net + (select 0 from pg_sleep(60)) as net from invoice` },
      end.signal,
    );
    slow.catch(() => {});
    const locks = `select count(*)::int as n from pg_locks where relation = 'invoice'::regclass and pid <> pg_backend_pid()`;
    await expect
      .poll(async () => (await server.sql<{ n: number }>(locks))[0]!.n, { timeout: 10_000 })
      .toBeGreaterThan(0);
    end.abort(new Error('a step of a promotion begins'));
    await expect(slow).rejects.toThrow('a step of a promotion begins');
    // The statement itself would have slept for a minute.
    await server.sql(`set lock_timeout = '10s'; lock table invoice in access exclusive mode`);
  }, 30_000);

  async function startWriters(how: 'one transaction' | 'two transactions') {
    let stopped = false;
    let wrote = 0;
    const work = async (n: number): Promise<void> => {
      const client = new pg.Client(server.connection());
      await client.connect();
      for (let i = 1; !stopped; i++) {
        const id = n * 100_000 + i;
        const [apart, begin, end] = how === 'two transactions' ? [10, '', ''] : [0, 'begin', 'commit'];
        const both = async (one: string, other: string): Promise<void> => {
          if (begin !== '') await client.query(begin);
          await client.query(one);
          if (apart > 0) await new Promise((done) => setTimeout(done, apart));
          await client.query(other);
          if (end !== '') await client.query(end);
          wrote++;
        };
        await both(`insert into invoice values ('w', ${id}, ${i}.5)`, `insert into amount values ('w', ${id}, ${i}.5)`);
        const last = n * 100_000 + Math.max(1, i - 1);
        await both(
          `update invoice set net = net + 1 where id = ${last}`,
          `update amount set net = net + 1 where invoice = ${last}`,
        );
        if (i % 5 === 0) await both(`delete from invoice where id = ${id}`, `delete from amount where invoice = ${id}`);
      }
      await client.end();
    };
    const all = [1, 2, 3].map(work);
    await expect.poll(() => wrote).toBeGreaterThan(10);
    return {
      async stop(): Promise<number> {
        stopped = true;
        await Promise.all(all);
        return wrote;
      },
    };
  }
});

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);

/** In cents, by whole numbers of JavaScript's. */
function decimal(rows: readonly { readonly cents: number | null }[]): string {
  const cents = rows.reduce((all, each) => all + (each.cents ?? 0), 0);
  const text = `${Math.trunc(Math.abs(cents) / 100)}.${String(Math.abs(cents) % 100).padStart(2, '0')}`;
  return `${cents < 0 ? '-' : ''}${text.replace(/\.?0+$/, '')}`;
}

/** What differs, counted with maps. */
function oracle(
  old: readonly { tenant: string; id: number | null; cents: number | null }[],
  other: readonly { tenant: string; id: number | null; cents: number | null }[],
) {
  const differences = { ...NONE };
  const tenants: Record<string, number> = {};
  const grouped = (rows: typeof old) => {
    const found = new Map<string, (typeof old)[number][]>();
    for (const each of rows) {
      if (each.id === null) differences.keyless++;
      else found.set(`${each.id}|${each.tenant}`, [...(found.get(`${each.id}|${each.tenant}`) ?? []), each]);
    }
    return found;
  };
  const [ours, theirs] = [grouped(old), grouped(other)];
  for (const key of new Set([...ours.keys(), ...theirs.keys()])) {
    const [a = [], b = []] = [ours.get(key), theirs.get(key)];
    const what =
      b.length === 0
        ? 'missingInNew'
        : a.length === 0
          ? 'missingInOld'
          : a.length > 1 || b.length > 1
            ? 'doubled'
            : a[0]!.cents !== b[0]!.cents
              ? 'different'
              : undefined;
    if (what === undefined) continue;
    differences[what]++;
    const { tenant } = (a[0] ?? b[0])!;
    tenants[tenant] = (tenants[tenant] ?? 0) + 1;
  }
  return { differences, tenants };
}
