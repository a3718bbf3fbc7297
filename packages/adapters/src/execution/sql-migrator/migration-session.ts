import { type Answer, denied, granted, type StepContext } from '@headgate/execution';
import pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import { endMigrationSessions, openMigrationLogin, shutMigrationLogin } from '../store/migration-login.ts';
import { type Store, withoutTimeouts } from '../store/store-session.ts';
import { type KeepLost, runKeeping } from './keep-lost.ts';
import { beyondSystem, listenForSkips, skippedRefusal } from './skipped.ts';
import { sqlRefusal } from './sql-refusal.ts';

/** How long a migration may wait for a lock, and make everyone queue behind it, before it gives up. Milliseconds. */
const LOCK_WAIT_MS = 2_000;
/** How much later than the server's own timeout the session is ended: one that obeys can say what it was at. Milliseconds. */
const OBEY_MS = 500;

/** What the control session permitted, and how it is proved. */
export interface Permitted {
  readonly login: string;
  readonly secret: string;
  readonly sql: string;
  /** The migration's id. */
  readonly migration: string;
  /** Where what it takes away is kept first; absent: nothing is. */
  readonly keep?: KeepLost;
}

/**
 * Runs a file in a session of the migrations' login and records it there, all in one transaction. `control` permitted it
 * and goes on holding the store's migrations. When the session had to be ended the answer is `ended`: whether its commit
 * came before that is for the store to say.
 */
export async function runMigration(
  control: pg.Client,
  store: Store,
  permitted: Permitted,
  ctx: StepContext,
): Promise<Answer<'committed' | 'ended'>> {
  return inMigrationSession(control, store, permitted.login, ctx, (client) =>
    inTransaction(control, client, store, permitted, ctx),
  );
}

/**
 * Something in a session of the migrations' login, which nobody else can open meanwhile. It ends with the time that is left,
 * or when the assignment is taken back: the answer is `ended` then.
 */
export async function inMigrationSession<T>(
  control: pg.Client,
  store: Store,
  login: string,
  ctx: StepContext,
  work: (client: pg.Client) => Promise<Answer<T>>,
): Promise<Answer<T | 'ended'>> {
  const password = await openMigrationLogin(control, login);
  // An earlier file may have set the database's timeouts. This one may set its own; then only it is ended.
  const options = await withoutTimeouts(store.cluster);
  const connection = await store.cluster.connectionAs({ user: login, password, options }, store.database);
  const end = endInTime(control, login, ctx);
  try {
    return await withClient(connection, async (client) => {
      await shutMigrationLogin(control, login);
      return work(client);
    });
  } catch (error) {
    if (end.told()) return granted('ended');
    const refusal = sqlRefusal(error);
    if (!refusal) throw error;
    return refusal;
  } finally {
    end.cancel();
  }
}

async function inTransaction(
  control: pg.ClientBase,
  client: pg.Client,
  { name, user }: Store,
  { secret, sql, migration, keep }: Permitted,
  ctx: StepContext,
): Promise<Answer<'committed'>> {
  // A setting of the database may have put us into another role, or into another kind of transaction.
  await client.query('set role none');
  await client.query('begin isolation level read committed read write');
  await bound(client, ctx);
  const { rows } = await client.query('select headgate.enter_migration() as entered');
  if (!rows[0].entered) return denied('fenced', `the store ${name} has seen a later decision than this one`);
  await client.query(`set local role ${pg.escapeIdentifier(user)}`);
  // A setting of the database may have had the server keep its warnings to itself.
  await client.query('set local client_min_messages = notice');
  const skips = listenForSkips(client);
  const began = performance.now();
  const run = () => client.query('select headgate.run_migration($1)', [sql]);
  const ran = keep === undefined ? granted(await run()) : await runKeeping(client, run, keep, ctx);
  if (!ran.ok) return ran;
  const ranMs = performance.now() - began;
  skips.end();
  const skipped = skippedRefusal(name, await beyondSystem(control, skips.all()));
  if (skipped !== undefined) return skipped;
  await client.query('set local role none');
  if (ctx.signal.aborted || ctx.remainingMs() <= 0) return denied('expired', 'the time for this migration has run out');
  await bound(client, ctx);
  await client.query('select headgate.record_migration($1)', [secret]);
  const committing = performance.now();
  const { command } = await client.query('commit');
  // To a transaction that has failed the server answers a commit with "ROLLBACK", and without an error.
  if (command !== 'COMMIT') return denied('rejected', `the store ${name} took the migration back: ${command}`);
  // What waits for its commit (deferred constraints) is the migration's; our own books in between are not.
  ctx.took?.(migration, ranMs + performance.now() - committing);
  return granted('committed');
}

/** The server ends a statement by itself when our time is up: then it can say which. The file may set this off. */
async function bound(client: pg.Client, ctx: StepContext): Promise<void> {
  const leftMs = Math.max(1, Math.floor(ctx.remainingMs()));
  await client.query(`set local statement_timeout = ${leftMs}`);
  await client.query(`set local lock_timeout = ${Math.min(LOCK_WAIT_MS, leftMs)}`);
}

/** Ends the login's sessions when the time is over or the assignment is taken back, whatever they are at. */
function endInTime(control: pg.Client, login: string, ctx: StepContext): { told(): boolean; cancel(): void } {
  let told = false;
  const end = (): void => {
    told = true;
    // If our own session is broken, the server is down or this process is cut off; the next attempt locks the login out.
    endMigrationSessions(control, login).catch(() => {});
  };
  const timer = setTimeout(end, Math.max(0, ctx.remainingMs()) + OBEY_MS);
  ctx.signal.addEventListener('abort', end, { once: true });
  return {
    told: () => told,
    cancel() {
      clearTimeout(timer);
      ctx.signal.removeEventListener('abort', end);
    },
  };
}
