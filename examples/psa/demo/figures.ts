/**
 * The closing figures of a run, each measured at its target: customers' requests in the load's own journal, writes in the
 * stores, postings in the ERP's ledger, times in what the agents read back, the log against the head that the agent holds.
 */
import type { LogEntry } from '@headgate/documents';
import type { Promotion, StepResult } from '@headgate/domain';
import type { Database } from '../app/core/database.ts';
import {
  type AuditedStore,
  agreement,
  customersAway,
  customersThere,
  doubledPostings,
  failedRequests,
  lostWrites,
  type Stretch,
} from '../audit.ts';

/** The last line of `npm start -- --once --json`. */
export interface ClosingLine {
  readonly promoted: string;
  readonly rolledBack: string;
  readonly failedRequests: Readonly<Record<string, number>>;
  /** From the verdict that a check failed to safe traffic. */
  readonly detectToSafeMs: number | null;
  /** From the first look of that check that failed; it looks again, as its document says, before it judges. */
  readonly firstFailingLookToSafeMs: number | null;
  readonly lostWrites: number;
  readonly doubledPostings: number;
  readonly reconciled: number;
  readonly logEntries: number;
  readonly logVerified: boolean;
}

export interface WaveFigures {
  readonly wave: number;
  readonly ring: string;
  readonly durationMs: number;
}

/** What one promotion to one environment came to, by the log. */
export interface PromotionFigures {
  readonly id: string;
  readonly version: string;
  readonly environment: string;
  readonly result: string;
  readonly from: number;
  readonly to: number;
  readonly waves: readonly WaveFigures[];
  readonly restorePoints: number;
  readonly detectToSafeMs: number | null;
  readonly firstFailingLookToSafeMs: number | null;
  readonly replayed: number;
  readonly acknowledged: number;
  readonly asked: number;
  readonly failed: {
    readonly count: number;
    readonly requests: number;
    readonly byTenant: Readonly<Record<string, number>>;
    /** For so long no customer was there, or what they met isn't known: that none failed then says nothing. */
    readonly awayMs: number;
  };
}

export interface Closing {
  readonly line: ClosingLine;
  readonly promotions: readonly PromotionFigures[];
  /** First findings in words, for people who must look. */
  readonly findings: readonly string[];
  /** What has no data behind it, in words: a figure of it isn't good, however it looks. */
  readonly unmeasured: readonly string[];
  readonly agrees: boolean;
  readonly postings: number;
  readonly checkedWrites: number;
  readonly invoicedCents: bigint;
  readonly postedCents: bigint;
}

export interface Measured {
  /** All entries of the log, in their places. */
  readonly entries: readonly LogEntry[];
  readonly log: { readonly ok: boolean; readonly entries: number; readonly why?: string };
  readonly journalFile: string;
  readonly stores: readonly AuditedStore[];
  readonly erp: Database;
  /** Ring names by wave number, from the plans. */
  readonly rings: ReadonlyMap<string, readonly string[]>;
}

interface History {
  readonly id: string;
  readonly requested: Pick<Promotion, 'environment' | 'release'>;
  readonly own: readonly LogEntry[];
  readonly rollouts: readonly LogEntry[];
}

/** Measures everything once the load has ended and the books have settled. */
export async function closingFigures(measured: Measured): Promise<Closing> {
  const { journalFile, stores, erp } = measured;
  const there = await customersThere(journalFile);
  const promotions: PromotionFigures[] = [];
  for (const history of historiesOf(measured.entries))
    promotions.push(await promotionFigures(history, measured, there));
  const lost = await lostWrites({ journalFile, stores });
  const doubled = await doubledPostings({ erp });
  const books = await agreement({ stores, erp });
  const last = promotions.findLast((p) => p.environment === 'production' && p.result === 'promoted');
  const back = promotions.findLast((p) => p.result === 'rolled-back');
  const failed: Record<string, number> = {};
  for (const p of promotions) failed[p.version] = (failed[p.version] ?? 0) + p.failed.count;
  const unmeasured = [
    ...promotions
      .filter((p) => p.failed.requests === 0)
      .map((p) => `no request of a customer ended during ${p.version} → ${p.environment}`),
    ...promotions
      .filter((p) => p.failed.requests > 0)
      .filter((p) => p.failed.awayMs > 0)
      .map(
        (p) =>
          `${Math.round(p.failed.awayMs / 1_000)} s of ${p.version} → ${p.environment} went by without customers whose journal is whole`,
      ),
    ...(lost.checked === 0 ? ['no acknowledged write was compared with the stores'] : []),
    ...(doubled.postings === 0 ? ['no posting stands in the ERP’s ledger'] : []),
    ...(books.tenants.every((t) => t.invoices === 0) ? ['no invoice was compared with the ledger'] : []),
  ];
  return {
    promotions,
    agrees: books.agrees,
    postings: doubled.postings,
    checkedWrites: lost.checked,
    invoicedCents: books.tenants.reduce((sum, t) => sum + t.invoicedCents, 0n),
    postedCents: books.tenants.reduce((sum, t) => sum + t.postedCents, 0n),
    unmeasured,
    findings: [
      ...unmeasured,
      ...lost.first,
      ...doubled.first,
      ...books.first,
      ...(measured.log.why === undefined ? [] : [`log: ${measured.log.why}`]),
    ],
    line: {
      promoted: last?.version ?? '',
      rolledBack: back?.version ?? '',
      failedRequests: failed,
      detectToSafeMs: back?.detectToSafeMs ?? null,
      firstFailingLookToSafeMs: back?.firstFailingLookToSafeMs ?? null,
      lostWrites: lost.count,
      doubledPostings: doubled.count,
      // What stays apart after the rollback isn't reconciled, whatever the steps said.
      reconciled: books.agrees ? promotions.reduce((sum, p) => sum + p.replayed + p.acknowledged, 0) : 0,
      logEntries: measured.log.entries,
      logVerified: measured.log.ok,
    },
  };
}

