/** A file's call pauses for everybody who works: where, for whom, and when it is let go. */
import { loadParser } from '@headgate/migrations/parse/parser';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BIN, type RealServer, RealServers } from '../../standby/testing/real-servers.ts';
import { pausing } from './pause.ts';

if (BIN === undefined && process.env.HEADGATE_REQUIRE_REAL === '1')
  throw new Error('PostgreSQL 15 isn’t installed: apt-get install postgresql-15');

let servers: RealServers;
let server: RealServer;

describe.skipIf(BIN === undefined)('a call that commits', { timeout: 60_000 }, () => {
  beforeAll(async () => {
    await loadParser();
    servers = await RealServers.make();
    server = await servers.primary();
    await server.sql('create table first(n int); create table second(n int)');
  }, 60_000);
  afterAll(() => servers?.remove());

  /** Runs the file in one transaction; `pending` is asked at each pause until it says 0. */
  const paused = async (text: string, pending: () => number, most?: number) => {
    const up = async (gated: string) => {
      const client = new pg.Client(server.connection());
      await client.connect();
      try {
        await client.query(`begin; set local lock_timeout = '2s'`);
        await client.query(gated);
        await client.query('commit');
        return { ok: true as const, value: undefined };
      } finally {
        await client.end();
      }
    };
    const users = { begun: 0, pending, hurry: () => {} };
    const signal = new AbortController().signal;
    return pausing({ text, users, control: server.connection(), signal, up, most });
  };

  test('pauses before its first statement and behind each one, for longer than it waits for locks otherwise', async () => {
    let asked = 0;
    const since = performance.now();
    // At the last place it waits for longer than its lock_timeout allows.
    const pending = (): number => (++asked < 4 ? 0 : performance.now() - since < 3_000 ? 1 : 0);
    const text = `create table waits as select current_setting('lock_timeout') as at; insert into first select 1;
      insert into waits select current_setting('lock_timeout') -- and no semicolon`;
    expect(await paused(text, pending)).toEqual({
      ...{ end: { ok: true, value: undefined }, paused: 4, places: 4, free: 4 },
    });
    expect(await server.sql('select at from waits')).toEqual([{ at: '2s' }, { at: '2s' }]);
  });

  test('is paused at forty places at most, the first and the last among them, and says of how many', async () => {
    const text = Array.from({ length: 99 }, (_, n) => `insert into first select ${n}`).join(';\n');
    expect(await paused(text, () => 0)).toMatchObject({ paused: 40, places: 100, free: 40 });
  });

  test('goes on once who hasn’t worked waits for its lock, says from where on, and can be called without those pauses', async () => {
    const other = new pg.Client(server.connection());
    await other.connect();
    try {
      let asked = 0;
      let waiting: Promise<unknown> | undefined;
      const pending = (): number => {
        if (++asked < 3) return 0;
        waiting ??= other.query('select * from first');
        return 1;
      };
      const text = 'select 1; lock table first; lock table second';
      expect(await paused(text, pending)).toMatchObject({ paused: 4, places: 4, free: 2 });
      await waiting;
      const places: number[] = [];
      const each = (): number => places.push(1) * 0;
      expect(await paused(text, each, 2)).toMatchObject({ end: { ok: true }, paused: 2, places: 4 });
      expect(places).toHaveLength(2);
    } finally {
      await other.end();
    }
  });

  test('that breaks off is told as it broke, and nothing is held any more', async () => {
    const { end, paused: times } = await paused('select 1; select 1/0; select 2', () => 0);
    expect(end).toEqual({ broke: 'division by zero' });
    expect(times).toBe(2);
    const held = `select count(*)::int as n from pg_locks where locktype = 'advisory'`;
    await expect.poll(() => server.sql(held)).toEqual([{ n: 0 }]);
  });
});
