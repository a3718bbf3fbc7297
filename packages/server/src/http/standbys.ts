/** Standbys as people are shown them: what was seen, in words, and what would mend it. */
import type { Standby } from '@headgate/contract';
import {
  type Instant,
  notFollowing,
  type SeenStandby,
  type StandbyState,
  standbyState,
  standbyText,
} from '@headgate/domain';
import type { Context } from './context.ts';
import type { Shown } from './handler.ts';

/** So many are shown at a time, those first that somebody should look at. */
const MOST = 200;
const URGENCY: Readonly<Record<StandbyState, number>> = { 'not-ready': 0, unseen: 1, ready: 2 };

export interface ShownStandbys {
  readonly items: readonly Shown<Standby>[];
  readonly truncated: boolean;
}

/** What was seen last of these cells' standbys. */
export async function shownStandbys(
  { deps }: Pick<Context, 'deps'>,
  cells: readonly string[],
  now: Instant,
): Promise<ShownStandbys> {
  const seen = [...((await deps.standbys?.of(cells)) ?? new Map<string, readonly SeenStandby[]>()).values()].flat();
  const key = ({ cell, store, name }: SeenStandby): string => `${cell}/${store}/${name}`;
  const all = seen
    .map((each) => ({ each, state: standbyState(each, now) }))
    .sort((a, b) => URGENCY[a.state] - URGENCY[b.state] || (key(a.each) < key(b.each) ? -1 : 1));
  const items = all.slice(0, MOST).map(({ each, state }) => showStandby(each, state, now));
  return { items, truncated: all.length > MOST };
}

function showStandby(seen: SeenStandby, state: StandbyState, now: Instant): Shown<Standby> {
  const trouble = notFollowing(seen);
  // What was seen long ago mends nothing: its agent has to look again first.
  const stale = state === 'unseen' && trouble === undefined;
  const mend = stale ? `see that the agent of ${seen.cell} runs, and what it logs of its look` : (trouble?.mend ?? '');
  return { ...seen, state, words: standbyText(seen, now), mend };
}
