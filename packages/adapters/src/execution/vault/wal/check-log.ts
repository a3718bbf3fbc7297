import type { SealedPoint } from '@headgate/documents';
import type { Instant } from '@headgate/domain';
import { type Answer, denied, granted } from '@headgate/execution';
import { checkPiece, type PieceAsk, readPiece } from './read-piece.ts';
import { readReach } from './vaulted-wal.ts';
import { firstGap, followsOn, gapText, segmentsOnTheWay } from './whole-log.ts';

export interface CheckedLog {
  readonly segments: number;
  readonly reachedAt: Instant;
}

/**
 * Reads the log from a restore point on, a piece at a time; with identities it is decrypted, too. Granted nothing: no log
 * follows on it. What is plainly gone is said before anything is read.
 */
export async function checkLog(
  ask: PieceAsk,
  from: SealedPoint,
  identities: readonly string[] | undefined,
): Promise<Answer<CheckedLog | undefined>> {
  const { store, of, trust, signal } = ask;
  const read = await readReach(store, of, trust, signal);
  if (!read.ok) return read;
  const reach = read.value;
  if (reach === undefined || !followsOn(reach, from)) return granted(undefined);
  const { systemIdentifier: system } = reach;
  const names = segmentsOnTheWay(from, reach);
  const gap = await firstGap(store, { ...of, systemIdentifier: system }, trust, names, signal);
  if (gap !== undefined) return denied('check-failed', gapText(gap));
  let until: Instant | undefined;
  for (const name of names) {
    const piece =
      identities === undefined ? await checkPiece(ask, system, name) : await readPiece(ask, identities, system, name);
    const wrong = !piece.ok
      ? piece.why
      : name === reach.last && piece.value.plain !== read.subject
        ? `the WAL segment ${name} isn't the one that the reach was signed for`
        : undefined;
    if (wrong !== undefined)
      return denied('check-failed', gapText({ segment: name, why: wrong, ...(until !== undefined && { until }) }));
    if (piece.ok && piece.value.holdsUntil > 0) until = piece.value.holdsUntil;
  }
  return granted({ segments: names.length, reachedAt: reach.at });
}
