import type pg from 'pg';
import { readSecret } from '../../machine/durable-file.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { ownSession } from '../../postgres-cluster/own-session.ts';
import type { CellConfig } from '../cell-config.ts';
import { ownersConfig, readConnectionUrl } from '../external-store/connection-url.ts';
import type { Store } from '../store/store-session.ts';
import type { Connection } from './right-side.ts';
import { StoreAndHttpSides } from './store-and-http-sides.ts';

/** The other systems of a cell, by the names that documents call them. */
export function connectionsOf({ ledger, connections }: CellConfig): Readonly<Record<string, Connection>> {
  return { ...connections, ...(ledger && { ledger }) };
}

/**
 * The sides of one store, to be looked at beside an agent that is at work in the cell: nothing is held, started or prepared,
 * and no login is used but the application's own. Throws when the cell has no such store.
 */
export async function sidesToLookAt(config: CellConfig, store: string): Promise<StoreAndHttpSides> {
  const storeOf = new Map(Object.entries(config.tenants).map(([tenant, of]) => [tenant, of.store]));
  return new StoreAndHttpSides(new Map([[store, await storeToLookAt(config, store)]]), connectionsOf(config), storeOf);
}

/** A store as the application’s own login reaches it, beside an agent that is at work. */
export async function storeToLookAt(
  { stores, externalStores }: Pick<CellConfig, 'stores' | 'externalStores'>,
  name: string,
): Promise<Store> {
  const own = Object.hasOwn(stores, name) ? stores[name] : undefined;
  if (own) {
    const { port, database, user, passwordFile } = own;
    const login = { host: '127.0.0.1', port, user, password: await readSecret(passwordFile) };
    return { name, database, user, passwordFile, cluster: serverOf({ ...login, connectionTimeoutMillis: 5_000 }) };
  }
  const external = Object.hasOwn(externalStores, name) ? externalStores[name] : undefined;
  if (!external) throw new Error(`There is no store ${name} in this cell`);
  const url = await readConnectionUrl(external.url);
  const { database, user, password } = url;
  return {
    name,
    database,
    user,
    passwordFile: async () => password,
    cluster: serverOf(ownersConfig(url, { user, password })),
  };
}

/** A server as an ordinary login reaches it. */
function serverOf(login: pg.ClientConfig): Store['cluster'] {
  return {
    controlConnection: async (database = login.database) => ownSession({ ...login, ...(database && { database }) }),
    connectionAs: async (as, database) => ({ ...login, ...as, database }),
    major: async () =>
      withClient(login, async (client) => {
        const { rows } = await client.query<{ v: string }>(`select current_setting('server_version_num') as v`);
        return Math.floor(Number(rows[0]!.v) / 10_000);
      }),
  };
}
