import { digestOf } from '@headgate/documents/digest';
import pg from 'pg';
import { type ApplicationRole, ensureApplicationRole } from './application-role.ts';
import { MIGRATIONS } from './migrations/index.ts';
import { asStoreError } from './unavailable.ts';

export type { ApplicationRole };

export interface MigrateOptions {
  /** Of a role that may create a schema in the database and, with `application`, roles. Holds a password: never log it. */
  readonly adminUrl: string;
  /** The application's role, made or updated. Without it only the schema is migrated. */
  readonly application?: ApplicationRole;
}

export interface Migrated {
  readonly from: number;
  readonly to: number;
  /** How the application connects; without an application role, the admin's own URL. Holds a password: never log it. */
  readonly databaseUrl: string;
}

const OLDEST = 150_000;

/**
 * Brings the control database to this code's version: all steps in one transaction, under a lock, so that several servers
 * may start at once. Forward only. Works on PostgreSQL 15 and later.
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
    const from = await applyMissing(client);
    if (application !== undefined) await ensureApplicationRole(client, application);
    await client.query('commit');
    return { from, to: MIGRATIONS.length, databaseUrl: urlFor(adminUrl, application) };
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

async function applyMissing(client: pg.Client): Promise<number> {
  await client.query('create schema if not exists headgate');
  await client.query(
    `create table if not exists headgate.migration (
       version integer primary key, name text not null, digest text not null, at timestamptz not null default now())`,
  );
  const { rows } = await client.query<{ version: number; name: string; digest: string }>(
    'select version, name, digest from headgate.migration order by version',
  );
  if (rows.length > MIGRATIONS.length) {
    throw new TypeError(
      `the control database is at version ${rows.length}, which is newer than this Headgate (${MIGRATIONS.length})`,
    );
  }
  for (const [i, { name, sql }] of MIGRATIONS.entries()) {
    const applied = rows[i];
    const digest = digestOf(sql);
    if (applied === undefined) {
      await client.query(sql);
      await client.query('insert into headgate.migration (version, name, digest) values ($1, $2, $3)', [
        i + 1,
        name,
        digest,
      ]);
    } else if (applied.digest !== digest) {
      throw new TypeError(`migration ${applied.name} of the control database differs from this Headgate's ${name}`);
    }
  }
  return rows.length;
}

function urlFor(adminUrl: string, application: ApplicationRole | undefined): string {
  if (application === undefined) return adminUrl;
  const url = new URL(adminUrl);
  url.username = encodeURIComponent(application.role);
  url.password = encodeURIComponent(application.password);
  return url.href;
}
