/**
 * The log of an Odoo cell's one PostgreSQL, and backups of it that the log goes on from: what a tenant comes back by to a moment between
 * its restore points. Both lie in pgBackRest's repository, and hold all tenants.
 */
import type { Instant } from '@headgate/domain';
import type { Cluster } from '../../postgres-cluster/cluster.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { timelineOf } from '../../postgres-cluster/timelines.ts';
import { archivedSegments } from '../pgbackrest/archived-log.ts';
import { expireBackups } from '../pgbackrest/expire-backups.ts';
import { closeLog, type LogReach, missingOnTheWay, noteReach } from '../pgbackrest/log-reach.ts';
import type { Bounds, PgBackRest } from '../pgbackrest/pgbackrest.ts';
import { openPgBackRest } from '../pgbackrest/pgbackrest-store.ts';
import { ANNOTATIONS } from '../pgbackrest/point-manifest.ts';
import { type Backup, repositoryInfo } from '../pgbackrest/repository-info.ts';
import { ensureStanza, typeOfBackup } from '../pgbackrest/take-backup.ts';
import { beforeRollout } from '../restore-points/mark.ts';
import type { OdooCellConfig, ServerPgBackRest } from './odoo-cell-config.ts';

/** What the server is called where stores are told by their names; none of a store's can have a capital letter. */
export const SERVER = 'PostgreSQL';
/** For what isn't a backup. Milliseconds. */
const LOOK_MS = 60_000;

/** An Odoo cell's PostgreSQL, whose log is kept. */
export interface LoggedServer {
  readonly name: typeof SERVER;
  readonly environment: string;
  readonly cell: string;
  readonly cluster: Cluster;
  readonly pgbackrest: ServerPgBackRest;
}

/** Undefined: nobody keeps its log. `cluster`: the cell's own, as `odooStores` makes it. */
export function loggedServer(
  { environment, cell, postgresql }: Pick<OdooCellConfig, 'environment' | 'cell' | 'postgresql'>,
  cluster: Cluster,
): LoggedServer | undefined {
  const { pgbackrest } = postgresql;
  return pgbackrest && { name: SERVER, environment, cell, cluster, pgbackrest };
}

/** Before its PostgreSQL is used: archives where it should, from its next start on. What can't be done now is told, and tried again. */
export async function startLogged(server: LoggedServer, report: (event: string) => void): Promise<void> {
  const own = await openPgBackRest(server);
  if (await server.cluster.startAsSet())
    report('the PostgreSQL of the cell is started anew, since its archive is another one');
  await own.endLeftover('backup');
  const ready = await ensureStanza(own, { deadlineMs: LOOK_MS, signal: new AbortController().signal });
  if (!ready.ok) report(`the log of the cell’s PostgreSQL isn’t archived yet: ${ready.why}`);
}

/** As the log knows the moment before a rollout's first migration of one of the cell's stores: each has one of its own. */
export function rolloutOf(rollout: string, store: string): string {
  return `${rollout}/${store}`;
}

/** Names that moment. */
export async function markServerLog(cluster: Cluster, rollout: string, store: string): Promise<void> {
  await withClient(await cluster.controlConnection(), (client) =>
    client.query('select pg_catalog.pg_create_restore_point($1)', [beforeRollout(rolloutOf(rollout, store))]),
  );
}

export interface LogRound {
  readonly reach: LogReach;
  /** What is missing of the log since the newest backup, or that there is no backup: in words. */
  readonly gap?: string;
  /** When the next backup is due. */
  readonly dueAt: Instant;
}

/** One round: ends the piece that is being written, sees it in the repository, and whether all of it is there since the newest backup. */
export async function roundOfLog(server: LoggedServer, own: PgBackRest, bounds: Bounds): Promise<LogRound> {
  const reach = await closeLog(server, own, { now: Date.now, bounds });
  const looked = await repositoryInfo(own, bounds);
  if (!looked.ok) throw new Error(looked.why);
  const newest = looked.info.backups.at(-1);
  const dueAt = newest === undefined ? 0 : newest.timestamp.stop * 1_000 + server.pgbackrest.backupEveryMs;
  const gap = newest === undefined ? NO_BACKUP : await gapSince(newest, own, reach, bounds);
  if (gap === undefined) await noteReach(own, reach);
  return { reach, dueAt, ...(gap !== undefined && { gap }) };
}

const NO_BACKUP = 'no backup lies in the repository yet: nothing comes back before the first one was taken';

async function gapSince(
  { archive, label }: Backup,
  own: PgBackRest,
  { last, ancestors }: LogReach,
  bounds: Bounds,
): Promise<string | undefined> {
  const timeline = timelineOf(archive.start);
  if (timeline !== timelineOf(last) && !ancestors.some(({ parent }) => parent === timeline))
    return `the log goes on from another course than that of the backup ${label}: nothing comes back from it; a new one is taken when it is due`;
  const there = await archivedSegments(own, bounds);
  if (!there.ok) throw new Error(there.why);
  const missing = missingOnTheWay(there.segments, archive.start, last);
  if (missing === undefined) return undefined;
  return `the segment ${missing} isn’t in the repository: nothing after it comes back from the backup ${label} or one before it`;
}

/** Takes a backup of the server, and lets pgBackRest remove those that are more than are kept. Throws in words. */
export async function backUpServer(server: LoggedServer, own: PgBackRest, bounds: Bounds): Promise<void> {
  const ready = await ensureStanza(own, bounds);
  if (!ready.ok) throw new Error(ready.why);
  const before = await repositoryInfo(own, bounds);
  if (!before.ok) throw new Error(before.why);
  const type = typeOfBackup(before.info.backups, server.pgbackrest.fullEveryMs, Date.now());
  const whose = `${ANNOTATIONS.store}=${server.environment}/${server.cell}/${server.name}`;
  const ran = await own.run(
    ['backup', `--type=${type}`, `--annotation=${whose}`, '--no-expire-auto'],
    bounds,
    'backup',
  );
  if (!ran.ok) throw new Error(ran.why);
  const expired = await expireBackups(own, { sets: [], full: server.pgbackrest.keep.full }, bounds);
  if (!expired.ok) throw new Error(`older backups stay in ${own.name}: ${expired.why}`);
}
