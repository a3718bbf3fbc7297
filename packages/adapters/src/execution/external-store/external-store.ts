import pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import type { Login } from '../../postgres-cluster/own-session.ts';
import type { Store, StoreServer } from '../store/store-session.ts';
import { type ConnectionUrl, clientConfig, ownersConfig, readConnectionUrl, type UrlSource } from './connection-url.ts';

/** The oldest PostgreSQL that our own schema runs on (xid8, and schemas that only their owner may change). */
const OLDEST_MAJOR = 14;

/** The database that every server has for whoever belongs to no other. */
const MAINTENANCE = 'postgres';

/** What the agent is told about a database that is there already, on a server that somebody else keeps. */
export interface ExternalStoreConfig {
  /** The application's own login, owner of the database. */
  readonly url: UrlSource;
  /** A superuser of the same server. */
  readonly adminUrl: UrlSource;
  readonly restorePointsDir: string;
  readonly keepRestorePoints: number;
  /** Folder that holds pg_dump and pg_restore; without it they are looked for. */
  readonly toolsDir?: string | undefined;
  /** See {@link ExternalStore}. */
  readonly census?: boolean;
}

/** A store in such a database. */
export interface ExternalStore extends Store {
  readonly cluster: ExternalServer;
  readonly restorePointsDir: string;
  readonly keep: number;
  readonly toolsDir: string | undefined;
  /** A restore point promises its rows, for which all of them are read once more; absent: it doesn't. */
  readonly census?: boolean | undefined;
}

/** A PostgreSQL server that somebody else keeps: never started, stopped or copied by us. */
export class ExternalServer implements StoreServer {
  private readonly admin: UrlSource;
  private readonly renamed: string | undefined;
  private known: number | undefined;

  /** `renamed`: the database that a restore gives another name, which nobody can who is connected to it. */
  constructor(admin: UrlSource, renamed?: string) {
    this.admin = admin;
    this.renamed = renamed;
  }

  /** Read anew each time, so that a rotated password needs no restart where it stands in a file. */
  async url(): Promise<ConnectionUrl> {
    return readConnectionUrl(this.admin);
  }

  /** To a database, or where none is named to the one of the URL; if that is the store's own, to `postgres` in its place. */
  async controlConnection(database?: string): Promise<pg.ClientConfig> {
    const url = await this.url();
    return clientConfig(url, database ?? (url.database === this.renamed ? MAINTENANCE : url.database));
  }

  async connectionAs(login: Login, database: string): Promise<pg.ClientConfig> {
    return ownersConfig({ ...(await this.url()), database }, login);
  }

  async major(): Promise<number> {
    this.known ??= await withClient(await this.controlConnection(), async (client) => {
      const { rows } = await client.query<{ v: string }>(`select current_setting('server_version_num') as v`);
      return Math.floor(Number(rows[0]!.v) / 10_000);
    });
    return this.known;
  }
}

/**
 * Opens a store in a database that is there. Looks whether it can be one: both logins reach the same database, the
 * application owns it and is no superuser, ours is one. Throws, in words, what isn't so and how to mend it.
 */
export async function openExternalStore(name: string, config: ExternalStoreConfig): Promise<ExternalStore> {
  const own = await readConnectionUrl(config.url);
  const cluster = new ExternalServer(config.adminUrl, own.database);
  const trouble = (why: string): Error => new Error(`The store ${name} can't be taken under control: ${why}`);
  const major = await cluster.major().catch((error: Error & { code?: string }) => {
    if (error.code !== '3D000') throw error;
    throw trouble(
      `${error.message}; let adminUrl name another database of that server than ${own.database}, which a restore renames`,
    );
  });
  if (major < OLDEST_MAJOR) throw trouble(`PostgreSQL ${OLDEST_MAJOR} or later is needed`);
  const identity = async (connection: pg.ClientConfig): Promise<string> =>
    withClient(connection, async (client) => {
      const { rows } = await client.query<{ oid: string; started: string }>(
        `select oid::text, pg_postmaster_start_time()::text as started from pg_database where datname = current_database()`,
      );
      return `${rows[0]!.oid} ${rows[0]!.started}`;
    });
  const [ours, theirs] = [
    await identity(await cluster.controlConnection(own.database)),
    await identity(clientConfig(own)),
  ];
  if (ours !== theirs) throw trouble(`adminUrl reaches another server than url; name the same one in both`);
  await withClient(await cluster.controlConnection(own.database), async (client) => {
    const { rows } = await client.query<{ superuser: boolean; owner: string; owned: boolean; much: boolean }>(
      `select (select rolsuper from pg_roles where rolname = session_user) as superuser,
         pg_get_userbyid(datdba) as owner, pg_get_userbyid(datdba) = $1 as owned,
         (select rolsuper from pg_roles where rolname = $1) as much
       from pg_database where datname = current_database()`,
      [own.user],
    );
    const { superuser, owner, owned, much } = rows[0]!;
    if (!superuser)
      throw trouble(
        `the login of adminUrl is no superuser; Headgate's fences have to be out of the application's reach`,
      );
    if (much)
      throw trouble(
        `the application logs in as a superuser (${own.user}); give it a login of its own that owns its database`,
      );
    if (!owned)
      throw trouble(
        `the database belongs to ${owner}, not to the application's login; run: alter database ${pg.escapeIdentifier(own.database)} owner to ${pg.escapeIdentifier(own.user)}`,
      );
  });
  return {
    name,
    cluster,
    database: own.database,
    user: own.user,
    passwordFile: async () => (await readConnectionUrl(config.url)).password,
    restorePointsDir: config.restorePointsDir,
    keep: config.keepRestorePoints,
    toolsDir: config.toolsDir,
    census: config.census,
  };
}

/** The application's connection URL, for its own environment. Holds a password: never log it. */
export async function externalDatabaseUrl(source: UrlSource): Promise<string> {
  return externalDatabaseUrlOf(await readConnectionUrl(source));
}

/** The same of a URL that is known. */
export function externalDatabaseUrlOf(url: ConnectionUrl): string {
  const { user, password, host, port, database, ssl, rootCertificate } = url;
  const at = host.includes(':') ? `[${host}]` : host;
  const query = new URLSearchParams();
  if (ssl !== 'disable') query.set('sslmode', ssl);
  if (rootCertificate !== undefined) query.set('sslrootcert', rootCertificate);
  const tail = query.size === 0 ? '' : `?${query}`;
  return `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${at}:${port}/${encodeURIComponent(database)}${tail}`;
}
