/** What a drill asks to be brought back, and what it gets. */
import type pg from 'pg';
import type { Cluster } from '../../postgres-cluster/cluster.ts';
import { type ConnectionUrl, toolEnvironment } from '../external-store/connection-url.ts';
import type { Store } from '../store/store-session.ts';
import type { StoreToDrill } from './store-to-drill.ts';

/** Folder of the log that is fetched with a restore point, in the drill's. */
export const WAL = 'wal';

export interface BroughtBack {
  readonly store: Store;
  /** A superuser's, of the copy alone. */
  readonly url: ConnectionUrl;
  /** Who counts its rows. */
  readonly counting: pg.ClientConfig;
  /** Further variables for a program that carries out business transactions. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The schema's version that came back; `undefined`: none that is known. */
  version(): Promise<number | undefined>;
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

export async function urlOf(cluster: Cluster, database: string): Promise<ConnectionUrl> {
  const { host, port, user, password } = await cluster.controlConnection(database);
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
