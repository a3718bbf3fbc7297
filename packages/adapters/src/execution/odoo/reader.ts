import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { readIfThere, readSecret, writeDurably } from '../../machine/durable-file.ts';
import { type SessionBounds, withBoundedClient } from '../store/bounded-session.ts';
import { type OdooTable, requireOrdinary } from '../store/ordinary-table.ts';
import { inRecords } from './records.ts';
import { resetSettings } from './role-settings.ts';
import type { OdooStores } from './store.ts';

/**
 * Who reads tenants' databases for us, a login that may read everything and do nothing: whatever acts as a database's owner
 * may put a view in the place of a table, and a view's functions run as whoever reads it. Nothing of a tenant's runs as the
 * reader either, since a login may change its own password, and it reads every tenant: what is read is looked at first
 * (`ordinary-table`), and views and foreign tables are shut off altogether. All of it stands in a transaction that was read
 * in before, and from then on nobody can make it one that writes.
 */
const READER = 'headgate_reader';

/** The setting that shuts off views; PostgreSQL has it since 15.8, 16.4 and 17. */
const SHUTS_OFF = 'restrict_nonsystem_relation_kind';

/** Our own settings, whatever the database's owner, or somebody as the reader, has set for it. */
const OPTIONS = Object.entries({
  search_path: 'pg_catalog,pg_temp',
  role: 'none',
  [SHUTS_OFF]: 'view,foreign-table',
  row_security: 'off',
  default_transaction_read_only: 'on',
  default_transaction_isolation: 'read\\ committed',
  statement_timeout: '30000',
  lock_timeout: '10000',
  idle_in_transaction_session_timeout: '60000',
  idle_session_timeout: '0',
  client_min_messages: 'error',
  // Neither a table's checks nor anybody else's process takes part.
  constraint_exclusion: 'off',
  max_parallel_workers_per_gather: '0',
  jit: 'off',
})
  .map(([name, value]) => `-c ${name}=${value}`)
  .join(' ');

/** Of a look that takes as long as it should. */
const BOUNDS: SessionBounds = { deadlineMs: 40_000, mostBytes: 64 * 1024 * 1024 };

/**
 * Makes the login unless it is there, and puts right what it may, its password and its settings. Throws when the cluster's
 * PostgreSQL is too old to read a tenant's database safely.
 */
export async function prepareReader(stores: OdooStores): Promise<void> {
  const file = passwordFile(stores);
  if ((await readIfThere(file)) === undefined)
    await writeDurably(file, `${randomBytes(24).toString('base64url')}\n`, 0o600);
  const password = pg.escapeLiteral(await readSecret(file));
  await inRecords(stores, async (client) => {
    await client.query('begin');
    await client.query(`select pg_advisory_xact_lock(hashtext('headgate.reader'))`);
    const { rows } = await client.query<{ there: boolean; shuts: boolean; version: string }>(
      `select exists(select from pg_roles where rolname = $1) as there,
         current_setting($2, true) is not null as shuts, current_setting('server_version') as version`,
      [READER, SHUTS_OFF],
    );
    const { there, shuts, version } = rows[0]!;
    if (!shuts)
      throw new Error(
        `PostgreSQL ${version} can't keep a tenant's views from running as whoever reads them (${SHUTS_OFF}); install 15.8 or a later one of its kind (16.4, 17)`,
      );
    await client.query(
      `${there ? 'alter' : 'create'} role ${READER} login inherit nosuperuser nocreatedb nocreaterole noreplication nobypassrls connection limit -1 valid until 'infinity' password ${password}`,
    );
    await resetSettings(client, READER);
    await client.query(`grant pg_read_all_data to ${READER}`);
    await client.query('commit');
  });
}

/**
 * A session in a tenant's database that reads one table of Odoo's, and what stands in it as it is when it is asked for. Every
 * name in its statements is a qualified one. Throws a `StoreFault` when there is no such table to be read safely, or when it
 * takes too long or sends too much.
 */
export async function inTenant<T>(
  stores: OdooStores,
  database: string,
  table: OdooTable,
  work: (client: pg.Client) => Promise<T>,
  bounds = BOUNDS,
): Promise<T> {
  let letIn = false;
  const read = async (): Promise<T> => {
    const password = await readSecret(passwordFile(stores));
    const config = await stores.cluster.connectionAs({ user: READER, password, options: OPTIONS }, database);
    return withBoundedClient(stores.cluster, config, bounds, async (client) => {
      letIn = true;
      await client.query('begin transaction read only');
      await requireOrdinary(client, database, table);
      const value = await work(client);
      await client.query('commit');
      return value;
    });
  };
  try {
    return await read();
  } catch (error) {
    const { code } = error as { readonly code?: string };
    if (letIn || !(error instanceof pg.DatabaseError) || code === NO_DATABASE || code?.startsWith('57P')) throw error;
  }
  // A database that is new to us lets nobody in; or somebody changed what the reader may, or its password.
  await prepareReader(stores);
  await inRecords(stores, async (client) => {
    await client.query(`grant connect on database ${pg.escapeIdentifier(database)} to ${READER}`);
  });
  return read();
}

/**
 * How to connect as the reader, for whoever reads all of a tenant's tables, in a transaction that can't write and without views.
 * The database lets it in afterwards.
 */
export async function readerConnection(stores: OdooStores, database: string): Promise<pg.ClientConfig> {
  await prepareReader(stores);
  await inRecords(stores, async (client) => {
    await client.query(`grant connect on database ${pg.escapeIdentifier(database)} to ${READER}`);
  });
  const password = await readSecret(passwordFile(stores));
  return stores.cluster.connectionAs({ user: READER, password, options: OPTIONS }, database);
}

const NO_DATABASE = '3D000';

function passwordFile(stores: OdooStores): string {
  return join(stores.cluster.dir, `password-${READER}`);
}
