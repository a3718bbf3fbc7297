/** Applies an approved difference: all of it in one transaction, or nothing. */
import { type DifferenceFile, openDifferenceFile } from '@headgate/documents';
import type { Digest, Fence, Refusal, RowsCatalogue, TableDifference } from '@headgate/domain';
import { misfitOf, ownSchema, refused, reverseOf, reverseRow, schemaOfTenant, standingOf } from '@headgate/domain';
import { named } from '@headgate/domain/plan/render-words';
import type pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import { controlConnection, holdMigrations, raiseFence, rowsConnection, type Store } from '../store/store-session.ts';
import { THIS_DATABASE } from '../store/this-database.ts';
import { DifferenceWriter } from './difference-writer.ts';
import { schemaOf } from './make-difference.ts';
import { lookAtOthers, othersTouched } from './others-untouched.ts';
import { readRowsCatalogue } from './read-rows-catalogue.ts';
import { rowsClient, settle } from './rows-client.ts';
import { meanTenant, tableSql } from './rows-sql.ts';
import { raiseSequences } from './sequences.ts';
import { type SummedTable, sumRows } from './tenant-side.ts';
import { valueRefusal } from './tenant-value.ts';
import { triggersOff } from './triggers.ts';
import { type Laid, layOut, NotWritten, writeRows } from './write-rows.ts';

export interface ApplyAsk {
  readonly file: DifferenceFile;
  readonly store: Store;
  readonly cell: string;
  /** The newest token that was acted on in the cell. */
  readonly fence: Fence;
  readonly by: string;
  /** Names of the store's other tenants, and what stands for them where that is known. */
  readonly others: readonly string[];
  readonly now: () => number;
  /** When this difference was applied before, if it was: once is once, whatever was taken back since. */
  readonly appliedAt?: number;
  /** To write down what is about to be committed, and what the store calls the transaction. What it throws ends it. */
  readonly beforeCommit?: (applied: AppliedDifference, transaction: string) => Promise<void>;
}

export interface AppliedDifference {
  readonly at: number;
  readonly others: { readonly summed: number; readonly counted: readonly string[] };
  /** Where the difference is that takes this one back, and its digest. */
  readonly reverse: { readonly path: string; readonly digest: Digest };
}

export type ApplyOutcome =
  | { readonly ok: true; readonly applied: AppliedDifference }
  /** The tenant's rows are so already; nothing was written. */
  | { readonly ok: true; readonly already: true }
  | { readonly ok: false; readonly refusal: Refusal };

const WHAT = 'apply this difference';
/** Everybody who writes to the tenant's tables waits for as long as this takes. Milliseconds. */
const STATEMENT_MS = 15 * 60_000;
/** How long somebody else's lock is waited for, who is waited for by others in turn. Milliseconds. */
const LOCK_MS = 10_000;
/** After which the server lets go of everything where we fell silent. Milliseconds. */
const SILENT_MS = 60_000;

/** Throws what the database says where it is no refusal; nothing is written then either. */
export async function applyDifference(ask: ApplyAsk): Promise<ApplyOutcome> {
  const { file } = ask;
  if (!file.whole)
    return no(
      ask,
      'rows-missing',
      `${file.path} is the first line alone`,
      'give the whole file, as the difference was made',
    );
  // On disk before anything is locked, let alone committed.
  const reverse = await keepReverse(ask);
  const outcome = await alone(ask, reverse).catch(async (error: Error) => {
    if (!(error instanceof MaybeCommitted)) await reverse.unneeded();
    throw error;
  });
  if (!outcome.ok || 'already' in outcome) await reverse.unneeded();
  return outcome;
}

/** Whether it was committed isn't known: run again, it says so. */
class MaybeCommitted extends Error {}

/** Holds the store's fence and the lock against migrations, in a session of its own, for as long as ours works. */
async function alone(ask: ApplyAsk, reverse: Reverse): Promise<ApplyOutcome> {
  const { store, file } = ask;
  return withClient(await controlConnection(store), async (control) => {
    await control.query(`set lock_timeout = ${LOCK_MS}`);
    const { rows } = await control.query<{ database: string }>(`select ${THIS_DATABASE} as database`);
    if (rows[0]!.database !== file.difference.live.database)
      return no(
        ask,
        'other-store',
        `it was made of the database ${file.difference.live.database}, and this is ${rows[0]!.database}`,
        'apply it where it was made',
      );
    const busy = (what: string): ApplyOutcome =>
      no(ask, 'store-busy', `${what} is at work in the store`, 'run it again when that is over');
    if (!(await holdMigrations(control))) return busy('a migration');
    await control.query('begin');
    const mine = await raiseFence(control, ask).catch((error: Error) => {
      if (codeOf(error) === LOCK_NOT_HAD) return undefined;
      throw error;
    });
    if (mine === undefined) return busy('a step of a promotion');
    if (!mine)
      return no(ask, 'fenced', 'another agent acted in this store since', 'find out which, and apply it there');
    const outcome = await inStore(ask, reverse, async () => void (await control.query('select 1')));
    await control.query('commit');
    return outcome;
  });
}

