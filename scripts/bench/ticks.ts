/**
 * Ticks a second of two server processes with a thousand rollouts in flight, and what that is of one connection's bare
 * insert-commits on the same cluster, disk and minute. A tick is counted where it counts: as a transaction on the log.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execArgv, execPath } from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { measureBareCommits } from '@headgate/adapters/control/postgres/bench';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import type pg from 'pg';
import { mean, rate, ratio } from './arithmetic.ts';
import { type Figure, figure } from './figure.ts';
import { seedFleet } from './fleet.ts';
import { holding, type ScratchDatabase, say, withControlDatabase } from './scratch.ts';
import { withDeps } from './seeding.ts';
import { type CommittedEntry, countTicks } from './tick-count.ts';

const ROLLOUTS = 1_000;
const ENVIRONMENTS = 25;
const SERVERS = 2;
const WARM_MS = 2_000;
/** Ticks and bare commits are measured in turn, so that both meet the same machine, whoever else is at work on it. */
const TURNS = 5;
const TICKS_MS = 1_800;
const BARE_MS = 1_000;
/** After their pause the servers get going again. Milliseconds. */
const RESUME_MS = 200;
const WORKER = join(import.meta.dirname, 'ticks-worker.ts');

export async function tickFigures(): Promise<readonly Figure[]> {
  return withControlDatabase(async (database) => {
    say(`making ${ENVIRONMENTS} promotions over ${ROLLOUTS} cells`);
    const shape = { environments: ENVIRONMENTS, cellsEach: ROLLOUTS / ENVIRONMENTS, approved: true };
    const { environments } = await withDeps(database.databaseUrl, (deps) => seedFleet(deps, shape));
    return withClient({ connectionString: database.adminUrl }, async (admin) => {
      const { ticks, bare } = await measureInTurns(database, admin, environments);
      say(`${ticks.toFixed(0)} ticks/s beside ${bare.toFixed(0)} bare commits/s of one connection`);
      return [figure('ticks', ticks), figure('ticks-per-bare-commit', ratio(ticks, bare))];
    });
  });
}

async function measureInTurns(
  database: ScratchDatabase,
  admin: pg.Client,
  environments: readonly string[],
): Promise<{ readonly ticks: number; readonly bare: number }> {
  const servers: ChildProcess[] = [];
  const work = async (): Promise<{ ticks: number; bare: number }> => {
    for (let s = 0; s < SERVERS; s++) {
      const mine = environments.filter((_e, i) => i % SERVERS === s);
      servers.push(await startServer(database, s, mine));
    }
    const deadline = performance.now() + 60_000;
    while ((await inFlight(admin)) < ROLLOUTS) {
      if (performance.now() > deadline) throw new Error(`only ${await inFlight(admin)} rollouts came into flight`);
      await pause(100);
    }
    await pause(WARM_MS);
    const ticks: number[] = [];
    const bare: number[] = [];
    for (let turn = 0; turn < TURNS; turn++) {
      ticks.push(await measureTicks(admin));
      // Held still, and not stopped: their rollouts stay in flight.
      for (const server of servers) server.kill('SIGSTOP');
      bare.push(await measureBareCommits(database.adminUrl, BARE_MS));
      for (const server of servers) server.kill('SIGCONT');
      await pause(RESUME_MS);
    }
    const left = await inFlight(admin);
    if (left < ROLLOUTS)
      throw new Error(`only ${left} rollouts were still in flight at the end: the fleet is too small`);
    return { ticks: mean(ticks), bare: mean(bare) };
  };
  return holding(() => Promise.all(servers.map(stopServer)), work);
}

async function measureTicks(admin: pg.Client): Promise<number> {
  const from = await lastEntry(admin);
  const start = performance.now();
  await pause(TICKS_MS);
  const entries = await entriesAfter(admin, from);
  return rate(countTicks(entries), performance.now() - start);
}

async function startServer({ databaseUrl, dir }: ScratchDatabase, s: number, environments: readonly string[]) {
  const folder = join(dir, `server-${s}`);
  await mkdir(folder, { recursive: true });
  const work = JSON.stringify({ databaseUrl, dir: folder, environments });
  // Node's own options go along: the bench started with --cpu-prof profiles its servers too.
  const child = spawn(execPath, [...execArgv, WORKER, work], {
    stdio: ['pipe', 'inherit', 'inherit', 'ipc'],
    cwd: dir,
  });
  await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`a server of the bench ended with ${code}`))),
  ]);
  return child;
}

async function stopServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGCONT');
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

async function lastEntry(admin: pg.Client): Promise<number> {
  const { rows } = await admin.query<{ id: string }>('select coalesce(max(id), 0)::text as id from headgate.entry');
  return Number(rows[0]?.id);
}

async function entriesAfter(admin: pg.Client, id: number): Promise<readonly CommittedEntry[]> {
  const { rows } = await admin.query<CommittedEntry>(
    'select xmin::text as transaction, stream from headgate.entry where id > $1',
    [id],
  );
  return rows;
}
