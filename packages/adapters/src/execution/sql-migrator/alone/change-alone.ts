/** A change of the schema in a store where something runs, or was begun, outside of a transaction. */
import type { MigrationRef } from '@headgate/domain';
import { type Answer, denied, granted, type MigrationBack } from '@headgate/execution';
import type { AloneStatement, ReadAlone } from '@headgate/migrations';
import { saysNoTransaction } from '@headgate/migrations/parse/directives';
import type pg from 'pg';
import { withClient } from '../../../postgres-cluster/database.ts';
import { fenced } from '../../store/fenced.ts';
import { ownersConnection, type Store } from '../../store/store-session.ts';
import { type Attempt, begun, readAttempt } from './attempt.ts';
import { type AloneParts, runAlone, settle } from './run-alone.ts';
import { standingOf } from './standing.ts';

type Outcome = Answer<{ readonly version: number }>;

/** The statement of a file that says that it isn't run in a transaction; undefined: it doesn't say so. */
export async function aloneIn(sql: string): Promise<ReadAlone | undefined> {
  if (!saysNoTransaction(sql)) return undefined;
  return readAs(sql);
}

/** PostgreSQL's grammar is loaded with the first such file: most agents run none. */
async function readAs(sql: string): Promise<ReadAlone> {
  const { loadParser, readAlone } = await import('@headgate/migrations');
  await loadParser();
  return readAlone(sql);
}

interface Change {
  readonly direction: 'up' | 'down';
  readonly migration: MigrationRef;
  /** Where it leads. */
  readonly to: number;
}

/**
 * Clears up what another change left, then runs `statement`. `run`: it is an ordinary file, and its way is free. `judge`: what
 * is answered without running anything.
 */
export async function changeAlone(
  parts: AloneParts,
  change: Change,
  statement: AloneStatement | undefined,
  pending: Attempt | undefined,
  judge: () => Promise<Outcome | undefined>,
): Promise<Outcome | 'run'> {
  const { control, store, ctx } = parts;
  // A later decision than this one has the say, also where there is nothing to do.
  if (!(await fenced(control, ctx)))
    return denied('fenced', `the store ${store.name} has seen a later decision than this one`);
  const own = pending !== undefined && statement !== undefined && isOf(pending, change) ? pending : undefined;
  if (pending !== undefined && own === undefined) {
    const settled = await settle(parts, pending, await statementOf(pending), wayBackOf(pending, change, statement));
    if (!settled.ok) return settled;
    if (settled.value === 'ended') return denied('expired', 'the time for this migration ran out');
  }
  if (statement === undefined) return 'run';
  const answer = await judge();
  if (answer !== undefined) return answer;
  const ran = await runAlone(parts, change, statement, own);
  if (!ran.ok) return ran;
  if (ran.value === 'recorded') return granted({ version: change.to });
  // Ended from outside: what there is of it is known to the next attempt, by the record.
  if ((await readAttempt(control)) === undefined && (await judge())?.ok === true)
    return granted({ version: change.to });
  return denied('expired', 'the time for this migration ran out, and its session was ended');
}

function isOf({ direction, digest, to }: Attempt, change: Change): boolean {
  const { file, to: target } = change.migration;
  return direction === change.direction && digest === file.digest && to === target;
}

/** What takes back the very migration that was begun: it may be asked for although the version never moved. */
function wayBackOf(
  pending: Attempt,
  change: Change,
  statement: AloneStatement | undefined,
): AloneStatement | undefined {
  const { migration, direction } = change;
  const made = (migration as Partial<MigrationBack>).up?.digest;
  const back = direction === 'down' && pending.direction === 'up' && pending.to === migration.to;
  return back && pending.digest === made ? statement : undefined;
}

async function statementOf({ statement }: Attempt): Promise<AloneStatement | undefined> {
  if (statement === null) return undefined;
  const read = await readAs(statement);
  return read.ok ? read.statement : undefined;
}

/** What an interrupted statement left that the next migration can't take away by itself, in words. */
export async function leftHalfDone(control: pg.ClientBase, store: Store): Promise<string | undefined> {
  const pending = await readAttempt(control);
  if (pending === undefined) return undefined;
  const statement = await statementOf(pending);
  if (statement === undefined) return begun(pending);
  if (statement.kind !== 'drop-index') return undefined;
  const { state } = await withClient(await ownersConnection(store), (owner) =>
    standingOf(owner, control, statement, pending),
  );
  return state === 'before' ? undefined : `${begun(pending)}: its index is gone, or no longer used`;
}
