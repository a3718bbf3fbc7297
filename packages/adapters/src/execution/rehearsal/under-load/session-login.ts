/** The login that users' sessions work by on a copy. It isn't the migrations' own: that one is locked out at each attempt. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { withClient } from '../../../postgres-cluster/database.ts';
import { externalDatabaseUrlOf } from '../../external-store/external-store.ts';
import { controlConnection, type Store, withoutTimeouts } from '../../store/store-session.ts';
import { serverOf } from '../business/application-login.ts';

/** What these logins are called, one for each database: this, and the database's number. They go with the database. */
export const SESSIONS = 'headgate_session_';

export interface SessionLogin {
  /** For the application. */
  readonly url: string;
  readonly password: string;
  /** For a session of our own. */
  readonly connection: pg.ClientConfig;
}

/** Makes it: it acts as the application's owner and is no more. Whoever drops the database drops it. */
export async function openSessionLogin(store: Store): Promise<SessionLogin> {
  const password = randomBytes(24).toString('base64url');
  const user = await withClient(await controlConnection(store), async (client) => {
    const { rows } = await client.query<{ login: string; there: boolean }>(
      `select name.login, exists (select from pg_roles where rolname = name.login) as there
       from (select $1::text || oid as login from pg_database where datname = current_database()) name`,
      [SESSIONS],
    );
    const { login, there } = rows[0]!;
    const role = pg.escapeIdentifier(login);
    await client.query(
      `${there ? 'alter' : 'create'} role ${role} nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit login password ${pg.escapeLiteral(password)}`,
    );
    await client.query(`grant ${pg.escapeIdentifier(store.user)} to ${role}`);
    await client.query(`grant connect on database ${pg.escapeIdentifier(store.database)} to ${role}`);
    await client.query(`alter role ${role} set role = ${pg.escapeLiteral(store.user)}`);
    return login;
  });
  const options = await withoutTimeouts(store.cluster);
  return {
    url: externalDatabaseUrlOf({ ...(await serverOf(store)), user, password }),
    password,
    connection: await store.cluster.connectionAs({ user, password, options }, store.database),
  };
}
