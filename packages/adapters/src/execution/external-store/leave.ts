/**
 * Leaving a database of somebody else's: what Headgate made there goes, all in one transaction, and nothing else. Ours is
 * the schema `headgate` with what we ever put into it, the migrations' login of that database, and the comment that a
 * restore put on it. What was put aside by a restore holds customers' data: it is dropped only where it is named.
 */
import pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import { closeMigrationLogin, MIGRATOR } from '../store/migration-login.ts';
import { OUR_FUNCTIONS, OUR_TABLES } from '../store/store-schema.ts';
import { controlConnection, holdMigrations, type StoreServer } from '../store/store-session.ts';
import { asideOf, BROUGHT_BACK, beforeOf } from './bring-back.ts';
import { type Claim, claimText, type Standing, standingIn } from './claim.ts';
import { readConnectionUrl } from './connection-url.ts';
import { ExternalServer, type ExternalStoreConfig } from './external-store.ts';
import { foreignPartsOf } from './leave-foreign.ts';

/** How long somebody else's lock may keep us. Milliseconds. */
const LOCK_MS = 10_000;
/** What a database that a restore put aside is called once its login is gone. */
const PUT_ASIDE = 'put aside by Headgate';

/** A database that is to be left. */
export interface LeftDatabase {
  readonly cluster: StoreServer;
  readonly database: string;
  readonly user: string;
}

/** What of Headgate's is in one database. */
export interface Leavings {
  readonly database: string;
  readonly standing: Standing;
  /** Tables of ours, by name. */
  readonly tables: readonly string[];
  /** The migrations' login; undefined: there is none. */
  readonly login: string | undefined;
  /** A restore left a comment on the database. */
  readonly comment: boolean;
  /** Somebody else did. */
  readonly remarked: boolean;
  /** It was put aside by a restore, or begun by one that didn't end; it is kept where nobody names it. */
  readonly aside: boolean;
  /** Why it can't be left, each with what would unblock it; empty: it can. */
  readonly refused: readonly string[];
}

/** Where a store's database is, by its configuration alone: the service's own login may be gone already. */
export async function databaseToLeave(config: ExternalStoreConfig): Promise<LeftDatabase> {
  const { database, user } = await readConnectionUrl(config.url);
  return { cluster: new ExternalServer(config.adminUrl), database, user };
}

/** What of Headgate's is in a store's database, and in those that restores put beside it. Changes nothing. */
export async function leavingsOf(store: LeftDatabase): Promise<readonly Leavings[]> {
  const names = [store.database, beforeOf(store), asideOf(store)];
  const there = await withClient(await store.cluster.controlConnection(), async (client) => {
    const { rows } = await client.query<{ superuser: boolean; names: string[] }>(
      `select (select rolsuper from pg_roles where rolname = session_user) as superuser,
         array(select datname::text from pg_database where datname = any($1)) as names`,
      [names],
    );
    return rows[0]!;
  });
  if (!there.superuser) throw new Error(`the login of adminUrl is no superuser; what Headgate made belongs to one`);
  if (!there.names.includes(store.database)) throw new Error(`there is no database ${store.database} on its server`);
  const found: Leavings[] = [];
  for (const database of names.filter((name) => there.names.includes(name))) {
    const leavings = await lookAt({ ...store, database }, database !== store.database);
    // A database that is only called like one of ours is somebody's own.
    if (leavings !== undefined) found.push(leavings);
  }
  return found;
}

/** Whether there is anything to remove. */
export function isLeft({ standing, login, comment }: Leavings): boolean {
  return standing.schema === 'none' && login === undefined && !comment;
}

async function lookAt(store: LeftDatabase, aside: boolean): Promise<Leavings | undefined> {
  return withClient(await controlConnection(store), async (client) => {
    const standing = await standingIn(client);
    const { rows } = await client.query<{ login: string | null; comment: string | null; owner: string }>(
      `select (select rolname from pg_roles where rolname = $1::text || d.oid) as login,
         shobj_description(d.oid, 'pg_database') as comment, pg_get_userbyid(d.datdba) as owner
       from pg_database d where d.datname = current_database()`,
      [MIGRATOR],
    );
    const { login, comment, owner } = rows[0]!;
    const marked = comment?.startsWith(BROUGHT_BACK) || comment?.startsWith(PUT_ASIDE);
    // Copied by somebody from the one in use: it only looks as if a restore had put it aside.
    if (aside && standing.claim?.here === false) return undefined;
    if (aside && (owner !== store.user || (standing.schema !== 'ours' && login === null && !marked))) return undefined;
    const { rows: tables } = await client.query<{ name: string }>(
      `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = 'headgate' and c.relkind = 'r' and c.relname = any($1) order by 1`,
      [OUR_TABLES],
    );
    const found = {
      database: store.database,
      standing,
      tables: standing.schema === 'ours' ? tables.map(({ name }) => name) : [],
      login: login ?? undefined,
      comment: comment?.startsWith(BROUGHT_BACK) ?? false,
      remarked: comment !== null && !marked,
      aside,
    };
    return { ...found, refused: await refusalsIn(client, found) };
  });
}

