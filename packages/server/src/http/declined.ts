import { streams } from '@headgate/control';
import { decodeEntry } from '@headgate/documents/log/entry';
import { type Declined, isDeclined, nextOfDeclined, type Plan, type Rollout } from '@headgate/domain';
import type { Context } from './context.ts';

/** So many are told one by one. */
const MOST = 20;

export interface ToldDeclined {
  readonly declined: readonly Declined[];
  /** What can be done, with commands. */
  readonly next: readonly string[];
}

/** What was declined in a promotion's cells, by whom and why: the log says it, a row only that it stands. Undefined: nothing. */
export async function declinedIn(
  { deps, log }: Context,
  rollouts: readonly Rollout[],
  plan: Plan,
): Promise<ToldDeclined | undefined> {
  const byCell = new Map(plan.cells.map((cell) => [cell.cell, cell]));
  const standing = rollouts.filter((rollout) => {
    const cell = byCell.get(rollout.cell);
    return cell !== undefined && isDeclined(rollout, cell);
  });
  if (standing.length === 0) return undefined;
  const told = standing.slice(0, MOST);
  const rows = await deps.store.load(told.map(({ id }) => streams.rollout(id)));
  const declined: Declined[] = [];
  for (const { id, cell } of told) {
    const stream = streams.rollout(id);
    // The answer, and that it was settled by it.
    const last = await log.history(stream, Math.max(0, (rows.get(stream)?.version ?? 0) - 2), 2);
    for (const { bytes } of last) {
      const read = decodeEntry(bytes);
      if (!read.ok) throw new Error(`an entry of ${stream} can't be read: ${read.why}`);
      const { type, data, by, at } = read.entry;
      if (type !== 'rollout.answered') continue;
      const { step, because } = data as { step: string; because?: string };
      declined.push({ cell, step, by, because: because ?? '', at });
    }
  }
  return {
    declined,
    next: nextOfDeclined(
      plan,
      standing.map(({ cell }) => cell),
    ),
  };
}
