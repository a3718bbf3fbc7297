/**
 * Compares both stores again as long as both are there, and holds a proposal against that: what somebody approved was shown by a file
 * that others had in their hands, and what it says stands on the log afterwards.
 */
import { dirname } from 'node:path';
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import { compareStores, courseOf } from '@headgate/adapters/execution/recover/compare-stores';
import type { BackedStore } from '@headgate/adapters/execution/restore-points/backed-store';
import { endedBefore, runningBeside } from '@headgate/adapters/execution/restore-points/brought-beside';
import { changedIn, type StoreProposal, wrongFigures } from '@headgate/domain';
import { named } from '@headgate/domain/plan/render-words';
import { readRecovered } from '../recover-tenant/recovered-file.ts';
import { inSlots } from './serving.ts';
import type { Stale } from './store-place.ts';

export interface RecountAsk {
  readonly cell: CellConfig;
  readonly proposal: StoreProposal;
  readonly signal: AbortSignal;
}

const WRITTEN = 'the store was written to after what would be lost was counted';
const QUIET =
  'propose anew, while nobody writes (hold its tenants by what your application has for that, or end the jobs that write), and have that approved';
export const ANEW = 'propose anew, into another folder, and have that approved';

/** The store isn't the one that was compared, whose rows `parts` are otherwise than they were. */
export function writtenSince(parts: readonly string[], more = 'and nobody approved losing that'): Stale {
  return { code: 'written-since', why: `${WRITTEN} (${named(parts)}), ${more}`, unblock: QUIET };
}

/** By its cluster and its course, which cost nothing to ask for. */
export async function anotherStore(
  store: BackedStore,
  { live }: Pick<StoreProposal, 'live'>,
): Promise<Stale | undefined> {
  const { system, timeline } = await courseOf(store);
  if (system === live.system && timeline === live.timeline) return undefined;
  const why =
    'the store is another one than was compared, or was brought back since (so it is once a proposal was applied)';
  return { code: 'written-since', why, unblock: ANEW };
}

/** The file shows anything else than is counted. */
export function figuresWrong(wrong: readonly string[]): Stale {
  return {
    code: 'figures-wrong',
    why: `the proposal doesn’t show what is counted: ${wrong.join('; ')}. Either its file was changed before it was approved, or what it tells of has changed since`,
    unblock: 'find out who had the file in their hands; propose anew, and have that approved',
  };
}

/** All that a person was shown, counted anew. Changes nothing; undefined: it is right. */
export async function recount(store: BackedStore, ask: RecountAsk): Promise<Stale | undefined> {
  const { cell, proposal, signal } = ask;
  const { place } = proposal;
  const beside = await runningBeside(store, place);
  if (beside === undefined) return { code: 'check-failed', why: `${place} isn’t there any more`, unblock: ANEW };
  try {
    const { cluster } = beside;
    const compared = await compareStores(store, { cluster, database: store.database, user: store.user }, signal);
    const since = changedIn(compared.live, proposal.live);
    if (since.length > 0) return writtenSince(since);
    const other = changedIn(compared.was, proposal.was);
    if (other.length > 0)
      return {
        code: 'check-failed',
        why: `what lies in ${place} was changed since it was compared (${named(other)})`,
        unblock: ANEW,
      };
    const note = await readRecovered(dirname(place));
    const firstLost = await endedBefore(cluster);
    const wrong = wrongFigures(
      {
        ...{ ...compared, moment: note?.moment ?? '', point: note?.point ?? '' },
        ...(note?.lastCommitAt !== undefined && { keptAt: note.lastCommitAt }),
        ...(firstLost !== undefined && { firstLost }),
        ...{ serving: (await inSlots(cell, proposal.store)).serving, files: store.files.map(({ name }) => name) },
      },
      proposal,
    );
    return wrong.length === 0 ? undefined : figuresWrong(wrong);
  } finally {
    await beside.end();
  }
}
