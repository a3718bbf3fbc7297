/**
 * A store that is brought back begins a timeline of its own: from a place of an older one on, its log is another one, with the
 * same numbers. Which piece holds a place is told by where each timeline began.
 */
import type { SealedPoint, WalReach } from '@headgate/documents';
import type { Instant } from '@headgate/domain';
import { timelineOf } from '../../../postgres-cluster/timelines.ts';
import { numberText, reaches, segmentNumber, segmentOfLsn } from '../../../postgres-cluster/wal-place.ts';

/** Where a timeline began, and on which one; the first one of a cluster has no such record. */
export type Timeline = WalReach['timelines'][number];

type Known = Pick<WalReach, 'timelines'>;

/** A timeline with those that it came from, the newest first; each with the place from which on it counts. */
function lineage(
  timeline: number,
  { timelines }: Known,
): readonly { readonly timeline: number; readonly at: string }[] {
  const line: { timeline: number; at: string }[] = [];
  for (let now: number | undefined = timeline; now !== undefined && line.length <= timelines.length; ) {
    const begun: Timeline | undefined = timelines.find((each) => each.timeline === now);
    line.push({ timeline: now, at: begun?.at ?? '0/0' });
    now = begun?.parent;
  }
  return line;
}

/** Name of the segment of that number that a recovery along the timeline reads: the newest that had begun by then. */
export function segmentOn(timeline: number, number: number, known: Known): string {
  const of = lineage(timeline, known).find(({ at }) => segmentOfLsn(at) <= number)?.timeline ?? 1;
  return `${of.toString(16).toUpperCase().padStart(8, '0')}${numberText(number)}`;
}

/** Whether a restore point's moment lies on the timeline: else its log goes on somewhere else. */
export function isOn(timeline: number, { database }: Pick<SealedPoint, 'database'>, known: Known): boolean {
  const { timeline: own, lsn } = database;
  if (own === undefined || lsn?.stop === undefined) return false;
  const line = lineage(timeline, known);
  const place = line.findIndex((each) => each.timeline === own);
  // Until where the next one of the line began.
  return place === 0 || (place > 0 && reaches(line[place - 1]!.at, lsn.stop));
}

/** The timeline that was the store's own at a moment: the one that had begun last. */
export function inForceAt(at: Instant, { timelines, last }: Pick<WalReach, 'timelines' | 'last'>): number {
  const begun = timelines
    .filter(({ begunAt }) => begunAt <= at)
    .toSorted((a, b) => a.begunAt - b.begunAt || a.timeline - b.timeline);
  const newest = begun.at(-1)?.timeline;
  if (newest !== undefined) return newest;
  // Before all of them: whatever none of them is.
  const oldest = timelines.toSorted((a, b) => a.begunAt - b.begunAt || a.timeline - b.timeline)[0];
  return oldest?.parent ?? timelineOf(last);
}

/** Whether the log up to the reach goes on from a restore point, with nothing missing. */
export function goesOnFrom(reach: WalReach, point: Pick<SealedPoint, 'database'>): boolean {
  const { systemIdentifier, lsn } = point.database;
  return (
    systemIdentifier === reach.systemIdentifier &&
    lsn?.stop !== undefined &&
    isOn(timelineOf(reach.last), point, reach) &&
    segmentOfLsn(lsn.stop) >= reach.from
  );
}

/** The lowest number from which on every segment is there, up to that one, along its timeline. */
export function wholeFrom(last: string, there: ReadonlySet<string>, known: Known): number {
  const timeline = timelineOf(last);
  let from = segmentNumber(last);
  while (from > 0 && there.has(segmentOn(timeline, from - 1, known))) from -= 1;
  return from;
}
