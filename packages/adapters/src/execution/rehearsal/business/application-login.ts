import pg from 'pg';
import { withClient } from '../../../postgres-cluster/database.ts';
import type { ConnectionUrl } from '../../external-store/connection-url.ts';
import { ExternalServer, externalDatabaseUrlOf } from '../../external-store/external-store.ts';
import { closeMigrationLogin, openMigrationLogin } from '../../store/migration-login.ts';
import { controlConnection, prepareForMigrations, type Store } from '../../store/store-session.ts';

/**
 * Does `work` with a URL of the copy that acts as the application, and locks it out again. It isn't the application's own
 * login: on a server that others use, a password of that one would be theirs, too.
 */
export async function asApplication<T>(store: Store, work: (url: string, password: string) => Promise<T>): Promise<T> {
  return withClient(await controlConnection(store), async (client) => {
    const login = await prepareForMigrations(client, store);
    await closeMigrationLogin(client, login);
    await client.query(`alter role ${pg.escapeIdentifier(login)} set role = ${pg.escapeLiteral(store.user)}`);
    const password = await openMigrationLogin(client, login);
    try {
      return await work(externalDatabaseUrlOf({ ...(await serverOf(store)), user: login, password }), password);
    } finally {
      await closeMigrationLogin(client, login);
    }
  });
}

/** Where the copy is. Its superuser's login is in it until another one takes its place. */
export async function serverOf({ cluster, database }: Store): Promise<ConnectionUrl> {
  if (cluster instanceof ExternalServer) return { ...(await cluster.url()), database };
  const { host = '127.0.0.1', port = 5432 } = await cluster.controlConnection(database);
  return { host, port, user: '', password: '', database, ssl: 'disable', rootCertificate: undefined };
}
