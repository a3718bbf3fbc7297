/**
 * Whether a store's log in a vault is whole from a restore point on, looked at without reading any piece of it: what a reach
 * says was so when it was signed, and what lay there then may be gone since.
 */
import type { SealedPoint, Trust, WalIdentity, WalReach } from '@headgate/documents';
import type { Instant } from '@headgate/domain';
import type { ObjectStore } from '@headgate/execution';
import { timelineOf } from '../../../postgres-cluster/timelines.ts';
import { segmentNumber, segmentOfLsn } from '../../../postgres-cluster/wal-place.ts';
import { openPiece } from './vaulted-wal.ts';
import { piecePrefix } from './wal-keys.ts';
import { isOn, segmentOn } from './wal-timelines.ts';

/** Sizes of what lies there of one piece. Bytes; absent: it isn't there. */
export interface PieceFacts {
  readonly age?: number;
  readonly json?: number;
}

/** The first segment on the way that isn't there as it was sealed. */
export interface LogGap {
  readonly segment: string;
  /** In words that name it. */
  readonly why: string;
  /** Up to which moment the log before it goes; absent: it is the first one after the restore point. */
  readonly until?: Instant;
}

/** How many statements are asked for at a time. */
const AT_ONCE = 16;

/** What lies of one cluster's log in a vault, in one listing. */
export async function listLog(
  store: ObjectStore,
  of: WalIdentity,
  systemIdentifier: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, PieceFacts>> {
  const prefix = piecePrefix(of, systemIdentifier);
  const pieces = new Map<string, PieceFacts>();
  for await (const { key, size } of store.list(prefix, signal)) {
    const [, name, ending] = /^([^/]+)\.(age|json)$/.exec(key.slice(prefix.length)) ?? [];
    if (name !== undefined) pieces.set(name, { ...pieces.get(name), [ending!]: size });
  }
  return pieces;
}

/** Whether the log goes on from a restore point, as far as their places in it say: a piece may be missing. */
export function followsOn(reach: WalReach, point: Pick<SealedPoint, 'database'>): boolean {
  return (
    point.database.systemIdentifier === reach.systemIdentifier &&
    point.database.lsn?.stop !== undefined &&
    isOn(timelineOf(reach.last), point, reach)
  );
}

/** Number of the segment that a recovery from a restore point begins with. */
export function goesOnAt({ database }: Pick<SealedPoint, 'database'>): number {
  return segmentOfLsn(database.lsn?.stop ?? '0/0');
}

/** Names of the segments that a recovery from a restore point to the reach reads, in their order; or along another timeline. */
export function segmentsOnTheWay(
  point: Pick<SealedPoint, 'database'>,
  reach: WalReach,
  timeline = timelineOf(reach.last),
  last = segmentNumber(reach.last),
): readonly string[] {
  const names: string[] = [];
  for (let number = goesOnAt(point); number <= last; number++) names.push(segmentOn(timeline, number, reach));
  return names;
}

/** What a listing lacks of one segment, in words; `undefined`: nothing. */
export function lacks(name: string, facts: PieceFacts | undefined, where: string): string | undefined {
  if (facts?.age === undefined && facts?.json === undefined) return `the WAL segment ${name} isn't in ${where}`;
  const notWhole = `the WAL segment ${name} isn't in ${where} as it was sealed`;
  if (facts.age === undefined) return `${notWhole}: ${name}.age is gone, its statement is there`;
  if (facts.json === undefined) return `${notWhole}: its statement ${name}.json is gone`;
  return facts.age === 0 ? `the WAL segment ${name} in ${where} is empty` : undefined;
}

/**
 * The first gap among those segments: one listing, and the statement of each segment, for its size. None of the pieces is
 * read: a byte that was changed is found by whoever reads them.
 */
export async function firstGap(
  store: ObjectStore,
  of: WalIdentity & { readonly systemIdentifier: string },
  trust: Pick<Trust, 'signers'>,
  names: readonly string[],
  signal: AbortSignal,
): Promise<LogGap | undefined> {
  const { systemIdentifier, ...identity } = of;
  const pieces = await listLog(store, identity, systemIdentifier, signal);
  const missing = names.findIndex((name) => lacks(name, pieces.get(name), store.name) !== undefined);
  const there = missing < 0 ? names : names.slice(0, missing);
  let until: Instant | undefined;
  const gap = (segment: string, why: string): LogGap => ({ segment, why, ...(until !== undefined && { until }) });
  for (let from = 0; from < there.length; from += AT_ONCE) {
    const some = there.slice(from, from + AT_ONCE);
    const opened = await Promise.all(some.map((name) => openPiece(store, { ...of, name }, trust, signal)));
    for (const [i, piece] of opened.entries()) {
      const name = some[i]!;
      if (!piece.ok) return gap(name, piece.why);
      const { size, holdsUntil } = piece.value.sealed;
      const found = pieces.get(name)!.age!;
      if (found !== size)
        return gap(name, `the WAL ${name} isn't what was sealed: ${found} bytes of ${size} are in ${store.name}`);
      // Of the first ones of a process nobody knew the moment.
      if (holdsUntil > 0) until = holdsUntil;
    }
  }
  if (missing < 0) return undefined;
  const name = names[missing]!;
  return gap(name, lacks(name, pieces.get(name), store.name)!);
}

/** What a gap means, as a sentence. */
export function gapText({ why, until }: LogGap): string {
  const before = until === undefined ? '' : `; the log before it goes up to ${new Date(until).toISOString()}`;
  return `${why}: nothing after it comes back${before}`;
}
