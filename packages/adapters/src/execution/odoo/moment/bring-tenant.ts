/**
 * One tenant of an Odoo cell as it was at a moment, beside the one that serves: its database, out of a backup of the whole PostgreSQL and the
 * log since, and the files that its rows name then. Odoo never changes a file and only removes those that no row names any more, so
 * each is still where it was, or in a restore point; and each is what its name says, which is the SHA-1 of its content.
 */
import { join } from 'node:path';
import type { Instant } from '@headgate/domain';
import { type Answer, denied, granted } from '@headgate/execution';
import pg from 'pg';
import type { Cluster } from '../../../postgres-cluster/cluster.ts';
import { withClient } from '../../../postgres-cluster/database.ts';
import { KeptPoints } from '../../kept-points/kept-points.ts';
import { closeLog } from '../../pgbackrest/log-reach.ts';
import type { Bounds } from '../../pgbackrest/pgbackrest.ts';
import { openPgBackRest } from '../../pgbackrest/pgbackrest-store.ts';
import { inOwnFolder } from '../../recover/own-folder.ts';
import type { Moment, Recovered } from '../../recover/recover-aside.ts';
import { type OneDatabase, recoverInto } from '../../recover/recover-backup.ts';
import { odooStores } from '../odoo-cell.ts';
import type { OdooCellConfig } from '../odoo-cell-config.ts';
import { PointManifest } from '../point-manifest.ts';
import { prepareReader } from '../reader.ts';
import { type LoggedServer, loggedServer, rolloutOf } from '../server-log.ts';
import { findStore, type OdooStore, type OdooStores, storeDir } from '../store.ts';
import { type StoreVersion, storeVersion } from '../version-records.ts';
import { type TenantDifference, tenantDifference } from './difference.ts';
import { type FilesOfThen, filesOfThen } from './files-of-then.ts';
import type { FilesVault } from './vault-files.ts';

