/**
 * Measures for the repository's bench, on a scratch database that was migrated: they leave entries on its log. `url` is
 * the application's, but for the bare commits, which make a table of their own and need the admin's.
 */
import type { Write } from '@headgate/control/ports/store';
import pg from 'pg';
import { openPostgresControl } from './open.ts';

/** Sequencer throughput in entries a second, over `entries` waiting ones, in transactions of at most 1,000. */
export async function measureSequencer(url: string, entries = 20_000): Promise<number> {
  const control = await openPostgresControl({ databaseUrl: url, poolSize: 4 });
  try {
    while ((await control.log.place(1_000)) > 0);
    const perCommit = 500;
    const run = Date.now().toString(36);
    for (let made = 0; made < entries; made += perCommit) {
      const events = Array.from({ length: perCommit }, (_, i) => ({
        type: 'bench.happened',
        data: { n: made + i, why: 'the sequencer is measured with entries of a usual size', text: 'x'.repeat(200) },
      }));
      const write: Write = { stream: `bench/${run}-${made}`, expected: 0, entries: events, state: {}, dueAt: null };
      await control.store.commit({ by: 'sys', writes: [write] });
    }
    const start = performance.now();
    let placed = 0;
    for (;;) {
      const n = await control.log.place(1_000);
      if (n === 0) break;
      placed += n;
    }
    return placed / ((performance.now() - start) / 1_000);
  } finally {
    await control.close();
  }
}

/** Bare insert-commits a second of one connection: rows of about 500 bytes, one transaction each. */
export async function measureBareCommits(adminUrl: string, durationMs = 3_000): Promise<number> {
  const client = new pg.Client({ connectionString: adminUrl, application_name: 'headgate bench' });
  await client.connect();
  try {
    const table = `headgate_bench_${process.pid}_${Date.now()}`;
    await client.query(`create table ${table} (id bigint generated always as identity primary key, body text)`);
    const statement = { name: 'bench', text: `insert into ${table} (body) values ($1)`, values: ['x'.repeat(500)] };
    // New WAL files and cold caches would make the first second look slow, and every ratio to it look good.
    for (const warm = performance.now(); performance.now() - warm < durationMs / 4; ) await client.query(statement);
    const start = performance.now();
    let commits = 0;
    while (performance.now() - start < durationMs) {
      await client.query(statement);
      commits++;
    }
    const rate = commits / ((performance.now() - start) / 1_000);
    await client.query(`drop table ${table}`);
    return rate;
  } finally {
    await client.end();
  }
}

/**
 * Ticks a second that the store alone allows: `rows` rows that are always due, claimed in batches and each committed with
 * one entry, a fact read, and a wake. The server's own ticks also load facts and decide.
 */
export async function measureStoreTicks(url: string, rows = 1_000, durationMs = 3_000, batch = 50): Promise<number> {
  const control = await openPostgresControl({ databaseUrl: url });
  const { store } = control;
  const run = `bench-${process.pid}-${Date.now().toString(36)}`;
  const fact = `fact/${run}`;
  try {
    const entry = { type: 'bench.ticked', data: { why: 'x'.repeat(200) } };
    const state = { facts: 'y'.repeat(1_500) };
    const create = (stream: string, dueAt: number | null): Write => ({
      stream,
      expected: 0,
      entries: [entry],
      state,
      dueAt,
    });
    await store.commit({ by: 'sys', writes: [create(fact, null)] });
    for (let made = 0; made < rows; made += 500) {
      const length = Math.min(500, rows - made);
      const writes = Array.from({ length }, (_, i) => create(`tick/${run}-${made + i}`, 1));
      await store.commit({ by: 'sys', writes });
    }
    const start = performance.now();
    let ticks = 0;
    while (performance.now() - start < durationMs) {
      const { now, rows: due } = await store.claim(batch, 5_000);
      const committed = await Promise.all(
        due.map((row) =>
          store.commit({
            by: 'sys',
            writes: [{ stream: row.stream, expected: row.version, entries: [entry], state, dueAt: now }],
            reads: [{ stream: fact, version: 1 }],
          }),
        ),
      );
      ticks += committed.filter((c) => c.ok).length;
    }
    const rate = ticks / ((performance.now() - start) / 1_000);
    const left = await store.list('tick', { limit: 1_000, after: `tick/${run}` });
    await Promise.all(left.map((row) => store.postpone(row.stream, row.version, null)));
    return rate;
  } finally {
    await control.close();
  }
}
