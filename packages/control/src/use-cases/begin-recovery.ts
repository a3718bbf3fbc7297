import { type Instant, TELL_MS } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import type { Row, StreamId } from '../ports/store.ts';
import { type LostHead, type RecoveryRecord, streams } from '../records.ts';
import { ok, type Result, refuse } from './result.ts';

/** What is known as a recovery begins. */
export interface RecoveryFacts {
  /** The log as the restored database has it. */
  readonly kept: { readonly size: number; readonly root: string };
  /** The newest head that somebody remembers of the log before; undefined: nobody does. */
  readonly lost?: LostHead;
  /** Who began it, and why: words of a person. */
  readonly by: string;
  readonly because: string;
  /** The backup that was laid out, if it was one of ours. */
  readonly backup?: string;
  /** Whether people's tokens from before are refused until an administrator gives new ones. */
  readonly refuseTokens: boolean;
}

/**
 * Puts on the log that the control plane goes on from a backup, under an epoch of its own, and what is gone. From then on
 * no step is handed out in a cell before its agent told of it. Called once the epoch was raised, while no server runs.
 */
export async function beginRecovery(deps: Deps, facts: RecoveryFacts): Promise<Result<RecoveryRecord>> {
  const { epoch } = deps;
  const stream = streams.recovery(epoch);
  const now: Instant = await deps.store.now();
  const tokensFrom = facts.refuseTokens ? epoch : await tokensFromBefore(deps);
  const state: RecoveryRecord = { epoch, at: now, until: now + TELL_MS, ...facts, tokensFrom };
  const committed = await deps.store.commit({
    by: 'sys',
    writes: [{ stream, expected: 0, entries: [{ type: 'recovery.begun', data: state }], state, dueAt: null }],
  });
  if (committed.ok) return ok(state);
  return refuse('already-there', 'recover', stream, 'it has begun already', 'start the server');
}

/** The epoch from which people's tokens count, by the restores before this one: what one refused, no later one revives. */
async function tokensFromBefore({ store, epoch }: Pick<Deps, 'store' | 'epoch'>): Promise<number> {
  const limit = 1_000;
  let from = 1;
  let page: readonly Row[];
  let after: StreamId | undefined;
  do {
    page = await store.list('recovery', { limit, ...(after !== undefined && { after }) });
    for (const row of page) {
      const before = row.state as RecoveryRecord;
      if (before.epoch < epoch) from = Math.max(from, before.tokensFrom ?? (before.refuseTokens ? before.epoch : 1));
    }
    after = page.at(-1)?.stream;
  } while (page.length === limit);
  return from;
}