async function refusalsIn(client: pg.ClientBase, { database, standing, tables, login }: Omit<Leavings, 'refused'>) {
  if (standing.schema === 'foreign')
    return [
      `database ${database}: its schema headgate isn’t Headgate’s (it has not our comment, or no superuser owns it); nothing is removed there. If it is yours, rename it: alter schema headgate rename to …`,
    ];
  const refused = [...(await foreignPartsOf(client, database, login))];
  if (tables.includes('attempt')) {
    const { rows } = await client.query<{ direction: string; from: number; to: number }>(
      'select direction, version_from as "from", version_to as "to" from headgate.attempt',
    );
    for (const { direction, from, to } of rows)
      refused.push(
        `database ${database}: a migration ${direction} from ${from} to ${to} was begun and not seen to its end. Let the agent end it (headgate-agent run --config FILE), or go back (headgate rollback PROMOTION --reason "…")`,
      );
  }
  return refused;
}

/**
 * Removes what is ours in one database, whole or not at all, and looked at again under the lock that keeps migrations out.
 * `expected`: the claim that a person was asked about; undefined: none. Throws, in words, when it is another one by now, when
 * something isn't ours or a migration is under way.
 */
export async function leaveDatabase(store: LeftDatabase, aside: boolean, expected: Claim | undefined): Promise<void> {
  await withClient(await controlConnection(store), async (client) => {
    if (!(await holdMigrations(client)))
      throw new Error(`database ${store.database}: a migration is under way there; let it come to its end`);
    const before = await lookAt(store, aside);
    if (before === undefined) throw new Error(`database ${store.database} isn’t one that Headgate put aside`);
    if (before.refused.length > 0) throw new Error(before.refused.join('\n'));
    refuseOtherClaim(store, before.standing.claim, expected);
    const { login, tables, standing } = before;
    if (login !== undefined && tables.includes('permit')) await closeMigrationLogin(client, login);
    try {
      await client.query('begin');
      await client.query(`set local lock_timeout = ${LOCK_MS}`);
      await client.query(`select pg_advisory_xact_lock(hashtext('headgate.schema'))`);
      // Whoever is about to claim it waits for this lock, and then there is nothing to be claimed.
      if (tables.includes('claim')) await client.query('lock table headgate.claim in access exclusive mode');
      refuseOtherClaim(store, (await standingIn(client)).claim, expected);
      if (login !== undefined) {
        // Nothing is its own: so far it has been looked. What it was granted here goes with this.
        await client.query(`drop owned by ${pg.escapeIdentifier(login)} restrict`);
        await client.query(`drop role ${pg.escapeIdentifier(login)}`);
      }
      if (standing.schema === 'ours') {
        for (const each of OUR_FUNCTIONS) await client.query(`drop function if exists headgate.${each} restrict`);
        for (const table of tables) await client.query(`drop table headgate.${pg.escapeIdentifier(table)} restrict`);
        await client.query('drop schema headgate restrict');
      }
      if ((aside && !before.remarked) || before.comment)
        await client.query(
          `comment on database ${pg.escapeIdentifier(store.database)} is ${aside ? pg.escapeLiteral(PUT_ASIDE) : 'null'}`,
        );
      await client.query('commit');
    } catch (error) {
      await client.query('rollback').catch(() => {});
      if (error instanceof ClaimedMeanwhile) throw error;
      const { message, detail, code } = error as Error & { detail?: string; code?: string };
      const elsewhere = code === DEPENDED_ON && login !== undefined ? grantedElsewhere(login) : '';
      throw new Error(
        `database ${store.database}: ${message}${detail === undefined ? '' : ` (${detail.replaceAll('\n', '; ')})`}; nothing was removed there${elsewhere}`,
        { cause: error },
      );
    }
  });
}

/** PostgreSQL's code for what can't go while something else hangs on it. */
const DEPENDED_ON = '2BP01';

/** A copy of the database (CREATE DATABASE … TEMPLATE) took the role's rights along: nobody but its owner takes them away there. */
function grantedElsewhere(login: string): string {
  return `. Where a copy of this database is named: type \`drop owned by ${pg.escapeIdentifier(login)} restrict\` there as a superuser, or drop the copy; then once more headgate-agent leave --config FILE`;
}

/** Between the look and the removal a database became another one's. */
class ClaimedMeanwhile extends Error {
  override readonly name = 'ClaimedMeanwhile';
}

function refuseOtherClaim({ database }: LeftDatabase, now: Claim | undefined, expected: Claim | undefined): void {
  const same = (['id', 'cell', 'folder', 'machine'] as const).every((part) => now?.[part] === expected?.[part]);
  if (same) return;
  const who = now === undefined ? 'is nobody’s any more' : `is under control of ${claimText(now)}`;
  throw new ClaimedMeanwhile(
    `database ${database} ${who}, since it was looked at; nothing was removed there. Look again: headgate-agent leave --config FILE`,
  );
}

/**
 * Drops a database that a restore put aside, with its login. `expected`: the claim in it that a person was asked about;
 * undefined: none. Throws when it isn't one, or has another claim by now.
 */
export async function dropAside(store: LeftDatabase, expected: Claim | undefined): Promise<void> {
  const leavings = await lookAt(store, true);
  if (leavings === undefined) throw new Error(`database ${store.database} isn’t one that Headgate put aside`);
  if (leavings.refused.length > 0) throw new Error(leavings.refused.join('\n'));
  refuseOtherClaim(store, leavings.standing.claim, expected);
  const { login } = leavings;
  await withClient(await store.cluster.controlConnection(), async (client) => {
    await client.query(`drop database ${pg.escapeIdentifier(store.database)} with (force)`);
    if (login !== undefined) await client.query(`drop role ${pg.escapeIdentifier(login)}`);
  });
}
