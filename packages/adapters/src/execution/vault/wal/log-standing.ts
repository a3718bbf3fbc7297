import type { SealedPoint, Trust, WalIdentity, WalReach } from '@headgate/documents';
import type { Instant } from '@headgate/domain';
import type { Answer, ObjectStore } from '@headgate/execution';
import type { ListedPoint } from '../vaulted-points.ts';
import { readReach } from './vaulted-wal.ts';
import { firstGap, followsOn, type LogGap, segmentsOnTheWay } from './whole-log.ts';

/** How far a store would come back from a vault, by what lies there now. */
export interface LogStanding {
  readonly reach: Answer<WalReach | undefined>;
  /** The newest restore point that is whole and that the log follows on; absent: there is none, or no log. */
  readonly base?: SealedPoint;
  /** Up to which moment the log comes back from there: the reach, or what lies before the gap. */
  readonly reachedAt?: Instant;
  readonly gap?: LogGap;
}

/** Looks, without reading any piece. `points`: as {@link listVault} lists them, newest first. */
export async function logStanding(
  store: ObjectStore,
  of: WalIdentity,
  trust: Pick<Trust, 'signers'>,
  points: readonly ListedPoint[],
  signal: AbortSignal,
): Promise<LogStanding> {
  const reach = await readReach(store, of, trust, signal);
  const to = reach.ok ? reach.value : undefined;
  const base = to && points.find(({ readable, sealed }) => readable && sealed && followsOn(to, sealed))?.sealed;
  if (to === undefined || base === undefined) return { reach };
  const { systemIdentifier } = to;
  const gap = await firstGap(store, { ...of, systemIdentifier }, trust, segmentsOnTheWay(base, to), signal);
  const reachedAt = gap === undefined ? to.at : gap.until;
  return { reach, base, ...(reachedAt !== undefined && { reachedAt }), ...(gap !== undefined && { gap }) };
}
