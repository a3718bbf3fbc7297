/**
 * Databases that live as long as one rehearsal. Each has a random name, and a session that holds a lock of that name for as
 * long as we live: a database whose lock can be had is nobody's any more, and goes with the next sweep.
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import { MIGRATOR } from '../store/migration-login.ts';
import type { StoreServer } from '../store/store-session.ts';
import { SESSIONS } from './under-load/session-login.ts';

const PREFIX = 'headgate_rehearsal_';
/** Where the locks are: advisory locks are a database's, so everybody has to meet in one. */
const MEETING = 'postgres';

/** A database that is there until it is dropped. */
export interface ThrowAway {
  readonly database: string;
  drop(): Promise<void>;
}

/** What a dump of a database leaves out: encoding and collation, and settings that are the database's own. */
export interface Likeness {
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  readonly settings: readonly { readonly name: string; readonly value: string }[];
}

export async function likenessOf(client: pg.ClientBase): Promise<Likeness> {
  const { rows } = await client.query<Omit<Likeness, 'settings'>>(
    `select pg_encoding_to_char(encoding) as encoding, datcollate as collate, datctype as ctype from pg_database where datname = current_database()`,
  );
  const { rows: settings } = await client.query<Likeness['settings'][number]>(
    `select split_part(each, '=', 1) as name, substr(each, strpos(each, '=') + 1) as value
     from pg_db_role_setting, unnest(setconfig) as each
     where setrole = 0 and setdatabase = (select oid from pg_database where datname = current_database())
       and split_part(each, '=', 1) not in ('role', 'session_authorization')`,
  );
  return { ...rows[0]!, settings };
}

/** Makes an empty one that `owner` owns, or a copy of another database of the server, which nobody may use meanwhile. */
export async function throwAwayDatabase(
  server: StoreServer,
  owner: string,
  from: { readonly like: Likeness } | { readonly template: string; readonly settings?: Likeness['settings'] },
): Promise<ThrowAway> {
  const database = `${PREFIX}${randomBytes(8).toString('hex')}`;
  const keeper = await meeting(server);
  try {
    await keeper.query('select pg_advisory_lock(hashtextextended($1, 0))', [database]);
    const quoted = pg.escapeIdentifier;
    const how =
      'template' in from
        ? `template ${quoted(from.template)}`
        : `template template0 encoding ${pg.escapeLiteral(from.like.encoding)} lc_collate ${pg.escapeLiteral(from.like.collate)} lc_ctype ${pg.escapeLiteral(from.like.ctype)}`;
    await keeper.query(`create database ${quoted(database)} owner ${quoted(owner)} ${how}`);
    await applySettings(keeper, database, 'like' in from ? from.like.settings : (from.settings ?? []));
    // What it holds is somebody's: nobody but its owner gets in.
    await keeper.query(`revoke all on database ${quoted(database)} from public`);
  } catch (error) {
    await keeper.end().catch(() => {});
    throw error;
  }
  return {
    database,
    async drop() {
      // The keeper may have been lost meanwhile; the dropping needs no lock.
      await keeper.end().catch(() => {});
      await withClient(await server.controlConnection(MEETING), (client) => remove(client, database));
    },
  };
}

/** What a list of names means (a search path) only the server itself takes apart: so it is set, and taken over from there. */
async function applySettings(client: pg.Client, database: string, settings: Likeness['settings']): Promise<void> {
  for (const { name, value } of settings) {
    await client.query('begin');
    await client.query('select set_config($1, $2, true)', [name, value]);
    await client.query(`alter database ${pg.escapeIdentifier(database)} set ${pg.escapeIdentifier(name)} from current`);
    await client.query('commit');
  }
}

/** Drops what killed rehearsals left on a server. Returns their names. */
export async function sweepDatabases(server: StoreServer): Promise<readonly string[]> {
  const client = await meeting(server);
  try {
    const { rows } = await client.query<{ name: string }>(
      `select distinct substr(datname, 1, $2) as name from pg_database where datname like $1 order by 1`,
      [`${PREFIX.replaceAll('_', '\\_')}%`, PREFIX.length + 16],
    );
    const swept: string[] = [];
    for (const { name } of rows) {
      const { rows: locked } = await client.query<{ mine: boolean }>(
        'select pg_try_advisory_lock(hashtextextended($1, 0)) as mine',
        [name],
      );
      if (locked[0]?.mine !== true) continue;
      await remove(client, name);
      await client.query('select pg_advisory_unlock(hashtextextended($1, 0))', [name]);
      swept.push(name);
    }
    return swept;
  } finally {
    await client.end().catch(() => {});
  }
}

/** With what a restore puts beside it, and the logins of all of them: the migrations' and the users'. */
async function remove(client: pg.ClientBase, name: string): Promise<void> {
  const { rows } = await client.query<{ datname: string; oid: string }>(
    'select datname, oid::text from pg_database where datname = any($1)',
    [[name, `${name}__restoring`, `${name}__before`]],
  );
  for (const { datname, oid } of rows) {
    await client.query(`drop database if exists ${pg.escapeIdentifier(datname)} with (force)`);
    for (const login of [MIGRATOR, SESSIONS])
      await client.query(`drop role if exists ${pg.escapeIdentifier(`${login}${oid}`)}`);
  }
}

async function meeting(server: StoreServer): Promise<pg.Client> {
  const client = new pg.Client({
    ...(await server.controlConnection(MEETING)),
    application_name: 'headgate rehearsal',
  });
  // A lost keeper holds nothing up; what it was asked then is rejected.
  client.on('error', () => {});
  await client.connect();
  await client.query('set statement_timeout = 0; set idle_session_timeout = 0');
  return client;
}
