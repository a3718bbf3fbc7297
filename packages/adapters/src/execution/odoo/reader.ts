import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { readIfThere, readSecret, writeDurably } from '../../machine/durable-file.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { inRecords } from './records.ts';
import type { OdooStores } from './store.ts';

/**
 * Who reads tenants' databases for us. Whatever acts as a database's owner may put a view in the place of a table, and a
 * view's functions run as whoever reads it: so nothing of a tenant's is ever read as the superuser, but as a login that may
 * read everything and do nothing.
 */
const READER = 'headgate_reader';

/** Our own settings, whatever the database's owner has set for it. */
const OPTIONS = '-c search_path=pg_catalog,pg_temp -c role=none -c statement_timeout=30000 -c lock_timeout=10000';

/** Makes the login unless it is there, and puts right what it may. */
export async function prepareReader(stores: OdooStores): Promise<void> {
  const file = passwordFile(stores);
  if ((await readIfThere(file)) === undefined)
    await writeDurably(file, `${randomBytes(24).toString('base64url')}\n`, 0o600);
  const password = pg.escapeLiteral(await readSecret(file));
  await inRecords(stores, async (client) => {
    const { rowCount } = await client.query('select 1 from pg_roles where rolname = $1', [READER]);
    await client.query(
      `${rowCount === 0 ? 'create' : 'alter'} role ${READER} login inherit nosuperuser nocreatedb nocreaterole noreplication nobypassrls password ${password}`,
    );
    await client.query(`grant pg_read_all_data to ${READER}`);
  });
}

/** A session in a tenant's database, to read. Every name in its statements is a qualified one. */
export async function inTenant<T>(
  stores: OdooStores,
  database: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const password = await readSecret(passwordFile(stores));
  const config = { ...(await stores.cluster.connection(database)), user: READER, password, options: OPTIONS };
  try {
    return await withClient(config, work);
  } catch (error) {
    if ((error as { readonly code?: string }).code !== INSUFFICIENT_PRIVILEGE) throw error;
  }
  // A database that is new to us lets nobody in.
  await inRecords(stores, async (client) => {
    await client.query(`grant connect on database ${pg.escapeIdentifier(database)} to ${READER}`);
  });
  return withClient(config, work);
}

const INSUFFICIENT_PRIVILEGE = '42501';

function passwordFile(stores: OdooStores): string {
  return join(stores.cluster.dir, `password-${READER}`);
}
