/**
 * A small stand for this example's own tests: one embedded cluster with a store and the ledger, the ERP, and releases of
 * the system as real processes. The whole example, with cells and routers, is brought up elsewhere, by Headgate's adapters.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { publishWorkerRoutes } from '@headgate/adapters/execution/router/worker-routes';
import { SqlMigrator } from '@headgate/adapters/execution/sql-migrator/sql-migrator';
import { prepareStore, type Store } from '@headgate/adapters/execution/store/store-session';
import { freePort } from '@headgate/adapters/machine/free-port';
import {
  Cluster,
  databaseUrl,
  ensureDatabase,
  findPrograms,
  passwordFileOf,
} from '@headgate/adapters/postgres-cluster/index';
import pg from 'pg';
import { type Database, openPool } from '../app/core/database.ts';
import { bringUpContext } from '../bring-up/context.ts';
import { buildErp, buildRelease, type PsaVersion } from '../build.ts';
import { prepareLedger } from '../erp/ledger.ts';
import { seedLedger, seedStore } from '../seed.ts';
import type { ExampleTenant } from '../tenants.ts';

export const ERP_TOKEN = 'erp-token-of-the-test-stand';
export const tokenOf = (tenant: string): string => `token-of-${tenant}`;

export interface Stand {
  readonly dir: string;
  readonly storeUrl: string;
  readonly store: pg.Pool;
  /** A superuser's sessions in the store: whoever writes routes and migrations. */
  readonly admin: pg.Pool;
  /** The same store as Headgate's adapters hold it. */
  readonly held: Store;
  readonly tokensFile: string;
  readonly ledgerUrl: string;
  readonly ledger: pg.Pool;
  readonly erpUrl: string;
  /** The ERP's program and its token, for whoever starts another one on the same ledger. */
  readonly erpFile: string;
  readonly erpTokenFile: string;
  /** Starts both processes of a release in a slot and answers once the web process is healthy. */
  start(version: PsaVersion, slot: string): Promise<Running>;
  /** Runs one of the releases' migrations on the store, as the migrator would. */
  migrate(version: PsaVersion, direction: 'up' | 'down'): Promise<void>;
  close(): Promise<void>;
}

export interface Running {
  readonly url: string;
  readonly web: ChildProcess;
  readonly worker: ChildProcess;
  /** SIGTERM to both; answers their exit codes. */
  stop(): Promise<(number | null)[]>;
}

