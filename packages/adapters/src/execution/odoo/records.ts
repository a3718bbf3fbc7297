import type { StepContext } from '@headgate/execution';
import type pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import type { OdooStore, OdooStores } from './store.ts';

/**
 * What we remember about the stores stands in a database of our own beside them: a tenant that is restored must not
 * bring old decisions back into force, and nothing of ours lies in a customer's database.
 */
const DATABASE = 'headgate';

const TABLES = `
  create schema if not exists headgate;
  create table if not exists headgate.fence(store text primary key, epoch bigint not null, n bigint not null);
  create table if not exists headgate.login(role text primary key, database text not null);
  create table if not exists headgate.version(
    version int primary key check (version > 0), modules jsonb not null, digest text not null);
  create table if not exists headgate.pending(
    store text primary key, key text not null, version_from int not null, version_to int not null,
    started_at timestamptz not null default clock_timestamp());
  create table if not exists headgate.upgraded(
    store text not null, version int not null, digest text not null, primary key (store, version));
`;

/** Makes our database and its tables unless they are there. */
export async function prepareRecords(stores: OdooStores): Promise<void> {
  await withClient(await stores.cluster.controlConnection(), async (client) => {
    const there = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
    if (there.rowCount === 0) await client.query(`create database ${DATABASE}`).catch(alreadyThere);
    await client.query(`revoke connect on database ${DATABASE} from public`);
  });
  await inRecords(stores, async (client) => {
    await client.query('begin');
    await client.query(`select pg_advisory_xact_lock(hashtext('headgate.records'))`);
    await client.query(TABLES);
    await client.query('commit');
  });
}

function alreadyThere(error: { readonly code?: string }): void {
  if (error.code !== '42P04' && error.code !== '23505') throw error;
}

/** A session in our own database. */
export async function inRecords<T>(stores: OdooStores, work: (client: pg.Client) => Promise<T>): Promise<T> {
  return withClient(await recordsConnection(stores), work);
}

/** How a superuser gets into our own database. */
export async function recordsConnection(stores: OdooStores): Promise<pg.ClientConfig> {
  return stores.cluster.controlConnection(DATABASE);
}

/**
 * Does something to a store that nobody else may do meanwhile, under this step's fence. `fenced`: a later decision was
 * seen. `busy`: somebody else is at it.
 */
export async function holdStore<T>(
  stores: OdooStores,
  store: OdooStore,
  ctx: Pick<StepContext, 'fence'>,
  work: (client: pg.Client) => Promise<T>,
): Promise<T | 'fenced' | 'busy'> {
  return inRecords(stores, async (client) => {
    const { rows } = await client.query<{ mine: boolean }>(
      `select pg_try_advisory_lock(hashtext('headgate.store'), hashtext($1)) as mine`,
      [store.name],
    );
    if (!rows[0]!.mine) return 'busy';
    const { rowCount } = await client.query(
      `insert into headgate.fence as held(store, epoch, n) values ($1, $2, $3)
       on conflict (store) do update set epoch = excluded.epoch, n = excluded.n
       where (held.epoch, held.n) <= (excluded.epoch, excluded.n)`,
      [store.name, ctx.fence.epoch, ctx.fence.n],
    );
    return rowCount === 1 ? work(client) : 'fenced';
  });
}
