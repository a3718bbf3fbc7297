/** Brings a store's WAL back from its vault, from a restore point on: every piece checked, and none missing. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { digestOf, type SealedPoint, type Trust, type WalIdentity, type WalReach } from '@headgate/documents';
import type { Digest, Instant } from '@headgate/domain';
import { type Answer, denied, granted, type ObjectStore } from '@headgate/execution';
import { timelineOf } from '../../../postgres-cluster/timelines.ts';
import { segmentNumber, segmentOfLsn } from '../../../postgres-cluster/wal-place.ts';
import { decrypt, Undecipherable } from '../age-stream.ts';
import { measured, readBounded } from '../measured.ts';
import { listPieces, openPiece, readReach } from './vaulted-wal.ts';
import { pieceKey } from './wal-keys.ts';
import { inForceAt, isOn, segmentOn } from './wal-timelines.ts';

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
  /** The timeline that a recovery has to go along. */
  readonly timeline: number;
}

/** Larger than any piece that is written. Bytes. */
const LARGEST = 64 * 1024 * 1024;

const decompress = promisify(gunzip);

/** Granted nothing: the vault has no log of this cluster's, or none that goes on from the restore point. */
export async function fetchWal(ask: WalToFetch): Promise<Answer<FetchedWal | undefined>> {
  const { store, of, trust, from, until, to, signal } = ask;
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
  const there = new Set(names);
  const last = timeline === present ? segmentNumber(reach.last) : lastOf(timeline, names);
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const name of names.filter((each) => each.endsWith('.history'))) {
    const piece = await fetchPiece(ask, system, name);
    if (!piece.ok) return piece;
  }
  let segments = 0;
  for (let number = segmentOfLsn(lsn.stop); number <= last; number++) {
    const name = segmentOn(timeline, number, reach);
    if (!there.has(name))
      return denied('check-failed', `the WAL segment ${name} isn't in ${store.name}: what follows is of no use`);
    const piece = await fetchPiece(ask, system, name);
    if (!piece.ok) return piece;
    const { holdsUntil, plain } = piece.value;
    if (name === reach.last && plain !== read.subject)
      return denied('check-failed', `the WAL segment ${name} isn't the one that the reach was signed for`);
    segments += 1;
    if (until !== undefined && timelineOf(name) === timeline && holdsUntil >= until) break;
  }
  return granted({ reach, segments, timeline });
}

/** The first segment between a restore point and the log's end that the vault lacks, looked at without reading any. */
export async function missingSegment(
  store: ObjectStore,
  of: WalIdentity,
  { database }: SealedPoint,
  reach: WalReach,
  signal: AbortSignal,
): Promise<string | undefined> {
  const there = new Set(await listPieces(store, of, reach.systemIdentifier, signal));
  const last = segmentNumber(reach.last);
  for (let number = segmentOfLsn(database.lsn?.stop ?? '0/0'); number <= last; number++) {
    const name = segmentOn(timelineOf(reach.last), number, reach);
    if (!there.has(name)) return name;
  }
  return undefined;
}

/** Number of the last segment of a timeline that was left; -1: none of it was brought there. */
function lastOf(timeline: number, names: readonly string[]): number {
  const mine = names.filter((name) => !name.endsWith('.history') && timelineOf(name) === timeline);
  return Math.max(-1, ...mine.map(segmentNumber));
}

/** Writes one piece. Answers until when it holds everything, and what it is. */
async function fetchPiece(
  { store, of, trust, identities, to, signal }: WalToFetch,
  system: string,
  name: string,
): Promise<Answer<{ readonly holdsUntil: Instant; readonly plain: Digest }>> {
  const opened = await openPiece(store, { ...of, systemIdentifier: system, name }, trust, signal);
  if (!opened.ok) return opened;
  const { sealed, plain } = opened.value;
  const bad = (why: string) => denied('check-failed', `the WAL ${name} isn't what was sealed: ${why}`);
  if (sealed.plainSize > LARGEST || sealed.size > LARGEST) return bad('no piece is so large');
  const found = await store.get(pieceKey(of, system, name, 'age'), signal);
  if (found === undefined) return denied('check-failed', `the WAL ${name} isn't in ${store.name}`);
  const cipher = measured(found, sealed.size);
  let bytes: Buffer;
  try {
    const packed = await readBounded(decrypt(cipher.through, identities), LARGEST);
    if (packed === undefined) return bad('it is longer than any');
    bytes = await decompress(packed, { maxOutputLength: LARGEST });
  } catch (error) {
    if (error instanceof Undecipherable)
      return denied('check-failed', `the WAL ${name} can't be decrypted: ${error.message}`);
    const { code } = error as NodeJS.ErrnoException;
    if (code?.startsWith('Z_') || code === 'ERR_BUFFER_TOO_LARGE') return bad('it can’t be decompressed');
    throw error;
  }
  const { size, sha256 } = cipher.result();
  if (size !== sealed.size || sha256 !== sealed.sha256) return bad('its SHA-256 is another one');
  if (bytes.length !== sealed.plainSize || digestOf(bytes) !== plain)
    return bad('PostgreSQL’s own bytes are other ones');
  await writeFile(join(to, name), bytes, { mode: 0o600, flush: true });
  return granted({ holdsUntil: sealed.holdsUntil, plain });
}

function timeText(at: Instant): string {
  return new Date(at).toISOString();
}
