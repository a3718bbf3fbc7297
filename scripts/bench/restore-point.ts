import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseConnectionUrl, toolEnvironment } from '@headgate/adapters/execution/external-store/connection-url';
import { DumpRestorePoints } from '@headgate/adapters/execution/external-store/dump-restore-points';
import { openExternalStore } from '@headgate/adapters/execution/external-store/external-store';
import { findTools } from '@headgate/adapters/execution/external-store/postgres-tools';
import { FolderStore } from '@headgate/adapters/execution/object-store/folder-store';
import { runBounded } from '@headgate/adapters/execution/program-run/bounded-run';
import { PhysicalRestorePoints } from '@headgate/adapters/execution/restore-points/physical-restore-points';
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

/** Rows of about a kilobyte that don't compress away: what an ERP keeps is text and numbers. */
const rows = (count: number): string => `create table line as select i as id, 'line ' || i as name, i % 997 as account,
  (i % 100000) / 100.0 as amount, timestamptz '2025-01-01Z' + i * interval '1 second' as at,
  (select string_agg(md5(i::text || j), ' ') from generate_series(1, 26) as j) as remark
  from generate_series(1, ${count}) as i`;

/**
 * A restore point as a promotion takes it (taken, read back, encrypted into a vault in a folder, read back there, its manifest
 * signed) against the bare tool on the same data, one after the other in turns: pg_dump for a database of somebody else's,
 * pg_basebackup for a cluster of ours. Both are told `megabytes` of data.
 */
export async function restorePointFigures(megabytes: number): Promise<readonly Figure[]> {
  const tools = await findTools(15, undefined);
  if (tools === undefined)
    throw new Error('pg_dump and pg_basebackup are missing: apt-get install postgresql-client-15');
  return inScratch(async (dir) => {
    const archiveDir = join(dir, 'archive');
    const settings = { shared_buffers: '256MB', max_wal_size: '4GB', autovacuum: 'off', max_wal_senders: '4' };
    const config = { dir: join(dir, 'cluster'), port: await freePort(), archiveDir, settings };
    const programs = await findPrograms(15, dir);
    return holding(
      () => new Cluster(config, programs).stop(),
      async () => {
        const cluster = await openCluster(config, programs);
        const login = { database: 'app', user: 'app', passwordFile: passwordFileOf(cluster, 'app') };
        await ensureDatabase(cluster, login);
        const store = { name: 'main', cluster, ...login };
        await prepareStore(store);
        await withClient(await cluster.connection('app'), async (client) => {
          await client.query('set synchronous_commit = off');
          await client.query(rows(Math.round((megabytes * MB) / 1_000)));
          await client.query('alter table line owner to app');
          await client.query('vacuum analyze line');
          await client.query('checkpoint');
        });
        const admin = await readSecret(cluster.passwordFile);
        const superuser = `postgres://postgres:${encodeURIComponent(admin)}@127.0.0.1:${config.port}/postgres`;
        const bare = async (program: 'pg_dump' | 'pg_basebackup', ...args: string[]): Promise<number> => {
          const out = join(dir, 'bare');
          const from = performance.now();
          // As nicely as ours is run: otherwise whatever else the machine does would be part of the ratio.
          const ran = await runBounded({
            command: [join(tools, program), ...args, out],
            environment: toolEnvironment(parseConnectionUrl(superuser, 'the bench')),
            workDir: join(dir, 'work'),
            user: undefined,
            deadlineMs: 3_600_000,
            signal: new AbortController().signal,
            secrets: [admin],
          });
          if (ran.exitCode !== 0) throw new Error(ran.output);
          const took = performance.now() - from;
          await rm(out, { recursive: true, force: true });
          return took;
        };
        const urls = { url: join(dir, 'url'), adminUrl: join(dir, 'admin-url') };
        const own = await readSecret(login.passwordFile);
        await writeFile(urls.url, `postgres://app:${encodeURIComponent(own)}@127.0.0.1:${config.port}/app\n`, {
          mode: 0o600,
        });
        await writeFile(
          urls.adminUrl,
          `${superuser}
`,
          { mode: 0o600 },
        );
        const restorePointsDir = join(dir, 'points');
        const external = await openExternalStore('main', {
          url: { file: urls.url },
          adminUrl: { file: urls.adminUrl },
          restorePointsDir: join(dir, 'dumps'),
          keepRestorePoints: 1,
        });
        const physical = { ...store, archiveDir, restorePointsDir, files: [], keep: 1 };
        return [
          figure(
            'restore-point-dump',
            await compared(
              'pg_dump',
              () =>
                bare(
                  'pg_dump',
                  '--format=directory',
                  '--jobs=2',
                  '--compress=1',
                  '--exclude-schema=headgate',
                  '--dbname=app',
                  '--file',
                ),
              await step(dir, new DumpRestorePoints(new Map([['main', external]])), external.restorePointsDir),
            ),
          ),
          figure(
            'restore-point-physical',
            await compared(
              'pg_basebackup',
              () => bare('pg_basebackup', '--checkpoint=fast', '--wal-method=stream', '--pgdata'),
              await step(dir, new PhysicalRestorePoints(new Map([['main', physical]])), restorePointsDir),
            ),
          ),
        ];
      },
    );
  });
}

/** The whole step of a promotion, with a vault in a folder. */
async function step(
  dir: string,
  restorePoints: RestorePoints,
  restorePointsDir: string,
): Promise<() => Promise<number>> {
  const vaultDir = join(dir, `vault-of-${restorePointsDir.split('/').at(-1)}`);
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
  let n = 0;
  return async () => {
    const ctx: StepContext = contextOf(++n);
    const from = performance.now();
    const outcome = await execute({ kind: 'restore-point', store: 'main' }, ctx, {
      restorePoints,
      vault,
    } as unknown as Ports);
    if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome));
    return performance.now() - from;
  };
}

function contextOf(n: number): StepContext {
  const began = performance.now();
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
    log: (event) => say(`${((performance.now() - began) / 1000).toFixed(2)} ${event}`),
  };
}

/** Median of ours over median of the bare tool's, in turns; the first of each warms up. */
async function compared(name: string, bare: () => Promise<number>, ours: () => Promise<number>): Promise<number> {
  const [theirs, own]: [number[], number[]] = [[], []];
  for (let round = 0; round <= ROUNDS; round++) {
    const [b, o] = [await bare(), await ours()];
    if (round === 0) continue;
    theirs.push(b);
    own.push(o);
  }
  const s = (ms: number): string => (ms / 1_000).toFixed(2);
  say(
    `${name} ${s(median(theirs))} s, the restore point ${s(median(own))} s (${own.map(s).join(', ')} against ${theirs.map(s).join(', ')})`,
  );
  return ratio(median(own), median(theirs));
}