/** Opens a stand whose store holds the tenants, at schema version 1, routed to slot blue. */
export async function openStand(tenants: readonly ExampleTenant[], timeEntries: number): Promise<Stand> {
  const undo: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const each of undo.splice(0).reverse()) await each();
  };
  try {
    return { ...(await build(tenants, timeEntries, undo)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Builds the stand; what takes it down again goes to `undo` as it comes up. */
async function build(
  tenants: readonly ExampleTenant[],
  timeEntries: number,
  undo: (() => Promise<unknown>)[],
): Promise<Omit<Stand, 'close'>> {
  const dir = await mkdtemp(path.join(tmpdir(), 'psa-'));
  undo.push(() => rm(dir, { recursive: true, force: true }));
  await chmod(dir, 0o755);
  const cluster = new Cluster({ dir: path.join(dir, 'cluster'), port: await freePort() }, await findPrograms(15, dir));
  await cluster.init();
  await cluster.start();
  undo.push(() => cluster.stop());
  const login = (name: string) => ({ database: name, user: name, passwordFile: passwordFileOf(cluster, name) });
  const [storeUrl, ledgerUrl] = await Promise.all(
    ['psa', 'erp'].map(async (name) => {
      await ensureDatabase(cluster, login(name));
      return databaseUrl(cluster.config.port, login(name));
    }),
  );
  const held = { name: 'store', cluster, ...login('psa') };
  await prepareStore(held);
  const admin = new pg.Pool({ ...(await cluster.connection('psa')), max: 2 });
  // An idle session that the stopping server ends is no error of a test's.
  admin.on('error', () => {});
  const store = openPool(storeUrl!, 'test', 4);
  const ledger = openPool(ledgerUrl!, 'test', 4);
  undo.push(() => Promise.all([store.end(), ledger.end(), admin.end()]));
  const stores = new Map([['store', held]]);
  const migrator = new SqlMigrator(stores);
  const migrate = async (version: PsaVersion, direction: 'up' | 'down'): Promise<void> => {
    const { migrations, files } = await buildRelease(version, path.join(dir, version));
    const migration = migrations[0]!;
    const file = direction === 'up' ? migration.up : migration.down!;
    const sql = Buffer.from(files.get(file.digest)!).toString('utf8');
    const context = bringUpContext({ cell: 'test', environment: 'test', files });
    const answer = await migrator[direction]('store', { ...migration, file }, sql, context);
    if (!answer.ok) throw new Error(answer.why);
  };
  await migrate('1.0.0', 'up');
  await publishWorkerRoutes(
    held,
    new Map(tenants.map((tenant) => [tenant.id, 'blue'])),
    bringUpContext({ cell: 'test', environment: 'test', files: new Map() }),
  );
  const client = await store.connect();
  await seedStore({ client: client as unknown as Database, tenants, timeEntries });
  await prepareLedger(ledger as unknown as Database);
  await seedLedger({ store: client as unknown as Database, ledger: ledger as unknown as Database });
  client.release();

  const tokens = path.join(dir, 'tokens.json');
  const erpToken = path.join(dir, 'erp-token');
  await writeFile(tokens, JSON.stringify(Object.fromEntries(tenants.map(({ id }) => [id, tokenOf(id)]))));
  await writeFile(erpToken, `${ERP_TOKEN}\n`, { mode: 0o600 });
  const children: ChildProcess[] = [];
  undo.push(() => Promise.all(children.map(stop)));
  const run = (file: string, env: Record<string, string>): ChildProcess => {
    const child = spawn(process.execPath, [file], {
      env: { HOST: '127.0.0.1', ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    children.push(child);
    return child;
  };

  const erpPort = await freePort();
  const erpUrl = `http://127.0.0.1:${erpPort}`;
  const erpFile = await buildErp(path.join(dir, 'erp'));
  run(erpFile, {
    PORT: String(erpPort),
    DATABASE_URL: ledgerUrl!,
    ERP_TOKEN_FILE: erpToken,
  });
  await healthy(erpUrl);

  return {
    dir,
    storeUrl: storeUrl!,
    store,
    admin,
    held,
    tokensFile: tokens,
    ledgerUrl: ledgerUrl!,
    ledger,
    erpUrl,
    erpFile,
    erpTokenFile: erpToken,
    async start(version, slot) {
      const files = path.join(dir, version);
      await buildRelease(version, files);
      const port = await freePort();
      const env = { DATABASE_URL: storeUrl!, PSA_SLOT: slot };
      const web = run(path.join(files, 'web.mjs'), { ...env, PORT: String(port), PSA_TOKENS_FILE: tokens });
      const worker = run(path.join(files, 'worker.mjs'), { ...env, ERP_URL: erpUrl, ERP_TOKEN_FILE: erpToken });
      const url = `http://127.0.0.1:${port}`;
      await healthy(url);
      return { url, web, worker, stop: () => Promise.all([web, worker].map(stop)) };
    },
    migrate,
  };
}

async function stop(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 8_000);
  const [code] = (await exit) as [number | null];
  clearTimeout(late);
  return code;
}

async function healthy(url: string): Promise<void> {
  await eventually(async () => (await fetch(`${url}/healthz`)).ok, 10_000);
}

/** Asks again every 20 ms until the answer is true; throws after the deadline. Errors count as not yet. */
export async function eventually(question: () => Promise<boolean>, deadlineMs: number): Promise<void> {
  const until = Date.now() + deadlineMs;
  for (;;) {
    if (await question().catch(() => false)) return;
    if (Date.now() > until) throw new Error(`not so within ${deadlineMs} ms: ${question}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
