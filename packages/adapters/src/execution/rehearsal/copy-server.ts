/** Where copies live: a server that is made for one rehearsal, or one that somebody names. */
import { join } from 'node:path';
import pg from 'pg';
import { readSecret, writeDurably } from '../../machine/durable-file.ts';
import { SUPERUSER } from '../../postgres-cluster/cluster.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { findPrograms } from '../../postgres-cluster/programs.ts';
import type { UrlSource } from '../external-store/connection-url.ts';
import { ExternalServer } from '../external-store/external-store.ts';
import { isOurs, throwAwayCluster } from './throw-away-cluster.ts';
import { sweepDatabases } from './throw-away-database.ts';

/** A server on which copies are made. */
export interface CopyServer {
  readonly server: ExternalServer;
  /** It was made for this rehearsal: whatever has to be there may be made. */
  readonly ours: boolean;
  /** With everything on it, if it was. */
  close(): Promise<void>;
}

/** Of a cluster that holds one copy: room to work in. Durations are promised, so it waits for the disk as production does. */
export const COPY_SETTINGS: Readonly<Record<string, string>> = {
  shared_buffers: '128MB',
  max_wal_size: '4GB',
  autovacuum: 'off',
};

/** A cluster of our own below `root`, of a version that we bring along. Throws when we don't. */
export async function ownServer(root: string, major: number): Promise<CopyServer> {
  if (!isOurs(major))
    throw new Error(
      `we bring no PostgreSQL ${major} along; name a server of that version for the copy (--scratch-env VAR, a superuser's URL)`,
    );
  const { cluster, dir, remove } = await throwAwayCluster(root, await findPrograms(major, root), COPY_SETTINGS);
  const file = join(dir, 'url');
  const password = await readSecret(cluster.passwordFile);
  const url = `postgres://${SUPERUSER}:${encodeURIComponent(password)}@127.0.0.1:${cluster.config.port}/postgres`;
  await writeDurably(file, `${url}\n`, 0o600);
  return { server: new ExternalServer({ file }), ours: true, close: remove };
}

/** A server that is there, by a superuser's URL. What killed rehearsals left on it goes first. */
export async function givenServer(url: UrlSource): Promise<CopyServer> {
  const server = new ExternalServer(url);
  await sweepDatabases(server);
  return { server, ours: false, close: () => Promise.resolve() };
}

/** Whoever a right or an object of a database may name. */
export async function rolesOf(client: pg.ClientBase): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select rolname as name from pg_roles where rolname !~ '^(pg_|headgate_)' order by 1`,
  );
  return rows.map(({ name }) => name);
}

/** Makes those that aren't there, as roles that nobody can log in as. On a server of our own alone. */
export async function makeRoles({ server, ours }: CopyServer, roles: readonly string[]): Promise<void> {
  if (!ours) return;
  const there = new Set(await withClient(await server.controlConnection(), rolesOf));
  await withClient(await server.controlConnection(), async (client) => {
    for (const role of roles)
      if (!there.has(role)) await client.query(`create role ${pg.escapeIdentifier(role)} nologin`);
  });
}
