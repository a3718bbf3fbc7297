import pg from 'pg';
import { type ApplicationRole, ensureApplicationRole } from './application-role.ts';
import { applyMissing, type Stepped } from './migrate-steps.ts';
import { MIGRATIONS } from './migrations/index.ts';
import { asStoreError } from './unavailable.ts';

export type { ApplicationRole };

export interface MigrateOptions {
  /** Of a role that may create a schema in the database and, with `application`, roles. Holds a password: never log it. */
  readonly adminUrl: string;
  /** The application's role, made or updated. Without it only the schema is migrated. */
  readonly application?: ApplicationRole;
}

export interface Migrated extends Stepped {
  /** How the application connects; without an application role, the admin's own URL. Holds a password: never log it. */
  readonly databaseUrl: string;
}

const OLDEST = 150_000;

/**
 * Brings the control database to this code's version: all steps in one transaction, under a lock, so that several servers
 * may start at once. Forward only; a newer one on which this code may still run is left as it is, and a contract step for
 * later while older servers are there. Works on PostgreSQL 15 and later.
 */
export async function migrateControlDatabase({ adminUrl, application }: MigrateOptions): Promise<Migrated> {
  const client = new pg.Client({
    connectionString: adminUrl,
    application_name: 'headgate migrate',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  client.on('error', () => {}); // the statement's own rejection tells
  try {
    await client.connect();
    await checkServer(client);
    await client.query('begin');
    await client.query("set local lock_timeout = '60s'");
    // Client messages would only say that things exist already.
    await client.query("set local client_min_messages = 'warning'");
    await client.query('select pg_advisory_xact_lock(7261, 0)');
    const stepped = await applyMissing(client, MIGRATIONS);
    // What the application may do in a newer database isn't known here: older code would take rights away from it.
    if (application !== undefined && !stepped.newer) await ensureApplicationRole(client, application);
    await client.query('commit');
    return { ...stepped, databaseUrl: urlFor(adminUrl, application) };
  } catch (error) {
    throw asStoreError(error);
  } finally {
    await client.end().catch(() => {});
  }
}

async function checkServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ version: number; encoding: string; shown: string }>(
    `select current_setting('server_version_num')::integer as version, current_setting('server_version') as shown,
            pg_encoding_to_char(encoding) as encoding from pg_database where datname = current_database()`,
  );
  const { version, encoding, shown } = rows[0]!;
  if (version < OLDEST) throw new TypeError(`the control database needs PostgreSQL 15 or later, and this is ${shown}`);
  if (encoding !== 'UTF8') throw new TypeError(`the control database must have the encoding UTF8, not ${encoding}`);
}

function urlFor(adminUrl: string, application: ApplicationRole | undefined): string {
  if (application === undefined) return adminUrl;
  const url = new URL(adminUrl);
  url.username = encodeURIComponent(application.role);
  url.password = encodeURIComponent(application.password);
  return url.href;
}