export interface BringTenantAsk {
  readonly config: OdooCellConfig;
  readonly store: string;
  readonly moment: Moment;
  /** A backup's label; absent: the newest before the moment. */
  readonly id: string | undefined;
  /** Empty, or not there yet. */
  readonly to: string;
  /** Where files are looked for that this machine doesn't have; a text: why they can't be, and what would help. */
  readonly vault: FilesVault | string;
  /** So many files it may go without, exactly. */
  readonly lacking: number | undefined;
  /** Says in what it differs from what stands: all rows of both are read. */
  readonly compare: boolean;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface BroughtTenant extends Recovered {
  readonly database: string;
  /** As its modules stand then. */
  readonly version: StoreVersion;
  readonly files: FilesOfThen;
  /** Absent: nobody asked for it. */
  readonly difference?: TenantDifference;
}

/** Of what is needed beside the tenant's own: what we remember of the stores. */
const RECORDS = 'headgate';
const TEMPLATES = ['postgres', 'template0', 'template1'] as const;

/** A denial or an error leaves nothing of it in its folder. The tenant, and its neighbours, aren't touched. */
export async function bringTenant(ask: BringTenantAsk): Promise<Answer<BroughtTenant>> {
  const live = odooStores(ask.config);
  const server = loggedServer(ask.config, live.cluster);
  if (server === undefined) return denied('rejected', notLogged(ask.config.cell));
  const { to, signal, say } = ask;
  return inOwnFolder({ to, store: live, signal, say }, () => bring(ask, live, server));
}

/** Why a cell's tenants come back to no moment between their restore points. */
export function notLogged(cell: string): string {
  return `nobody keeps the log of the PostgreSQL of ${cell}: name pgBackRest’s stanza and repository as postgresql.pgbackrest of the cell, and its tenants come back to any moment from the first backup on`;
}

async function bring(ask: BringTenantAsk, live: OdooStores, server: LoggedServer): Promise<Answer<BroughtTenant>> {
  const { config, to, id, deadlineMs, signal, say } = ask;
  const { environment, cell } = config;
  const store = findStore(live, ask.store);
  const reachedAt = await endOfLog(server, { deadlineMs: Math.min(deadlineMs, CLOSE_MS), signal }).catch((error) => {
    signal.throwIfAborted();
    say(`What was written last isn’t in the repository yet: ${(error as Error).message}`);
    return undefined;
  });
  const { moment, markedAfter } = await momentOf(ask, live, store);
  const recovered = await recoverInto({
    ...{ store: server, of: { environment, cell, store: server.name }, moment, id, to, deadlineMs, signal, say },
    ...{ reachedAt, markedAfter, only: await onlyThis(server, store) },
  });
  if (!recovered.ok) return recovered;
  const { cluster } = recovered.value;
  if (!(await keepOnly(cluster, store)))
    return denied('rejected', `the database ${store.database} wasn’t there at that moment`);
  const aside = asideOf(live, cluster, store, to);
  await prepareReader(aside);
  const version = await storeVersion(aside, store);
  const files = await filesOfThen({ ...ask, live, aside, store });
  if (!files.ok) return files;
  const { database } = store;
  const difference = ask.compare ? await tenantDifference(live, aside, store, signal) : undefined;
  return granted({
    ...recovered.value,
    database,
    version,
    files: files.value,
    ...(reachedAt !== undefined && { reachedAt }),
    ...(difference !== undefined && { difference }),
  });
}

/** The tenant's store on the cluster that was brought back in a folder. */
export function asideOf(live: OdooStores, cluster: Cluster, store: OdooStore, to: string): OdooStores {
  return { ...live, cluster, byName: new Map([[store.name, store]]), dir: join(to, 'headgate') };
}

/** For the piece of the log that is being written. Milliseconds. */
const CLOSE_MS = 120_000;

/** Sees what was committed until now in the repository, where the PostgreSQL runs here; undefined: it doesn't. */
async function endOfLog(server: LoggedServer, bounds: Bounds): Promise<Instant | undefined> {
  if ((await server.cluster.postmaster())?.ready !== true) return undefined;
  return (await closeLog(server, await openPgBackRest(server), { now: Date.now, bounds })).at;
}

/** Each store of the cell has a mark of its own; it follows the restore point that its promotion took. */
async function momentOf(
  { moment }: BringTenantAsk,
  live: OdooStores,
  store: OdooStore,
): Promise<{ readonly moment: Moment; readonly markedAfter?: Instant }> {
  if (moment.kind !== 'before-rollout') return { moment };
  const kept = new KeptPoints(join(storeDir(live, store), 'restore-points'), PointManifest);
  const points = (await kept.list()).kept.filter(({ manifest }) => manifest.rollout === moment.rollout);
  const markedAfter = points.at(-1)?.manifest.takenAt;
  const marked: Moment = { kind: 'before-rollout', rollout: rolloutOf(moment.rollout, store.name) };
  return { moment: marked, ...(markedAfter !== undefined && { markedAfter }) };
}

/** A tenant's database changes its name when it is created, and when it goes back to a restore point. */
async function onlyThis({ cluster }: LoggedServer, { database }: OdooStore): Promise<OneDatabase> {
  const names = ['making', 'restoring', 'before'].map((how) => `${database}__${how}`);
  const own = [RECORDS, ...names];
  const running = (await cluster.postmaster())?.ready === true;
  return { database, with: own, leftOut: running ? await sizeOfOthers(cluster, [database, ...own]) : 0 };
}

async function sizeOfOthers(cluster: Cluster, own: readonly string[]): Promise<number> {
  return withClient(await cluster.controlConnection(), async (client) => {
    const { rows } = await client.query<{ bytes: string }>(
      `select coalesce(sum(pg_catalog.pg_database_size(oid)), 0)::text as bytes from pg_catalog.pg_database where datname <> all($1)`,
      [[...own, ...TEMPLATES]],
    );
    return Number(rows[0]!.bytes);
  });
}

/** Removes all other databases, which are others' or have nothing in them. False: this one isn't there. */
async function keepOnly(cluster: Cluster, { database }: OdooStore): Promise<boolean> {
  return withClient(await cluster.controlConnection(), async (client) => {
    const { rows } = await client.query<{ name: string }>('select datname as name from pg_catalog.pg_database');
    const names = rows.map(({ name }) => name);
    for (const name of names) {
      if ([database, RECORDS, ...TEMPLATES].includes(name)) continue;
      await client.query(`alter database ${pg.escapeIdentifier(name)} is_template false`);
      await client.query(`drop database ${pg.escapeIdentifier(name)} with (force)`);
    }
    return names.includes(database);
  });
}
