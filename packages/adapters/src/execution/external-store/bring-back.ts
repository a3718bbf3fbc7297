import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Answer, denied, granted, type StepContext } from '@headgate/execution';
import pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import type { KeptPoint } from '../kept-points/kept-points.ts';
import { closeMigrationLogin, MIGRATOR, openMigrationLogin } from '../store/migration-login.ts';
import { controlConnection, prepareForMigrations, raiseFence } from '../store/store-session.ts';
import { THIS_DATABASE } from '../store/this-database.ts';
import type { DumpManifest } from './dump-manifest.ts';
import type { ExternalStore } from './external-store.ts';
import { runTool } from './postgres-tools.ts';

interface Source {
  readonly toolsDir: string;
  readonly dump: string;
  verify(): Promise<Answer<KeptPoint<DumpManifest>>>;
}

/** Rows that aren't the customers': going back in data must not bring an old decision back into force. */
interface ControlRows {
  readonly fence: readonly object[];
  readonly route: readonly object[];
  readonly claim: readonly object[];
}

/** The database that is filled beside the one that serves. */
export const asideOf = (store: Pick<ExternalStore, 'database'>): string => `${store.database.slice(0, 40)}__restoring`;
/** The database that was replaced last. */
export const beforeOf = (store: Pick<ExternalStore, 'database'>): string => `${store.database.slice(0, 40)}__before`;
/** Settings whose value is a list of names. */
const LISTS = new Set(['search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries']);
/** How the comment on a database begins that was brought back. */
export const BROUGHT_BACK = 'brought back by Headgate: ';
/** A database says by which step it was brought back: a second attempt finds it done. */
const markOf = (ctx: StepContext): string => `${BROUGHT_BACK}${ctx.idempotencyKey}`;

/**
 * Puts a database back to a dump. It is filled beside the one that serves, so that a dump that doesn't load costs nothing;
 * then the two change names in one transaction. What was replaced stays as `…__before` until the next time.
 */
export async function bringBack(
  store: ExternalStore,
  ctx: StepContext,
  source: Source,
): Promise<Answer<{ readonly schemaVersion: number }>> {
  const done = await alreadyBack(store, ctx);
  if (done !== undefined) return granted({ schemaVersion: done });
  const verified = await source.verify();
  if (!verified.ok) return verified;
  const { manifest } = verified.value;
  const rows = await controlRows(store, ctx);
  if (rows === undefined) return denied('fenced', `the store ${store.name} has seen a later decision than this one`);
  const aside = { ...store, database: asideOf(store) };
  await createLike(store, aside.database);
  await fill(aside, manifest, source, ctx);
  await withClient(await controlConnection(aside), async (client) => {
    await client.query('begin');
    await client.query(
      `insert into headgate.migration(version, id, digest, applied_by, applied_at, answer)
       select * from jsonb_to_recordset($1::jsonb) as x(version int, id text, digest text, applied_by text, applied_at timestamptz, answer text)`,
      [JSON.stringify(manifest.migrations)],
    );
    await client.query(
      `insert into headgate.fence select * from jsonb_to_recordset($1::jsonb) as x(scope text, epoch bigint, n bigint)`,
      [JSON.stringify(rows.fence)],
    );
    await client.query(
      `insert into headgate.route select * from jsonb_to_recordset($1::jsonb) as x(tenant text, slot text, epoch bigint, n bigint)`,
      [JSON.stringify(rows.route)],
    );
    await client.query(
      `insert into headgate.claim(id, cell, folder, machine, since, place)
       select x.*, ${THIS_DATABASE} from jsonb_to_recordset($1::jsonb) as x(id text, cell text, folder text, machine text, since timestamptz)`,
      [JSON.stringify(rows.claim)],
    );
    await client.query('commit');
  });
  await exchange(store, aside.database, ctx);
  return granted({ schemaVersion: manifest.schemaVersion });
}

/** The schema version of a store that this very step brought back before. */
async function alreadyBack(store: ExternalStore, ctx: StepContext): Promise<number | undefined> {
  return withClient(await controlConnection(store), async (client) => {
    const { rows } = await client.query<{ mark: string | null; version: number }>(
      `select shobj_description(oid, 'pg_database') as mark,
         (select coalesce(max(version), 0)::int from headgate.migration) as version
       from pg_database where datname = current_database()`,
    );
    return rows[0]?.mark === markOf(ctx) ? rows[0].version : undefined;
  });
}

async function controlRows(store: ExternalStore, ctx: StepContext): Promise<ControlRows | undefined> {
  return withClient(await controlConnection(store), async (client) => {
    if (!(await raiseFence(client, ctx))) return undefined;
    const { rows: fence } = await client.query('select scope, epoch::text, n::text from headgate.fence');
    const { rows: route } = await client.query('select tenant, slot, epoch::text, n::text from headgate.route');
    const { rows: claim } = await client.query('select id, cell, folder, machine, since::text from headgate.claim');
    return { fence, route, claim };
  });
}

