/**
 * Ticks a second of two server processes with a thousand rollouts in flight, and what that is of one connection's bare
 * insert-commits on the same cluster, disk and minute. A tick is counted where it counts: as a transaction on the log.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { measureBareCommits } from '@headgate/adapters/control/postgres/bench';
import pg from 'pg';
import { mean, rate, ratio } from './arithmetic.ts';
import { type Figure, figure } from './figure.ts';
import { seedFleet } from './fleet.ts';
import { type ScratchDatabase, say, withControlDatabase } from './scratch.ts';
import { withDeps } from './seeding.ts';
import { type CommittedEntry, countTicks } from './tick-count.ts';

const ROLLOUTS = 1_000;
const ENVIRONMENTS = 25;
const SERVERS = 2;
const WARM_MS = 2_000;
const MEASURE_MS = 8_000;
const BARE_MS = 2_000;
const WORKER = join(import.meta.dirname, 'ticks-worker.ts');

export async function tickFigures(): Promise<readonly Figure[]> {
  return withControlDatabase(async (database) => {
    say(`making ${ENVIRONMENTS} promotions over ${ROLLOUTS} cells`);
    const shape = { environments: ENVIRONMENTS, cellsEach: ROLLOUTS / ENVIRONMENTS, approved: true };
    const { environments } = await withDeps(database.databaseUrl, (deps) => seedFleet(deps, shape));
    const admin = new pg.Client({ connectionString: database.adminUrl });
    await admin.connect();
    try {
      const before = await measureBareCommits(database.adminUrl, BARE_MS);
      const ticks = await measureTicks(database, admin, environments);
      const bare = mean([before, await measureBareCommits(database.adminUrl, BARE_MS)]);
      say(`${ticks.toFixed(0)} ticks/s beside ${bare.toFixed(0)} bare commits/s of one connection`);
      return [figure('ticks', ticks), figure('ticks-per-bare-commit', ratio(ticks, bare))];
    } finally {
      await admin.end();
    }
  });
}

async function measureTicks(
  database: ScratchDatabase,
  admin: pg.Client,
  environments: readonly string[],
): Promise<number> {
  const servers = await Promise.all(
    Array.from({ length: SERVERS }, (_, s) =>
      startServer(
        database,
        s,
        environments.filter((_e, i) => i % SERVERS === s),
      ),
    ),
  );
  try {
    const deadline = performance.now() + 60_000;
    while ((await inFlight(admin)) < ROLLOUTS) {
      if (performance.now() > deadline) throw new Error(`only ${await inFlight(admin)} rollouts came into flight`);
      await pause(100);
    }
    await pause(WARM_MS);
    const from = await lastEntry(admin);
    const start = performance.now();
    await pause(MEASURE_MS);
    const entries = await entriesAfter(admin, from);
    const elapsedMs = performance.now() - start;
    const left = await inFlight(admin);
    if (left < ROLLOUTS)
      throw new Error(`only ${left} rollouts were still in flight at the end: the fleet is too small`);
    return rate(countTicks(entries), elapsedMs);
  } finally {
    await Promise.all(servers.map(stopServer));
  }
}

async function startServer({ databaseUrl, dir }: ScratchDatabase, s: number, environments: readonly string[]) {
  const folder = join(dir, `server-${s}`);
  await mkdir(folder, { recursive: true });
  const work = JSON.stringify({ databaseUrl, dir: folder, environments });
  const options = process.env.HEADGATE_BENCH_NODE_OPTIONS?.split(' ') ?? [];
  const child = spawn(execPath, [...options, WORKER, work], { stdio: ['pipe', 'inherit', 'inherit', 'ipc'], cwd: dir });
  await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`a server of the bench ended with ${code}`))),
  ]);
  return child;
}

async function stopServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.stdin?.end();
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
}

/** Rollouts that were opened and have not settled. */
async function inFlight(admin: pg.Client): Promise<number> {
  const { rows } = await admin.query<{ n: number }>(
    "select count(*)::integer as n from headgate.stream where kind = 'rollout' and state ->> 'phase' <> 'settled'",
  );
  return rows[0]?.n ?? 0;
}

async function lastEntry(admin: pg.Client): Promise<string> {
  const { rows } = await admin.query<{ id: string }>('select coalesce(max(id), 0)::text as id from headgate.entry');
  return rows[0]?.id ?? '0';
}

async function entriesAfter(admin: pg.Client, id: string): Promise<readonly CommittedEntry[]> {
  const { rows } = await admin.query<CommittedEntry>(
    'select xmin::text as transaction, stream from headgate.entry where id > $1',
    [id],
  );
  return rows;
}