const LOCK_NOT_HAD = '55P03';
/** Where somebody else's lock ended it. */
const OTHERS: ReadonlySet<string | undefined> = new Set([LOCK_NOT_HAD, '40P01']);

function codeOf(error: unknown): string | undefined {
  return (error as { readonly code?: string }).code;
}

async function inStore(ask: ApplyAsk, reverse: Reverse, stillHeld: () => Promise<void>): Promise<ApplyOutcome> {
  const { store, file } = ask;
  const client = rowsClient(await rowsConnection(store));
  let broken: Error | undefined;
  client.on('error', (error) => {
    broken = error;
  });
  try {
    await client.connect();
    await settle(client, {
      ...{ statement_timeout: STATEMENT_MS, lock_timeout: LOCK_MS },
      idle_in_transaction_session_timeout: SILENT_MS,
    });
    const { tables, tenant, value } = file.difference;
    const theirs = schemaRefusal(ask);
    if (theirs !== undefined) return { ok: false, refusal: theirs };
    const strange = strangeTo(ask, await catalogueOf(ask, client));
    if (strange !== undefined) return strange;
    const refusal = await valueRefusal(client, tables, { what: WHAT, tenant, value, others: ask.others });
    if (refusal !== undefined) return { ok: false, refusal };
    await meanTenant(client, value);
    await client.query('begin');
    const laid = await layOut(client, tables, file.rows());
    const outcome = await underLock(ask, client, laid, reverse, stillHeld);
    if (!outcome.ok || 'already' in outcome) await client.query('rollback');
    return outcome;
  } catch (error) {
    if (error instanceof MaybeCommitted) throw error;
    if (error instanceof NotWritten) return changed(ask, error.message);
    if (OTHERS.has(codeOf(error)))
      return no(
        ask,
        'locked',
        `somebody held rows or tables of the tenant for more than ${LOCK_MS / 1_000} s, or waited for ours`,
        'hold the tenant, or end what writes for it, and run it again',
      );
    throw broken ?? error;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Why the schema that a difference is of can't be taken for the tenant's. */
function schemaRefusal({ file: { difference }, others }: ApplyAsk): Refusal | undefined {
  const { schemas, tenant, value } = difference;
  const own = schemas && ownSchema(WHAT, schemas, { tenant, value, others });
  return own?.ok === false ? own.refusal : undefined;
}

/** The store's tables, without those of other tenants' schemas: those that the difference left out, and those of tenants since. */
async function catalogueOf({ file: { difference }, others }: ApplyAsk, client: pg.Client): Promise<RowsCatalogue> {
  const { schemas, value } = difference;
  if (schemas === undefined) return readRowsCatalogue(client);
  const own = schemaOfTenant(schemas.named, value);
  const theirs = new Set([...schemas.others, ...others.map((other) => schemaOfTenant(schemas.named, other))]);
  return readRowsCatalogue(
    client,
    [...theirs].filter((schema) => schema !== own),
  );
}

/** Why the difference isn't one of these tables. */
function strangeTo(ask: ApplyAsk, catalogue: RowsCatalogue): ApplyOutcome | undefined {
  const { schema } = ask.file.difference;
  if (schemaOf(catalogue) !== schema)
    return no(
      ask,
      'schema-changed',
      'the store’s tables aren’t what they were when the difference was made',
      'make it anew, and have that approved',
    );
  // Who made the file wrote what it says of its tables, and statements are made of that.
  const misfit = misfitOf(ask.file.difference, catalogue);
  const unblock = 'find out who made this file and how; make it anew, and have that approved';
  return misfit === undefined ? undefined : no(ask, 'not-of-this-store', misfit, unblock);
}

async function underLock(
  ask: ApplyAsk,
  client: pg.Client,
  laid: Laid,
  { path, digest }: Reverse,
  stillHeld: () => Promise<void>,
): Promise<ApplyOutcome> {
  const { file, now } = ask;
  const { tables, tenant } = file.difference;
  if (tables.length > 0) {
    const all = tables.map(({ table }) => table).toSorted();
    await client.query(`lock table only ${all.map(tableSql).join(', only ')} in share row exclusive mode`);
  }
  const catalogue = await catalogueOf(ask, client);
  const strange = strangeTo(ask, catalogue);
  if (strange !== undefined) return strange;
  const sums = await sumsOf(client, tables);
  const standing = standingOf({ tables }, sums);
  if (standing.as === 'wanted') return { ok: true, already: true };
  if (ask.appliedAt !== undefined)
    return no(
      ask,
      'applied-before',
      `it was applied at ${new Date(ask.appliedAt).toISOString()}, and the rows were changed or taken back since: one approval is for one time`,
      'make the difference anew, and have that approved',
    );
  if (standing.as === 'otherwise')
    return changed(ask, `rows of ${tenant} in ${named(standing.tables)} were written since the difference was made`);
  const untrue = addedOtherwise(tables, sums, 'live');
  if (untrue !== undefined)
    return no(
      ask,
      'numbers-untrue',
      `the sums that it says of ${untrue} aren’t those of its rows`,
      'find out who made this file and how; make it anew, and have that approved',
    );
  const before = await lookAtOthers(client, tables);
  const on = await triggersOff(client, tables, catalogue);
  const tries = await writeRows(client, tables, laid, catalogue.foreignKeys);
  await on();
  const written = await sumsOf(client, tables);
  if (standingOf({ tables }, written).as !== 'wanted' || addedOtherwise(tables, written, 'was') !== undefined)
    return no(
      ask,
      'not-as-wanted',
      `after all was written, rows of ${tenant} weren’t what they should be`,
      'look for what else writes to these tables (event triggers, computed columns)',
    );
  const { schemas, sequences = [], value } = file.difference;
  const behind =
    schemas && (await raiseSequences(client, tables, laid, schemaOfTenant(schemas.named, value), sequences));
  if (behind !== undefined) return changed(ask, behind);
  const touched = await othersTouched(client, tables, before, tries);
  if (touched !== undefined)
    return no(
      ask,
      'others-touched',
      touched,
      'look for what leads from the tenant’s rows to others’: foreign keys that cascade, triggers of events',
    );
  const others = { summed: before.sums.size, counted: before.counted };
  const applied = { at: now(), others, reverse: { path, digest } };
  const { rows } = await client.query<{ id: string }>('select pg_current_xact_id()::text as id');
  await ask.beforeCommit?.(applied, rows[0]!.id);
  await stillHeld();
  await client.query('commit').catch((error: Error) => {
    throw new MaybeCommitted(`${error.message}; whether it was committed is not known: run it again`);
  });
  return { ok: true, applied };
}

async function sumsOf(client: pg.Client, tables: readonly TableDifference[]): Promise<readonly SummedTable[]> {
  const byName = new Map(tables.map((table) => [table.table, table]));
  const sums: SummedTable[] = [];
  for (const table of tables) sums.push(await sumRows(client, table, byName));
  return sums;
}

/** A table of which a column's sum isn't what the difference says of that side. */
function addedOtherwise(
  tables: readonly TableDifference[],
  now: readonly SummedTable[],
  side: 'live' | 'was',
): string | undefined {
  return tables.find(({ added }, i) => added.some((each, at) => each[side] !== now[i]!.added[at]))?.table;
}

interface Reverse {
  readonly path: string;
  readonly digest: Digest;
  /** Nothing was applied: takes it away, unless it was there before. */
  unneeded(): Promise<void>;
}

/** One that is there already may have been approved, and stays. */
async function keepReverse({ file, by, now }: ApplyAsk): Promise<Reverse> {
  const path = `${file.path}.undo`;
  const there = await openDifferenceFile(path).catch(() => undefined);
  if (there?.difference.undoes === file.digest) return { path, digest: there.digest, unneeded: async () => {} };
  const writer = await DifferenceWriter.open(path);
  try {
    for await (const row of file.rows()) await writer.add(reverseRow(row));
    const { body: _, ...reverse } = reverseOf(file.difference, file.digest, { by, madeAt: now() });
    const { digest } = await writer.end(reverse);
    return { path, digest, unneeded: () => writer.remove() };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

function changed(ask: ApplyAsk, why: string): ApplyOutcome {
  return no(ask, 'changed-since', why, 'hold the tenant, make the difference anew, and have that approved');
}

function no({ cell, file }: ApplyAsk, code: string, why: string, unblock: string): ApplyOutcome {
  return refused(code, WHAT, `${cell}/${file.difference.store}`, `${why}; nothing was changed`, unblock);
}