function historiesOf(entries: readonly LogEntry[]): readonly History[] {
  const requested = entries.filter((e) => e.type === 'promotion.requested');
  return requested.map((entry) => {
    const data = entry.data as unknown as Pick<Promotion, 'id' | 'environment' | 'release'>;
    return {
      id: data.id,
      requested: data,
      own: entries.filter((e) => e.stream === `promotion/${data.id}`),
      rollouts: entries.filter((e) => e.stream.startsWith(`rollout/${data.id}.`)),
    };
  });
}

async function promotionFigures(
  history: History,
  measured: Measured,
  there: readonly Stretch[],
): Promise<PromotionFigures> {
  const { id, own, rollouts, requested } = history;
  const from = own[0]?.at ?? 0;
  const end = own.find((e) => e.type === 'promotion.ended' || e.type === 'promotion.kept');
  // The rollouts let go of their cells a moment after the promotion ended; requests until then belong to it.
  const to = Math.max(end?.at ?? Date.now(), ...rollouts.map((e) => e.at)) + 1;
  const done = rollouts
    .filter((e) => e.type === 'rollout.step-done')
    .map((e) => (e.data as { result: StepResult }).result);
  const sums = done.flatMap((r) => r.reconciliation ?? []);
  const sum = (field: 'replayed' | 'acknowledged' | 'asked'): number => sums.reduce((total, r) => total + r[field], 0);
  const failed = await failedRequests({ journalFile: measured.journalFile, from, to });
  const awayMs = customersAway(there, { from, to }).reduce((total, each) => total + each.to - each.from, 0);
  return {
    id,
    version: requested.release.version,
    environment: requested.environment,
    result: end === undefined ? 'open' : String((end.data as { result?: string }).result ?? 'partly-rolled-back'),
    from,
    to,
    waves: wavesOf(own, to, measured.rings.get(id) ?? []),
    restorePoints: done.filter((r) => r.restorePoint?.verified === true).length,
    detectToSafeMs: detectToSafe(rollouts),
    firstFailingLookToSafeMs: firstFailingLookToSafe(rollouts),
    replayed: sum('replayed'),
    acknowledged: sum('acknowledged'),
    asked: sum('asked'),
    failed: { count: failed.count, requests: failed.requests, byTenant: failed.byTenant, awayMs },
  };
}

function wavesOf(own: readonly LogEntry[], to: number, rings: readonly string[]): readonly WaveFigures[] {
  const opened = own.filter((e) => e.type === 'promotion.wave-opened');
  return opened.map((e, i) => {
    const { wave } = e.data as unknown as { wave: number };
    // A wave ends when the next one opens, when the promotion turns back, or with the promotion.
    const turned = own.find((o) => o.at >= e.at && o.type === 'promotion.rollback-decided')?.at;
    const next = opened[i + 1]?.at ?? turned ?? to;
    return { wave, ring: rings[wave - 1] ?? `wave ${wave}`, durationMs: next - e.at };
  });
}

/**
 * From the verdict that a check failed (of several the first) to the moment at which the last affected tenant's traffic was
 * read back on the stable slot: how long Headgate takes once it knows. Both are times of the agent's machine, taken at the
 * target. Null when there was no such failure, or when no route back was read back: a missing measure is never a good one.
 */
export function detectToSafe(rollouts: readonly LogEntry[]): number | null {
  return toSafe(rollouts, ({ at }) => at);
}

/**
 * The same from the first look that failed: what customers may have felt. In between the check looked again, for as long as
 * its document allows (here about 2.5 s, in which an invoice may reach the ledger). Null also where an agent didn't say when that was.
 */
export function firstFailingLookToSafe(rollouts: readonly LogEntry[]): number | null {
  return toSafe(rollouts, ({ since }) => since);
}

type Failure = NonNullable<NonNullable<StepResult['checks']>['firstFailure']>;

function toSafe(rollouts: readonly LogEntry[], begins: (failure: Failure) => number | undefined): number | null {
  let from = Number.POSITIVE_INFINITY;
  let safe = Number.NEGATIVE_INFINITY;
  for (const { type, data } of rollouts) {
    const { step, result } = data as { step?: string; result?: StepResult };
    const failure = result?.checks?.firstFailure;
    // One failure whose beginning nobody said may be the first.
    if (type === 'rollout.step-failed' && failure !== undefined) from = Math.min(from, begins(failure) ?? Number.NaN);
    if (type === 'rollout.step-done' && step === 'undo.route' && result?.observedAt !== undefined)
      safe = Math.max(safe, result.observedAt);
  }
  return Number.isFinite(from) && Number.isFinite(safe) ? safe - from : null;
}
