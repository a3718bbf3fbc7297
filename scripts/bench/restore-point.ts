import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseConnectionUrl } from '@headgate/adapters/execution/external-store/connection-url';
import { DumpRestorePoints } from '@headgate/adapters/execution/external-store/dump-restore-points';
import { openExternalStore } from '@headgate/adapters/execution/external-store/external-store';
import { findTools, runTool } from '@headgate/adapters/execution/external-store/postgres-tools';
import { FolderStore } from '@headgate/adapters/execution/object-store/folder-store';
import { prepareStore } from '@headgate/adapters/execution/store/store-session';
import { newIdentity } from '@headgate/adapters/execution/vault/age-stream';
import { CellVault } from '@headgate/adapters/execution/vault/cell-vault';
import { VaultConfig } from '@headgate/adapters/execution/vault/vault-config';
import { vaultKey } from '@headgate/adapters/execution/vault/vault-key';
import { readSecret } from '@headgate/adapters/machine/durable-file';
import { freePort } from '@headgate/adapters/machine/free-port';
import { Cluster, openCluster } from '@headgate/adapters/postgres-cluster/cluster';
import { ensureDatabase, passwordFileOf, withClient } from '@headgate/adapters/postgres-cluster/database';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import { execute, type Ports, type RestorePoints, type StepContext } from '@headgate/execution';
import { median, ratio } from './arithmetic.ts';
import { type Figure, figure } from './figure.ts';
import { holding, inScratch, say } from './scratch.ts';

const MB = 1_000_000;
const ROUNDS = 5;

/** Rows of about a kilobyte that compress to a half: what an ERP keeps is text and numbers. */
export const rows = (
  count: number,
): string => `create table line as select i as id, 'line ' || i as name, i % 997 as account,
  (i % 100000) / 100.0 as amount, timestamptz '2025-01-01Z' + i * interval '1 second' as at,
  (select string_agg(md5(i::text || j), ' ') from generate_series(1, 26) as j) as remark
  from generate_series(1, ${count}) as i`;

/**
 * A restore point as a promotion takes it (dumped, read back, encrypted into a vault in a folder, read back there, its manifest
 * signed) against the bare tool, pg_dump, on the same `megabytes` of data, in turns.
 */
export async function restorePointFigure(megabytes: number): Promise<readonly Figure[]> {
  const toolsDir = await findTools(15, undefined);
  if (toolsDir === undefined) throw new Error('pg_dump is missing: apt-get install postgresql-client-15');
  return inScratch(async (dir) => {
    const settings = { shared_buffers: '256MB', max_wal_size: '4GB', autovacuum: 'off' };
    const config = { dir: join(dir, 'cluster'), port: await freePort(), settings };
    const programs = await findPrograms(15, dir);
    return holding(
      () => new Cluster(config, programs).stop(),
      async () => {
        const cluster = await openCluster(config, programs);
        const login = { database: 'app', user: 'app', passwordFile: passwordFileOf(cluster, 'app') };
        await ensureDatabase(cluster, login);
        await withClient(await cluster.connection('app'), async (client) => {
          await client.query(rows(Math.round((megabytes * MB) / 1_000)));
          await client.query('alter table line owner to app');
          await client.query('checkpoint');
        });
        const urlOf = async (user: string, passwordFile: string, database: string): Promise<string> => {
          const password = encodeURIComponent(await readSecret(passwordFile));
          return `postgres://${user}:${password}@127.0.0.1:${config.port}/${database}`;
        };
        const [url, adminUrl] = [join(dir, 'url'), join(dir, 'admin-url')];
        const admin = await urlOf('postgres', cluster.passwordFile, 'postgres');
        await writeFile(url, await urlOf('app', login.passwordFile, 'app'), { mode: 0o600 });
        await writeFile(adminUrl, admin, { mode: 0o600 });
        const restorePointsDir = join(dir, 'dumps');
        const external = await openExternalStore('main', {
          url: { file: url },
          adminUrl: { file: adminUrl },
          restorePointsDir,
          keepRestorePoints: 1,
        });
        await prepareStore(external);
        const ours = await step(dir, new DumpRestorePoints(new Map([['main', external]])), restorePointsDir);
        const bare = async (): Promise<number> => {
          const out = join(dir, 'bare');
          const from = performance.now();
          // By the same runner and as nicely: else whatever else the machine does would be part of the ratio.
          await runTool({
            toolsDir,
            program: 'pg_dump',
            args: [
              '--format=directory',
              '--jobs=2',
              '--compress=1',
              '--exclude-schema=headgate',
              '--file',
              out,
              '--dbname',
              'app',
            ],
            url: parseConnectionUrl(admin, 'the bench'),
            workDir: join(dir, 'work'),
            deadlineMs: 3_600_000,
            signal: new AbortController().signal,
          });
          const took = performance.now() - from;
          await rm(out, { recursive: true, force: true });
          return took;
        };
        return [figure('restore-point', await timesTheBareTool(bare, ours))];
      },
    );
  });
}

/** Median of ours by median of the bare tool's, in turns; the first turn warms both up. Both answer with milliseconds. */
export async function timesTheBareTool(bare: () => Promise<number>, ours: () => Promise<number>): Promise<number> {
  const [theirs, own]: [number[], number[]] = [[], []];
  for (let round = 0; round <= ROUNDS; round++) {
    const [b, o] = [await bare(), await ours()];
    if (round === 0) continue;
    theirs.push(b);
    own.push(o);
  }
  const s = (all: readonly number[]): string => all.map((ms) => (ms / 1_000).toFixed(2)).join(', ');
  say(`the restore point ${s([median(own)])} s (${s(own)}), the bare tool ${s([median(theirs)])} s (${s(theirs)})`);
  return ratio(median(own), median(theirs));
}

/** The whole step of a promotion, with a vault in a folder. */
async function step(
  dir: string,
  restorePoints: RestorePoints,
  restorePointsDir: string,
): Promise<() => Promise<number>> {
  const vaultDir = join(dir, 'vault');
  await mkdir(vaultDir);
  const keyFile = join(dir, 'vault-key.pem');
  const config = VaultConfig.parse({
    store: { kind: 'folder', dir: vaultDir },
    recipients: [(await newIdentity()).recipient],
    keyFile,
    keep: { last: 1, days: 0, weeks: 0 },
  });
  const vault = new CellVault({
    config,
    store: new FolderStore(vaultDir),
    key: await vaultKey(keyFile),
    stores: new Map([['main', { restorePointsDir, tenants: ['ada'] }]]),
    partBytes: config.partMiB * 1024 * 1024,
  });
  const ports = { restorePoints, vault } as unknown as Ports;
  let n = 0;
  return async () => {
    const from = performance.now();
    const outcome = await execute({ kind: 'restore-point', store: 'main' }, contextOf(++n), ports);
    if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome));
    return performance.now() - from;
  };
}

/** Of the nth step of a promotion that is none. */
export function contextOf(n: number): StepContext {
  const none = () => Promise.reject(new Error('a restore point needs none'));
  const until = performance.now() + 3_600_000;
  return {
    cell: 'bench',
    environment: 'bench',
    application: 'bench',
    rollout: `r${n}`,
    step: 's1',
    fence: { epoch: 1, n },
    idempotencyKey: `r${n}/s1`,
    remainingMs: () => until - performance.now(),
    signal: new AbortController().signal,
    manifest: none,
    blob: none,
    document: none,
    log: () => {},
  };
}
