/** A fetched restore point becomes a database that takes connections, below a folder that is thrown away. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../machine/free-port.ts';
import type { Cluster } from '../../postgres-cluster/cluster.ts';
import { type ConnectionUrl, toolEnvironment } from '../external-store/connection-url.ts';
import { copyFromDumpPoint } from '../rehearsal/copy-from-point.ts';
import { ownServer } from '../rehearsal/copy-server.ts';
import { restoreAside } from '../restore-points/recovery.ts';
import type { Store } from '../store/store-session.ts';
import type { StoreToDrill } from './store-to-drill.ts';

/** Folder of the log that is fetched with a restore point, in the drill's. */
export const WAL = 'wal';

export interface BroughtBack {
  readonly store: Store;
  /** A superuser's, of the copy alone. */
  readonly url: ConnectionUrl;
  /** What lies outside of the drill's folder; that itself goes with the drill. */
  close(): Promise<void>;
}

export interface BringBackAsk {
  readonly of: Exclude<StoreToDrill, { form: 'backup' }>;
  readonly id: string;
  /** PostgreSQL's major version. */
  readonly major: number;
  /** The drill's folder, with the fetched restore point in `points`. */
  readonly dir: string;
  /** As far as the log goes that lies in `wal` of the drill's folder; else to the restore point's own moment. */
  readonly latest?: boolean;
  readonly workDir: string;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

export async function bringBack(ask: BringBackAsk): Promise<BroughtBack> {
  return ask.of.form === 'physical' ? asCluster(ask, ask.of.store) : asDatabase(ask, ask.of.store);
}

async function asCluster(
  { id, dir, latest = false, deadlineMs }: BringBackAsk,
  store: Extract<StoreToDrill, { form: 'physical' }>['store'],
): Promise<BroughtBack> {
  // Of the vault's alone: the store's own archive may be lost with the store.
  const archiveDir = join(dir, latest ? WAL : 'no-archive');
  await mkdir(archiveDir, { recursive: true });
  const point = join(dir, 'points', id);
  const target = { kind: latest ? 'latest' : 'restore-point' } as const;
  const place = join(dir, 'cluster');
  const cluster = await restoreAside({ ...store, archiveDir }, point, target, place, await freePort(), deadlineMs);
  return { store: { ...store, cluster }, url: await urlOf(cluster, store.database), close: () => cluster.stop(0) };
}

async function asDatabase(
  { major, dir, workDir, deadlineMs, signal }: BringBackAsk,
  store: Extract<StoreToDrill, { form: 'dump' }>['store'],
): Promise<BroughtBack> {
  const onto = await ownServer(workDir, major);
  try {
    const fetched = { ...store, restorePointsDir: join(dir, 'points') };
    const copy = await copyFromDumpPoint(fetched, onto, { deadlineMs, signal });
    const url = { ...(await onto.server.url()), database: copy.store.database };
    return { store: copy.store, url, close: () => onto.close() };
  } catch (error) {
    await onto.close();
    throw error;
  }
}

export async function urlOf(cluster: Cluster, database: string): Promise<ConnectionUrl> {
  const { host, port, user, password } = await cluster.connection(database);
  return {
    host: host!,
    port: port!,
    user: user!,
    password: password as string,
    database,
    ssl: 'disable',
    rootCertificate: undefined,
  };
}

/** For PostgreSQL's own programs on the copy. */
export function environmentOf({ url }: Pick<BroughtBack, 'url'>): Readonly<Record<string, string>> {
  return toolEnvironment(url);
}
