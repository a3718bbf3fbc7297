import { readWholeJournal } from '../load/journal.ts';

/** Customers from whom nothing is heard for so long weren't there: each asks several times a second. */
const SILENCE_MS = 3_000;
/** What was in flight when customers were killed had begun within their time limit, and nobody knows how it ended. */
const IN_FLIGHT_MS = 5_000;

/** A stretch of time; milliseconds since the epoch. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** When the customers of a journal were there, and what they met is known: in order, with seconds between them. */
export async function customersThere(journalFile: string): Promise<readonly Stretch[]> {
  const known: Stretch[] = [];
  let now: Stretch | undefined;
  const until = (to: number): void => {
    if (now !== undefined && to > now.from) known.push({ from: now.from, to });
    now = undefined;
  };
  for await (const line of readWholeJournal(journalFile)) {
    if (line.kind === 'cut-off') {
      if (now !== undefined) until(now.to - IN_FLIGHT_MS);
      continue;
    }
    const begin = line.kind === 'went-home' ? line.at : line.at - line.ms;
    if (now !== undefined && begin - now.to >= SILENCE_MS) until(now.to);
    now = { from: Math.min(now?.from ?? begin, begin), to: Math.max(now?.to ?? line.at, line.at) };
    if (line.kind === 'went-home') until(now.to);
  }
  // Who reads while they work, or after they were killed, knows as little of the last seconds.
  if (now !== undefined) until(now.to - IN_FLIGHT_MS);
  return known;
}

/** Where in a stretch of time no customers were: what they would have met then isn't known. Less than seconds don't count. */
export function customersAway(there: readonly Stretch[], { from, to }: Stretch): readonly Stretch[] {
  const away: Stretch[] = [];
  let at = from;
  for (const each of there) {
    if (each.to <= at) continue;
    if (each.from >= to) break;
    if (each.from - at >= SILENCE_MS) away.push({ from: at, to: each.from });
    at = each.to;
  }
  if (to - at >= SILENCE_MS) away.push({ from: at, to });
  return away;
}
