import { StoreUnavailable } from '@headgate/control/ports/errors';
import { decodeEntry } from '@headgate/documents/log/entry';
import { writeOf } from '@headgate/testkit/control/world';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gone } from '../../machine/process-identity.ts';
import { embeddedDatabase, type TestDatabase } from './control-database.test-support.ts';
import { openPostgresControl, type PostgresControl } from './open.ts';

let database: TestDatabase;
let control: PostgresControl;

beforeAll(async () => {
  database = await embeddedDatabase(18);
  control = await openPostgresControl({ databaseUrl: database.databaseUrl, poolSize: 4, connectMs: 1_000 });
});

afterAll(async () => {
  await control?.close();
  await database?.close();
});

const write = (stream: string, expected: number) =>
  control.store.commit({ by: 'u', writes: [writeOf(stream, expected)] });

/** Tries until the database is back. A conflict on a retry says that an earlier try had happened. */
async function insist(stream: string, expected: number): Promise<void> {
  const until = Date.now() + 30_000;
  for (let tries = 0; ; tries++) {
    try {
      const committed = await write(stream, expected);
      if (committed.ok || tries > 0) return;
      throw new Error(`${stream} conflicts at the first try`);
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || Date.now() > until) throw error;
      await new Promise((done) => setTimeout(done, 20));
    }
  }
}

test('kill -9 of PostgreSQL under load: nothing acknowledged is lost, nothing happens twice, work goes on by itself', async () => {
  const streams = Array.from({ length: 6 }, (_, i) => `kill/${i}`);
  let running = true;
  const acknowledged = new Map<string, number>();
  const writers = streams.map(async (stream) => {
    for (let version = 0; running; version++) {
      await insist(stream, version);
      acknowledged.set(stream, version + 1);
    }
  });
  const sequencer = (async () => {
    while (running) await control.log.place(100).catch(() => new Promise((done) => setTimeout(done, 20)));
  })();
  const cluster = database.cluster!;
  for (let kill = 0; kill < 2; kill++) {
    await new Promise((done) => setTimeout(done, 300));
    const postmaster = (await cluster.postmaster())!;
    process.kill(postmaster.pid, 'SIGKILL');
    expect(await gone(postmaster, 5_000)).toBe(true);
    await cluster.start();
  }
  const before = new Map(acknowledged);
  await expect
    .poll(() => streams.every((stream) => acknowledged.get(stream)! > before.get(stream)!), { timeout: 10_000 })
    .toBe(true);
  running = false;
  await Promise.all([...writers, sequencer]);
  while ((await control.log.place(1_000)) > 0);
  const placed = new Map<string, number[]>();
  for (let from = 0; ; from += 1_000) {
    const page = await control.log.entries(from, 1_000);
    for (const { bytes } of page) {
      const decoded = decodeEntry(bytes);
      if (!decoded.ok) throw new Error(decoded.why);
      const { stream, version } = decoded.entry;
      placed.set(stream, [...(placed.get(stream) ?? []), version]);
    }
    if (page.length < 1_000) break;
  }
  for (const stream of streams) {
    const version = (await control.store.load([stream])).get(stream)!.version;
    expect(version).toBe(acknowledged.get(stream));
    expect(placed.get(stream)).toEqual(Array.from({ length: version }, (_, i) => i + 1));
  }
});

test('a stopped database is unavailable, and used again once it is back', async () => {
  await database.cluster!.stop();
  await expect(control.store.now()).rejects.toThrow(StoreUnavailable);
  await expect(write('stop/1', 0)).rejects.toThrow(StoreUnavailable);
  await expect(control.log.place(1)).rejects.toThrow(StoreUnavailable);
  await database.cluster!.start();
  await insist('stop/1', 0);
  expect((await control.store.load(['stop/1'])).size).toBe(1);
});

test('sessions that are ended from outside are replaced', async () => {
  const admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  await Promise.all([control.store.now(), control.store.now(), control.store.now()]);
  const ended = await admin.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'headgate'",
  );
  expect(ended.rowCount).toBeGreaterThan(0);
  await insist('ended/1', 0);
  const { rows } = await admin.query(
    "select count(*)::int as n from pg_stat_activity where application_name = 'headgate' and state = 'idle in transaction'",
  );
  expect(rows[0].n).toBe(0);
  await admin.end();
});

test('claims do not wait for the disk, commits do', async () => {
  await insist('claim/1', 0);
  const row = (await control.store.load(['claim/1'])).get('claim/1')!;
  await control.store.postpone(row.stream, row.version, 1);
  const admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  const settingAfter = async (call: string) => {
    await admin.query('begin');
    await admin.query(call);
    const { rows } = await admin.query("select current_setting('synchronous_commit') as s");
    await admin.query('commit');
    return rows[0].s;
  };
  expect(await settingAfter('select * from headgate.claim(1, 1)')).toBe('off');
  expect(await settingAfter('select * from headgate.log_place(1)')).toBe('on');
  await admin.end();
});
