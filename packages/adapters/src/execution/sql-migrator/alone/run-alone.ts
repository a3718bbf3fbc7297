/**
 * One statement outside of a transaction. There is nothing that would take it back when somebody is killed in its middle, so
 * what was begun is written down first, with the statement itself, and what came of it is looked up in the database:
 *
 *   nothing there      ──▶ begun (headgate.attempt) ──▶ the statement ──▶ there: version and attempt in one transaction
 *   what was begun is  ──▶ there: only recorded;  half: what it left is dropped, and it runs again;  before: it runs
 *
 * The record is written by the control session, under the fence, once it has seen the outcome itself; the session that ran
 * the statement has the owner's rights and no more, as for any other file.
 */
import { type Answer, denied, granted, type StepContext } from '@headgate/execution';
import type { AloneStatement } from '@headgate/migrations';
import type pg from 'pg';
import type { Store } from '../../store/store-session.ts';
import { inMigrationSession } from '../migration-session.ts';
import { beyondSystem, listenForSkips, skippedRefusal } from '../skipped.ts';
import { sqlRefusal } from '../sql-refusal.ts';
import { type AloneChange, type Attempt, beginAttempt, begun, forgetAttempt, recordAlone } from './attempt.ts';
import { halfRebuilt, isPartitioned, type Standing, standingOf } from './standing.ts';

/** What the control session holds for as long as it works. */
export interface AloneParts {
  readonly control: pg.Client;
  readonly store: Store;
  readonly login: string;
  readonly ctx: StepContext;
}

/** Runs it, or finishes what was begun of it. `pending`: this very change's attempt. The store stands at its beginning. */
export async function runAlone(
  parts: AloneParts,
  change: AloneChange,
  statement: AloneStatement,
  pending: Attempt | undefined,
): Promise<Answer<'recorded' | 'ended'>> {
  return inOwnersSession(parts, async (owner) => {
    const { control, store, ctx } = parts;
    const fencedOff = denied('fenced', `the store ${store.name} has seen a later decision than this one`);
    const standing = await standingOf(owner, control, statement, pending ?? false);
    const rebuilt = statement.kind === 'reindex' ? await halfRebuilt(owner, control, statement) : undefined;
    if (statement.kind === 'reindex' && (await isPartitioned(owner, control, statement)))
      return denied(
        'rejected',
        `the store ${store.name}: ${statement.name.name} is partitioned, and writers of all of it would wait for each part: reindex each partition in a file of its own`,
      );
    const refused = notOurs(store.name, statement, standing, pending !== undefined);
    if (refused !== undefined) return refused;
    if (rebuilt?.atWork !== undefined)
      return denied(
        'transient',
        `the store ${store.name}: somebody (process ${rebuilt.atWork}) builds indexes of that table right now: wait until it has ended`,
      );
    // What is left over before we begin is somebody else's; of an attempt of ours it was written down then.
    const attempt = pending ?? { foundBefore: (rebuilt?.left ?? []).map(({ oid }) => oid) };
    const there = standing.state === 'after' || (standing.state === 'foreign' && isAskedNotToMind(statement));
    if (there) return (await recordAlone(control, change, ctx)) ? granted('recorded') : fencedOff;
    const begin = { statement: statement.text, foundBefore: attempt.foundBefore };
    if (pending === undefined && !(await beginAttempt(control, change, begin, ctx))) return fencedOff;
    if (standing.state === 'half') {
      ctx.log(`store ${store.name}: an earlier attempt was interrupted; what it left is cleared away`);
      await dropped(parts, owner, standing);
    }
    const began = performance.now();
    const failed = await run(parts, owner, statement);
    const tookMs = performance.now() - began;
    const now = await standingOf(owner, control, statement, attempt);
    if (failed !== undefined) return cleared(parts, owner, statement, now, failed);
    const done = now.state === 'after' || statement.kind === 'reindex' || statement.kind === 'vacuum';
    if (!done)
      return denied('rejected', `the store ${store.name}: PostgreSQL said that it is done, and it isn't there`);
    if (!(await recordAlone(control, change, ctx))) return fencedOff;
    // What an earlier attempt began took longer than this one.
    if (pending === undefined) ctx.took?.(change.migration.id, tookMs);
    return granted('recorded');
  });
}