/** An empty database of the same kind: encoding, collation, owner, settings, and who may connect. */
async function createLike(store: ExternalStore, database: string): Promise<void> {
  const quoted = pg.escapeIdentifier;
  await withClient(await store.cluster.controlConnection(), async (client) => {
    await forget(client, database);
    const { rows } = await client.query<{ encoding: string; collate: string; ctype: string }>(
      `select pg_encoding_to_char(encoding) as encoding, datcollate as collate, datctype as ctype from pg_database where datname = $1`,
      [store.database],
    );
    const { encoding, collate, ctype } = rows[0]!;
    await client.query(
      `create database ${quoted(database)} owner ${quoted(store.user)} template template0 encoding ${pg.escapeLiteral(encoding)}
       lc_collate ${pg.escapeLiteral(collate)} lc_ctype ${pg.escapeLiteral(ctype)}`,
    );
    const { rows: settings } = await client.query<{ role: string | null; name: string; value: string }>(
      `select case when setrole <> 0 then pg_get_userbyid(setrole) end as role,
         split_part(each, '=', 1) as name, substr(each, strpos(each, '=') + 1) as value
       from pg_db_role_setting, unnest(setconfig) as each
       where setdatabase = (select oid from pg_database where datname = $1)`,
      [store.database],
    );
    for (const { role, name, value } of settings) {
      const whose =
        role === null ? `database ${quoted(database)}` : `role ${quoted(role)} in database ${quoted(database)}`;
      if (!LISTS.has(name)) {
        await client.query(`alter ${whose} set ${quoted(name)} = ${pg.escapeLiteral(value)}`);
        continue;
      }
      // As one literal a list would become one name. The server takes it apart, and hands it on.
      await client.query('begin');
      await client.query('select set_config($1, $2, true)', [name, value]);
      await client.query(`alter ${whose} set ${quoted(name)} from current`);
      await client.query('commit');
    }
    const { rows: rights } = await client.query<{ right: string; grantee: string | null }>(
      `select privilege_type as right, case when grantee <> 0 then pg_get_userbyid(grantee) end as grantee
       from pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) where datname = $1`,
      [store.database],
    );
    await client.query(`revoke all on database ${quoted(database)} from public`);
    for (const { right, grantee } of rights.filter((each) => !each.grantee?.startsWith(MIGRATOR)))
      await client.query(
        `grant ${right} on database ${quoted(database)} to ${grantee === null ? 'public' : quoted(grantee)}`,
      );
  });
}

/**
 * Fills it as the application's owner, never as the superuser: what a dump holds is the application's, and a check or an
 * index may call functions of its own as rows come in. Only extensions need more, and are made beforehand.
 */
async function fill(aside: ExternalStore, manifest: DumpManifest, source: Source, ctx: StepContext): Promise<void> {
  const { toolsDir, dump } = source;
  const workDir = join(aside.restorePointsDir, '.work');
  const url = { ...(await aside.cluster.url()), database: aside.database };
  const bounds = { toolsDir, workDir, deadlineMs: ctx.remainingMs(), signal: ctx.signal };
  const contents = await runTool({ ...bounds, program: 'pg_restore', args: ['--list', dump], url });
  const list = join(aside.restorePointsDir, '.restoring.list');
  // The public schema and extensions are there already; who owns them is decided.
  const left = contents
    .split('\n')
    .filter((line) => !/^\d+; \d+ \d+ (EXTENSION|COMMENT - EXTENSION|SCHEMA - public|ACL - SCHEMA public) /.test(line));
  await writeFile(list, `${left.join('\n')}\n`, { mode: 0o600 });
  await withClient(await controlConnection(aside), async (client) => {
    for (const { name, schema } of manifest.extensions) {
      const quoted = pg.escapeIdentifier(schema);
      await client.query(`create schema if not exists ${quoted} authorization ${pg.escapeIdentifier(aside.user)}`);
      await client.query(`create extension if not exists ${pg.escapeIdentifier(name)} schema ${quoted}`);
    }
    const login = await prepareForMigrations(client, aside);
    await client.query(`grant all on schema public to ${pg.escapeIdentifier(aside.user)}`);
    const password = await openMigrationLogin(client, login);
    try {
      const args = [
        '--exit-on-error',
        '--no-owner',
        `--role=${aside.user}`,
        '--jobs=2',
        `--use-list=${list}`,
        '--dbname',
        aside.database,
        dump,
      ];
      await runTool({ ...bounds, program: 'pg_restore', args, url: { ...url, user: login, password } });
    } finally {
      await closeMigrationLogin(client, login);
    }
  });
}

/** Removes what an earlier restore left behind, with the migrations' login that was made for it. */
async function forget(client: pg.Client, database: string): Promise<void> {
  const { rows } = await client.query<{ oid: string }>('select oid::text from pg_database where datname = $1', [
    database,
  ]);
  await client.query(`drop database if exists ${pg.escapeIdentifier(database)} with (force)`);
  for (const { oid } of rows) await client.query(`drop role if exists ${pg.escapeIdentifier(`${MIGRATOR}${oid}`)}`);
}

/** Both names change in one transaction: at every moment there is one database of the store's name, and only one. */
async function exchange(store: ExternalStore, aside: string, ctx: StepContext): Promise<void> {
  const [live, fresh, old] = [store.database, aside, beforeOf(store)].map((each) => pg.escapeIdentifier(each));
  await withClient(await store.cluster.controlConnection(), async (client) => {
    await client.query(`comment on database ${fresh} is ${pg.escapeLiteral(markOf(ctx))}`);
    await forget(client, beforeOf(store));
    const until = performance.now() + Math.max(5_000, Math.min(30_000, ctx.remainingMs()));
    for (;;) {
      try {
        await client.query('begin');
        await client.query(
          `select pg_terminate_backend(pid, 2000) from pg_stat_activity where datname = any($1) and pid <> pg_backend_pid()`,
          [[store.database, aside]],
        );
        await client.query(`alter database ${live} rename to ${old}`);
        await client.query(`alter database ${fresh} rename to ${live}`);
        await client.query('commit');
        return;
      } catch (error) {
        await client.query('rollback');
        // The application came back between two statements; its next try meets the new database.
        if ((error as { code?: string }).code !== '55006' || performance.now() >= until) throw error;
      }
    }
  });
}
