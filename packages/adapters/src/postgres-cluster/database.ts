import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { readIfThere, readSecret, writeDurably } from '../machine/durable-file.ts';
import type { Cluster } from './cluster.ts';

/** A database with an owner of its own. */
export interface DatabaseLogin {
  readonly database: string;
  readonly user: string;
  /** 0600; made with a random password when it isn't there. */
  readonly passwordFile: string;
}

/**
 * Creates a login and a database that it owns, unless they are there. Idempotent; the login's password is set to what
 * the file holds. The login is no superuser and may not create databases or roles.
 */
export async function ensureDatabase(cluster: Cluster, login: DatabaseLogin): Promise<void> {
  if ((await readIfThere(login.passwordFile)) === undefined) {
    await writeDurably(login.passwordFile, `${randomBytes(24).toString('base64url')}\n`, 0o600);
  }
  const password = await readSecret(login.passwordFile);
  await withClient(await cluster.connection(), async (client) => {
    const user = pg.escapeIdentifier(login.user);
    const known = await client.query('select 1 from pg_roles where rolname = $1', [login.user]);
    // The server never logs statements (see settings), so the password in this one stays here.
    const verb = known.rowCount === 0 ? 'create' : 'alter';
    await client.query(`${verb} role ${user} with login password ${pg.escapeLiteral(password)}`);
    const there = await client.query('select 1 from pg_database where datname = $1', [login.database]);
    if (there.rowCount === 0)
      await client.query(`create database ${pg.escapeIdentifier(login.database)} owner ${user}`);
    await client.query(`revoke connect on database ${pg.escapeIdentifier(login.database)} from public`);
  });
}

/** Connection URL of a login, for a program's environment. It holds the password: never log it. */
export async function databaseUrl(port: number, login: DatabaseLogin): Promise<string> {
  const password = await readSecret(login.passwordFile);
  return `postgres://${encodeURIComponent(login.user)}:${encodeURIComponent(password)}@127.0.0.1:${port}/${encodeURIComponent(login.database)}`;
}

/**
 * How long a session is asked for again while its server is being started. Whoever keeps a cluster starts it within a
 * second or two, and a step that met it just then has better things to do with its attempts. Milliseconds.
 */
const PATIENCE_MS = 5_000;

/** Opens one session for `work` and closes it whatever happens. Waits a little for a server that is being started. */
export async function withClient<T>(config: pg.ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  let broken: Error | undefined;
  const client = await connected(config, (error) => {
    broken = error;
  });
  try {
    return await work(client);
  } catch (error) {
    throw broken ?? error;
  } finally {
    await client.end().catch(() => {});
  }
}

async function connected(config: pg.ClientConfig, onError: (error: Error) => void): Promise<pg.Client> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const client = new pg.Client(config);
    client.on('error', () => {}); // until it is connected, the rejection tells
    try {
      await client.connect();
      client.on('error', onError);
      return client;
    } catch (error) {
      await client.end().catch(() => {});
      if (!isStarting(error) || performance.now() >= until) throw error;
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}

/** Nobody listens yet, who listens says that it isn't ready, or it died in the middle of our asking. */
function isStarting(error: unknown): boolean {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  return (
    code === 'ECONNREFUSED' ||
    code === 'ECONNRESET' ||
    code === '57P03' ||
    message === 'Connection terminated unexpectedly'
  );
}

/** Path of a login's password file inside the cluster's folder. */
export function passwordFileOf(cluster: Cluster, user: string): string {
  return join(cluster.dir, `password-${user}`);
}