/**
 * Takes back what an attempt of another change left, as far as that needs nothing but dropping. What was dropped comes back
 * by `wayBack`, the file that the release has for that; without one it is refused.
 */
export async function settle(
  parts: AloneParts,
  pending: Attempt,
  statement: AloneStatement | undefined,
  wayBack: AloneStatement | undefined,
): Promise<Answer<'settled' | 'ended'>> {
  const { control, store, ctx } = parts;
  const finish = 'finish it with the file that began it, or restore the store';
  if (statement === undefined) return denied('rejected', `the store ${store.name}: ${begun(pending)}; ${finish}`);
  return inOwnersSession(parts, async (owner) => {
    const standing = await standingOf(owner, control, statement, pending);
    if (statement.kind === 'drop-index' && standing.state !== 'before') {
      if (wayBack === undefined)
        return denied(
          'rejected',
          `the store ${store.name}: ${begun(pending)}, and its index is gone; ${finish}, or create the index again`,
        );
      const failed = await broughtBack(parts, owner, { attempt: pending, dropping: statement, wayBack });
      if (failed !== undefined) return failed;
    }
    await dropped(parts, owner, standing);
    if (!(await forgetAttempt(control, ctx)))
      return denied('fenced', `the store ${store.name} has seen a later decision than this one`);
    ctx.log(`store ${store.name}: ${begun(pending)}; what it left is cleared away`);
    return granted('settled');
  });
}

/** Ends the dropping that was begun, and makes anew what was dropped. */
async function broughtBack(
  parts: AloneParts,
  owner: pg.Client,
  { attempt, dropping, wayBack }: { attempt: Attempt; dropping: AloneStatement; wayBack: AloneStatement },
): Promise<Answer<never> | undefined> {
  const { control } = parts;
  const left = await standingOf(owner, control, wayBack, attempt);
  if (left.state === 'after') return undefined;
  if (left.state === 'half') await dropped(parts, owner, left);
  else if ((await standingOf(owner, control, dropping, attempt)).state === 'half') {
    const failed = await run(parts, owner, dropping);
    if (failed !== undefined) return failed;
  }
  return run(parts, owner, wayBack);
}

/** `create index if not exists`: whatever has the name will do. */
function isAskedNotToMind(statement: AloneStatement): boolean {
  return statement.kind === 'create-index' && statement.ifNotExists;
}

/** What stands in the way that no attempt of ours left. */
function notOurs(
  store: string,
  statement: AloneStatement,
  { state, leftovers, index }: Standing,
  begun: boolean,
): Answer<never> | undefined {
  if (state === 'foreign' && statement.kind === 'drop-index')
    return denied(
      'rejected',
      `the store ${store} has more than one index ${index}: name the schema of the one to drop`,
    );
  if (state === 'foreign' && !isAskedNotToMind(statement))
    return denied(
      'rejected',
      `the store ${store} has an index ${index} already, which isn't the one that this migration makes: see whose it is`,
    );
  if (begun) return undefined;
  if (statement.kind === 'create-index') {
    if (state === 'half')
      return denied(
        'rejected',
        `the store ${store} has an index ${leftovers[0]} already, INVALID, and no migration of ours left it: see who did, and drop it`,
      );
    if (state === 'after' && !statement.ifNotExists)
      return denied(
        'rejected',
        `the store ${store} has an index ${leftovers[0]} already, which no migration of ours made`,
      );
  }
  if (statement.kind === 'drop-index' && state === 'after' && !statement.ifExists)
    return denied('rejected', `the store ${store} has no index ${statement.index.name}`);
  return undefined;
}

