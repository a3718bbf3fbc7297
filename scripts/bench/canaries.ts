import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { runPass } from '@headgate/adapters/execution/rehearsal/run-pass';
import { freePort } from '@headgate/adapters/machine/free-port';
import { Cluster, openCluster } from '@headgate/adapters/postgres-cluster/cluster';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import { loadParser } from '@headgate/migrations';
import type pg from 'pg';
import { median } from './arithmetic.ts';
import { type Figure, figure } from './figure.ts';
import { holding, inScratch, say } from './scratch.ts';

const ROWS = 400_000;
/** The canaries may be off by so much, or by a tenth of what somebody else observed. Milliseconds. */
const ALLOWED_MS = 50;

/** Statements that keep others from the table for as long as their work takes: a rewrite, an index, a scan. */
const STATEMENTS = [
  'alter table big alter column k type bigint',
  'create index big_note on big(note)',
  'alter table big alter column k type int; create index big_k on big(k)',
  'alter table big add constraint there check (note <> $$$$)',
  `alter table big add column u uuid default gen_random_uuid()`,
];

/** How far what canaries felt is from what an independent process observed, as a share of what is allowed. Median of five. */
export async function canaryFigure(): Promise<readonly Figure[]> {
  await loadParser();
  return inScratch(async (dir) => {
    const settings = { shared_buffers: '128MB', max_wal_size: '2GB', autovacuum: 'off' };
    const config = { dir: `${dir}/cluster`, port: await freePort(), settings };
    const programs = await findPrograms(15, dir);
    return holding(
      () => new Cluster(config, programs).stop(),
      async () => {
        const cluster = await openCluster(config, programs);
        const database = await cluster.connection();
        await withClient(database, async (client) => {
          await client.query(
            `create table big as select i::int as id, i as k, md5(i::text) as note from generate_series(1, ${ROWS}) i`,
          );
          await client.query('alter table big add primary key (id); analyze big');
        });
        const shares: number[] = [];
        for (const text of STATEMENTS) shares.push(await observed(database, text));
        return [figure('canary-stall', median(shares))];
      },
    );
  });
}

/** How far what was felt is from what was observed, as a share of what is allowed; nothing felt is no number. Milliseconds. */
export function stallShare(feltMs: number | undefined, observedMs: number): number {
  return Math.abs((feltMs ?? Number.NaN) - observedMs) / Math.max(ALLOWED_MS, observedMs / 10);
}

/** One run: the larger share of the two, of readers and of writers. */
async function observed(database: pg.ClientConfig, text: string): Promise<number> {
  const observer = spawn(process.execPath, [join(import.meta.dirname, 'stall-observer.ts')], {
    env: { ...process.env, OBSERVED: JSON.stringify(database) },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let said = '';
  observer.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await once(observer.stdout, 'data');
  const up = { name: 'm.sql', digest: `sha256:${'0'.repeat(64)}`, size: text.length } as const;
  const migration = { id: 'm', from: 0, to: 1, phase: 'expand', undo: 'keep', up } as const;
  const pass = await runPass('forward', [{ migration, file: up.name, text }], ['public.big'], {
    login: database,
    settings: [],
    control: database,
    how: 'headgate',
    lockWaitMs: 60_000,
    mostTables: 4,
  });
  observer.stdin.end();
  await once(observer, 'exit');
  const seen = JSON.parse(said.trim().split('\n').at(-1) ?? '') as { readMs: number; writeMs: number };
  const failed = pass.files[0]?.failed;
  if (failed !== undefined) throw new Error(`${text}: ${failed.why}`);
  const felt = pass.stalls.find(({ relation }) => relation === 'public.big');
  const shares = [stallShare(felt?.readersMs, seen.readMs), stallShare(felt?.writersMs, seen.writeMs)];
  const told = (ms: number | undefined): string => `${ms?.toFixed(0)} ms`;
  say(
    `${text.slice(0, 50)}: readers ${told(felt?.readersMs)}, observed ${told(seen.readMs)}; writers ${told(felt?.writersMs)}, observed ${told(seen.writeMs)}`,
  );
  return Math.max(...shares);
}
