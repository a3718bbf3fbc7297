/** Brings a store's WAL back from its vault, from a restore point on: every piece checked, and none missing. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SealedPoint, Trust, WalIdentity, WalReach } from '@headgate/documents';
import type { Digest, Instant } from '@headgate/domain';
import { type Answer, denied, granted, type ObjectStore } from '@headgate/execution';
import { timelineOf } from '../../../postgres-cluster/timelines.ts';
import { segmentNumber } from '../../../postgres-cluster/wal-place.ts';
import { type ReadPiece, readPiece } from './read-piece.ts';
import { listPieces, readReach } from './vaulted-wal.ts';
import { inForceAt, isOn } from './wal-timelines.ts';
import { firstGap, gapText, type LogGap, segmentsOnTheWay } from './whole-log.ts';

export interface WalToFetch {
  readonly store: ObjectStore;
  readonly of: WalIdentity;
  readonly trust: Pick<Trust, 'signers'>;
  readonly identities: readonly string[];
  /** The restore point that the log goes on from. */
  readonly from: SealedPoint;
  /** The moment that is to be reached; absent: the last one that the vault has, of the timeline. */
  readonly until?: Instant | undefined;
  /** Absent: the one that was the store's own at the moment, else the present one. */
  readonly timeline?: number | undefined;
  /** A folder of its own, made when it isn't there. What is wrong is in it, too, when the answer is no. */
  readonly to: string;
  readonly signal: AbortSignal;
}

export interface FetchedWal {
  readonly reach: WalReach;
  readonly segments: number;
  /** Whether they go up to the reach, or to the end of a timeline that was left; an earlier moment needs fewer. */
  readonly complete: boolean;
  /** The timeline that a recovery has to go along. */
  readonly timeline: number;
}

interface Way {
  readonly reach: WalReach;
  readonly subject: Digest | undefined;
  readonly timeline: number;
  /** Names of the pieces that lie there. */
  readonly names: readonly string[];
  /** Names of the segments that a recovery along the timeline may read, in their order. */
  readonly segments: readonly string[];
}

/** Granted nothing: the vault has no log of this cluster's, or none that goes on from the restore point. */
async function wayOf(ask: Omit<WalToFetch, 'to' | 'identities'>): Promise<Answer<Way | undefined>> {
  const { store, of, trust, from, until, signal } = ask;
  const read = await readReach(store, of, trust, signal);
  if (!read.ok) return read;
  const reach = read.value;
  const { systemIdentifier: system, lsn } = from.database;
  if (reach === undefined || reach.systemIdentifier !== system || lsn?.stop === undefined) return granted(undefined);
  if (until !== undefined && until > reach.at)
    return denied(
      'rejected',
      `the WAL in ${store.name} reaches up to ${timeText(reach.at)}, ${timeText(until)} is later`,
    );
  const present = timelineOf(reach.last);
  const timeline = ask.timeline ?? (until === undefined ? present : inForceAt(until, reach));
  if (!isOn(timeline, from, reach)) return granted(undefined);
  const names = await listPieces(store, of, system, signal);
  const last = timeline === present ? segmentNumber(reach.last) : lastOf(timeline, names);
  const segments = segmentsOnTheWay(from, reach, timeline, last);
  return granted({ reach, subject: read.subject, timeline, names, segments });
}

/**
 * Looks whether all of the log is there and of its size that a recovery would fetch, without reading any piece: what is plainly
 * gone is said before anything is begun.
 */
export async function walThere(ask: Omit<WalToFetch, 'to' | 'identities'>): Promise<Answer<void>> {
  const { until } = ask;
  const found = await gapOnTheWay(ask);
  if (!found.ok) return found;
  const gap = found.value;
  // What lies before it is enough for an earlier moment.
  if (gap === undefined || (until !== undefined && gap.until !== undefined && until <= gap.until))
    return granted(undefined);
  return denied(
    'check-failed',
    gap.until === undefined ? gapText(gap) : `${gapText(gap)}: --at that moment, or one before it, comes back`,
  );
}

/** The first piece that a recovery would fetch and that isn't there as it was sealed; granted nothing: there is none, or no log. */
export async function gapOnTheWay(
  ask: Omit<WalToFetch, 'to' | 'identities'>,
): Promise<Answer<(LogGap & { readonly before: number }) | undefined>> {
  const { store, of, trust, signal } = ask;
  const way = await wayOf(ask);
  if (!way.ok) return way;
  if (way.value === undefined) return granted(undefined);
  const { reach, segments } = way.value;
  const { systemIdentifier } = reach;
  const gap = await firstGap(store, { ...of, systemIdentifier }, trust, segments, signal);
  return granted(gap && { ...gap, before: segments.indexOf(gap.segment) });
}

/** Granted nothing: the vault has no log of this cluster's, or none that goes on from the restore point. */
export async function fetchWal(ask: WalToFetch): Promise<Answer<FetchedWal | undefined>> {
  const { store, until, to } = ask;
  const way = await wayOf(ask);
  if (!way.ok) return way;
  if (way.value === undefined) return granted(undefined);
  const { reach, subject, timeline, names, segments: wanted } = way.value;
  const { systemIdentifier: system } = reach;
  const there = new Set(names);
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const name of names.filter((each) => each.endsWith('.history'))) {
    const piece = await fetchPiece(ask, system, name);
    if (!piece.ok) return piece;
  }
  let segments = 0;
  for (const name of wanted) {
    if (!there.has(name))
      return denied('check-failed', `the WAL segment ${name} isn't in ${store.name}: what follows is of no use`);
    const piece = await fetchPiece(ask, system, name);
    if (!piece.ok) return piece;
    const { holdsUntil, plain } = piece.value;
    if (name === reach.last && plain !== subject)
      return denied('check-failed', `the WAL segment ${name} isn't the one that the reach was signed for`);
    segments += 1;
    if (until !== undefined && timelineOf(name) === timeline && holdsUntil >= until) break;
  }
  return granted({ reach, segments, complete: segments === wanted.length, timeline });
}

/** Number of the last segment of a timeline that was left; -1: none of it was brought there. */
function lastOf(timeline: number, names: readonly string[]): number {
  const mine = names.filter((name) => !name.endsWith('.history') && timelineOf(name) === timeline);
  return Math.max(-1, ...mine.map(segmentNumber));
}

/** Writes one piece. Answers until when it holds everything, and what it is. */
async function fetchPiece(ask: WalToFetch, system: string, name: string): Promise<Answer<Omit<ReadPiece, 'bytes'>>> {
  const piece = await readPiece(ask, ask.identities, system, name);
  if (!piece.ok) return piece;
  const { bytes, ...facts } = piece.value;
  await writeFile(join(ask.to, name), bytes, { mode: 0o600, flush: true });
  return granted(facts);
}

function timeText(at: Instant): string {
  return new Date(at).toISOString();
}
