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
import { createDatabase, likenessOf } from './likeness.ts';
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
    await recordMigrations(client, manifest);
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

/** What brought the schema where it is, as the restore point has it, into our own tables of what was filled from it. */
export async function recordMigrations(client: pg.ClientBase, { migrations }: DumpManifest): Promise<void> {
  await client.query(
    `insert into headgate.migration(version, id, digest, applied_by, applied_at, answer)
     select * from jsonb_to_recordset($1::jsonb) as x(version int, id text, digest text, applied_by text, applied_at timestamptz, answer text)`,
    [JSON.stringify(migrations)],
  );
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

/** An empty database of the same kind as the store's own. */
async function createLike(store: ExternalStore, database: string): Promise<void> {
  await withClient(await store.cluster.controlConnection(), async (client) => {
    await forget(client, database);
    await createDatabase(client, database, store.user, await likenessOf(client, store.database));
  });
}

/**
 * Fills it as the application's owner, never as the superuser: what a dump holds is the application's, and a check or an
 * index may call functions of its own as rows come in. Only extensions need more, and are made beforehand.
 */
export async function fill(
  aside: ExternalStore,
  manifest: DumpManifest,
  source: Pick<Source, 'toolsDir' | 'dump'>,
  ctx: Pick<StepContext, 'remainingMs' | 'signal'>,
): Promise<void> {
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
export async function forget(client: pg.ClientBase, database: string): Promise<void> {
  const { rows } = await client.query<{ oid: string }>('select oid::text from pg_database where datname = $1', [
    database,
  ]);
  await client.query(`drop database if exists ${pg.escapeIdentifier(database)} with (force)`);
  for (const { oid } of rows) await client.query(`drop role if exists ${pg.escapeIdentifier(`${MIGRATOR}${oid}`)}`);
}

/** Both names change in one transaction: at every moment there is one database of the store's name, and only one. */
async function exchange(store: ExternalStore, aside: string, ctx: StepContext): Promise<void> {
  await withClient(await store.cluster.controlConnection(), async (client) => {
    await client.query(`comment on database ${pg.escapeIdentifier(aside)} is ${pg.escapeLiteral(markOf(ctx))}`);
    await forget(client, beforeOf(store));
    const forMs = Math.max(5_000, Math.min(30_000, ctx.remainingMs()));
    await rename(
      client,
      [
        [store.database, beforeOf(store)],
        [aside, store.database],
      ],
      forMs,
    );
  });
}

/** Databases take other names, in that order, in one transaction; whoever is in them is thrown out, for as long as it takes. */
export async function rename(
  client: pg.ClientBase,
  names: readonly (readonly [from: string, to: string])[],
  forMs: number,
): Promise<void> {
  const until = performance.now() + forMs;
  for (;;) {
    try {
      await client.query('begin');
      await client.query(
        `select pg_terminate_backend(pid, 2000) from pg_stat_activity where datname = any($1) and pid <> pg_backend_pid()`,
        [names.map(([from]) => from)],
      );
      for (const [from, to] of names)
        await client.query(`alter database ${pg.escapeIdentifier(from)} rename to ${pg.escapeIdentifier(to)}`);
      await client.query('commit');
      return;
    } catch (error) {
      await client.query('rollback');
      // The application came back between two statements; its next try meets the new database.
      if ((error as { code?: string }).code !== '55006' || performance.now() >= until) throw error;
    }
  }
}
