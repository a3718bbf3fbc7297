import type { StepContext } from '@headgate/execution';
import pg from 'pg';
import { readSecret } from '../../machine/durable-file.ts';
import type { Cluster } from '../../postgres-cluster/cluster.ts';
import { withClient } from '../../postgres-cluster/database.ts';

/** One store of a cell: a database in a cluster of its own, and the login that the application uses. */
export interface Store {
  readonly name: string;
  readonly cluster: Cluster;
  readonly database: string;
  readonly user: string;
  /** 0600, the login's password. */
  readonly passwordFile: string;
}

/** How to connect with the application's own rights. Whoever is logged in as it can't be more by `reset role`. */
export async function ownersConnection(store: Store): Promise<pg.ClientConfig> {
  const { user, passwordFile } = store;
  return { ...(await store.cluster.connection(store.database)), user, password: await readSecret(passwordFile) };
}

/**
 * Our own tables in each store. The application's login may read routes and its version, and change neither.
 * `fence`: the highest fence by scope (the cell). `migration`: what brought the schema where it is. `route`: the slot
 * whose workers may claim a tenant's jobs.
 */
const SCHEMA = `
create schema if not exists headgate;
create table if not exists headgate.fence(scope text primary key, epoch bigint not null, n bigint not null);
create table if not exists headgate.migration(version int primary key, id text not null, digest text not null, applied_by text not null, applied_at timestamptz not null default clock_timestamp());
create table if not exists headgate.route(tenant text primary key, slot text not null, epoch bigint not null, n bigint not null);`;

/** Creates our tables unless they are there. */
export async function prepareStore(store: Store): Promise<void> {
  await withClient(await store.cluster.connection(store.database), async (client) => {
    const { rows } = await client.query(`select to_regclass('headgate.route') is not null as there`);
    if (rows[0].there) return;
    const user = pg.escapeIdentifier(store.user);
    // "if not exists" of two sessions can collide; the lock lets one go first.
    await client.query('begin');
    await client.query(`select pg_advisory_xact_lock(hashtext('headgate.schema'))`);
    await client.query(SCHEMA);
    await client.query(`grant usage on schema headgate to ${user}`);
    await client.query(`grant select on headgate.route, headgate.migration to ${user}`);
    await client.query('commit');
  });
}

/** Raises the store's fence to this step's, in the caller's transaction, whose end releases the row. False: a later one was seen. */
export async function raiseFence(client: pg.ClientBase, ctx: Pick<StepContext, 'cell' | 'fence'>): Promise<boolean> {
  const { rowCount } = await client.query(
    `insert into headgate.fence as held(scope, epoch, n) values ($1, $2, $3)
     on conflict (scope) do update set epoch = excluded.epoch, n = excluded.n
     where (held.epoch, held.n) <= (excluded.epoch, excluded.n)`,
    [`cell:${ctx.cell}`, ctx.fence.epoch, ctx.fence.n],
  );
  return rowCount === 1;
}

/** The tables' names, for those that carry them over when a store is put back. */
export const CONTROL_TABLES = ['headgate.fence', 'headgate.route'] as const;
