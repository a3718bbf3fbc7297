/** Data that is being moved, as people are shown it: in words, what differs first. */
import type { Move } from '@headgate/contract';
import { type Instant, moveState, moveText, type SeenMove } from '@headgate/domain';
import type { Context } from './context.ts';
import type { Shown } from './handler.ts';

/** So many are shown at a time. */
const MOST = 200;
const URGENCY = { differs: 0, 'not-known': 1, agrees: 2 } as const;

/** How the moves of these cells stand. */
export async function shownMoves(
  { deps }: Pick<Context, 'deps'>,
  cells: readonly string[],
  now: Instant,
): Promise<{ readonly items: readonly Shown<Move>[]; readonly truncated: boolean }> {
  const seen: readonly SeenMove[] = (await deps.moves?.of(cells)) ?? [];
  const key = ({ cell, name }: SeenMove): string => `${cell}/${name}`;
  const all = seen
    .map((each) => ({ each, state: moveState(each, now) }))
    .sort((a, b) => URGENCY[a.state] - URGENCY[b.state] || (key(a.each) < key(b.each) ? -1 : 1));
  const items = all.slice(0, MOST).map(({ each, state }) => ({ ...each, state, words: moveText(each, now) }));
  return { items, truncated: all.length > MOST };
}