/** Runs it. What PostgreSQL only warns of and passes over isn't done, whatever it says of the statement. */
async function run(
  { control, store }: AloneParts,
  owner: pg.Client,
  statement: AloneStatement,
): Promise<Answer<never> | undefined> {
  const skips = listenForSkips(owner);
  try {
    await owner.query({ text: statement.text, queryMode: 'extended' } as pg.QueryConfig);
  } catch (error) {
    const refusal = sqlRefusal(error);
    if (refusal === undefined) throw error;
    return refusal;
  } finally {
    skips.end();
  }
  const all = skips.all();
  const counting = statement.kind === 'vacuum' && !statement.named ? await beyondSystem(control, all) : all;
  return skippedRefusal(store.name, counting);
}

/** SQLSTATE: there is such a relation already. */
const DUPLICATE = '42P07';

/** After a refusal: what it left is dropped at once, so that nothing of it is there but the reason. */
async function cleared(
  { control, store, ctx }: Pick<AloneParts, 'control' | 'store' | 'ctx'>,
  owner: pg.ClientBase,
  statement: AloneStatement,
  standing: Standing,
  failed: Answer<never>,
): Promise<Answer<never>> {
  if (failed.ok) return failed;
  const { code, why } = failed;
  // Somebody else's index took the name meanwhile: it is theirs.
  const theirs = why.includes(`(${DUPLICATE})`);
  const left = `${why}; ${statement.kind === 'drop-index' ? 'the index is no longer used, and' : 'what it left'} is finished by the next attempt`;
  if (statement.kind === 'drop-index' && standing.state !== 'before') return denied(code, left);
  try {
    if (standing.state === 'half' && !theirs) await dropped({ control, ctx }, owner, standing);
  } catch (error) {
    if (sqlRefusal(error) === undefined) throw error;
    return denied(code, left);
  }
  const forgotten = await forgetAttempt(control, ctx);
  return forgotten ? failed : denied('fenced', `the store ${store.name} has seen a later decision than this one`);
}

/** Drops what is of no use. The names are PostgreSQL's own, quoted by it. */
async function dropped(
  { control, ctx }: Pick<AloneParts, 'control' | 'ctx'>,
  owner: pg.ClientBase,
  { leftovers, ofToast = [] }: Standing,
): Promise<void> {
  for (const index of leftovers) await owner.query(`drop index concurrently if exists ${index}`);
  if (ofToast.length === 0) return;
  // No owner may name anything in pg_toast; its indexes that are INVALID a superuser may drop.
  await control.query(`set statement_timeout = ${Math.max(1, Math.floor(ctx.remainingMs()))}`);
  try {
    for (const index of ofToast) await control.query(`drop index concurrently if exists ${index}`);
  } finally {
    await control.query('reset statement_timeout');
  }
}

/** A session of the migrations' login that has taken on the owner's role, and waits for a lock as long as it has time. */
function inOwnersSession<T>(
  { control, store, login, ctx }: AloneParts,
  work: (owner: pg.Client) => Promise<Answer<T>>,
): Promise<Answer<T | 'ended'>> {
  return inMigrationSession(control, store, login, ctx, async (client) => {
    const role = `"${store.user.replaceAll('"', '""')}"`;
    await client.query('set role none');
    await client.query(`set default_transaction_isolation = 'read committed'; set default_transaction_read_only = off`);
    await client.query(`set statement_timeout = ${Math.max(1, Math.floor(ctx.remainingMs()))}`);
    // Nobody queues behind it while it waits: it takes SHARE UPDATE EXCLUSIVE, which only other upkeep minds.
    await client.query('set lock_timeout = 0');
    // A setting of the database may have had the server keep its warnings to itself.
    await client.query('set client_min_messages = notice');
    await client.query(`set role ${role}`);
    return work(client);
  });
}
