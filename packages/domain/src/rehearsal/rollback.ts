/**
 * A rollback rehearsal: a whole promotion and its undo, gone through in an environment that may be without it. These are its
 * facts, as the log and the agents' looks at the cells say them, and what they come to. Nothing here is a customer's value:
 * pseudonymous names, versions, counts, durations.
 */
import type { Digest, Instant } from '../model/identity.ts';
import type { FailureCode } from '../model/outcome.ts';
import type { ReleaseRef } from '../model/release.ts';
import type { ActionKind } from '../plan/plan.ts';
import type { PromotionResult } from '../promotion/state.ts';

/** A step as the log tells that it was done. */
export interface RehearsedStep {
  readonly step: string;
  readonly course: 'forward' | 'back';
  readonly kind: ActionKind;
  readonly at: Instant;
  /** From when an agent took it. Milliseconds. */
  readonly tookMs: number;
  /** The place of its entry on the log. */
  readonly place: number;
}

/** How far a cell came, one way. */
export interface RehearsedWay {
  /** Steps of the plan. */
  readonly planned: number;
  readonly done: number;
  /** Those that were not done, in order; not the soak in which it was taken back. */
  readonly left: readonly string[];
}

export interface RehearsedFailure {
  readonly course: 'forward' | 'back';
  readonly step: string;
  readonly code: FailureCode;
  readonly why: string;
}

export interface RehearsedStoreUndo {
  readonly store: string;
  readonly before: number;
  /** By the release's migrations. */
  readonly reached: number;
  /** What the plan's undo leaves: the schema kept, its migrations undone, or the store restored. */
  readonly promised: number;
  readonly undo: 'kept' | 'undone' | 'restored' | 'untouched';
  /** As its agent saw it afterwards; absent: it didn't. */
  readonly found?: number;
}

export interface RehearsedCell {
  readonly cell: string;
  /** What served its tenants before. */
  readonly before?: ReleaseRef;
  readonly forward: RehearsedWay;
  readonly back: RehearsedWay;
  readonly steps: readonly RehearsedStep[];
  /** Failures that were not made good by trying again. */
  readonly failures: readonly RehearsedFailure[];
  /** How its rollout settled; absent: it has not. */
  readonly settled?: string;
  /** Checks of the version before, after the undo; absent: none brought a result. */
  readonly verified?: { readonly passed: number; readonly failed: number };
  /** Each store that the plan's undo reconciles; without `agrees` it was not compared. */
  readonly reconciled: readonly { readonly store: string; readonly agrees?: boolean; readonly asked?: number }[];
  /** When its agent's look came in that tells of the following; absent: nobody looked since the undo. */
  readonly seenAt?: Instant;
  readonly tenants: {
    readonly moved: number;
    /** Of all in the cell: as they were before. */
    readonly back: number;
    readonly elsewhere: readonly string[];
  };
  readonly stores: readonly RehearsedStoreUndo[];
  /** Slots that hold something else than the plan's undo leaves there; without a version: nothing. */
  readonly slots: readonly { readonly slot: string; readonly promised?: string; readonly found?: string }[];
  readonly drift: readonly { readonly store: string; readonly why: string }[];
}

/** Requests that were sent meanwhile, one way. */
export interface TrafficCount {
  readonly requests: number;
  readonly failed: number;
  /** Of those that were answered well. Milliseconds. */
  readonly slowestMs: number;
  /** The longest time without a good answer, of any address. Milliseconds. */
  readonly outageMs: number;
}

export interface RehearsedTraffic {
  /** Without what stands behind a question mark. */
  readonly addresses: readonly string[];
  /** Between two requests to one address. Milliseconds. */
  readonly everyMs: number;
  readonly forward: TrafficCount;
  readonly back: TrafficCount;
}

export interface RollbackRehearsalFacts {
  /** When it ended, by the log's clock. */
  readonly at: Instant;
  readonly promotion: string;
  readonly application: string;
  readonly environment: string;
  readonly release: ReleaseRef;
  readonly plan: Digest;
  readonly envelope: Digest;
  /** Places of the first and the last entry that this was read from. */
  readonly log: { readonly from: number; readonly to: number };
  readonly waves: number;
  readonly opened: number;
  /** Migrations that were run on the way, each file once; what was in a store already was not. */
  readonly migrations: readonly { readonly id: string; readonly to: number; readonly file: Digest }[];
  /** When its first wave opened; when the last step forward was done; when it was turned back, by whom and why; its end. */
  readonly begunAt?: Instant;
  readonly reachedAt?: Instant;
  readonly turned?: { readonly at: Instant; readonly by: string; readonly because: string };
  readonly endedAt?: Instant;
  readonly result?: PromotionResult;
  readonly cells: readonly RehearsedCell[];
  /** So many cells more, of which there is no room to tell. */
  readonly untold?: number;
  /** Absent: nobody sent any. */
  readonly traffic?: RehearsedTraffic;
}

/** What gates and people go by. */
export interface RollbackRehearsalResult {
  /** All of it was gone through and looked at, and nothing was wrong. */
  readonly ok: boolean;
  /** What was wrong, each in words. */
  readonly because: readonly string[];
  /** What isn't known, each in words. Such a rehearsal isn't ok. */
  readonly missing: readonly string[];
  /** From the first wave's opening until the last step but its soak was done. Milliseconds. */
  readonly forwardMs?: number;
  /** From the decision to go back until all was back, reconciled and verified. Milliseconds. */
  readonly backMs?: number;
  /** The longest time without a good answer, either way. Milliseconds; absent: nobody sent any requests. */
  readonly longestOutageMs?: number;
}

/** What the facts come to. A rehearsal that did not come to its end has not passed. */
export function judgeRollbackRehearsal(facts: RollbackRehearsalFacts): RollbackRehearsalResult {
  const { begunAt, reachedAt, turned, endedAt, traffic } = facts;
  const because = [...wrongOnTheWay(facts), ...facts.cells.flatMap(wrongInCell)];
  const missing = because.length > 0 ? [] : missingIn(facts);
  return {
    ok: because.length === 0 && missing.length === 0,
    because,
    missing,
    ...(begunAt !== undefined && reachedAt !== undefined && { forwardMs: Math.max(0, reachedAt - begunAt) }),
    ...(turned !== undefined && endedAt !== undefined && { backMs: Math.max(0, endedAt - turned.at) }),
    ...(traffic !== undefined && { longestOutageMs: Math.max(traffic.forward.outageMs, traffic.back.outageMs) }),
  };
}

function wrongOnTheWay({ result, opened, waves, turned }: RollbackRehearsalFacts): readonly string[] {
  return [
    ...(result === undefined || result === 'rolled-back' ? [] : [`it ended ${result}, and was not taken back`]),
    ...(turned !== undefined && opened < waves
      ? [`it was taken back after wave ${opened} of ${waves}: ${turned.because}`]
      : []),
  ];
}

function wrongInCell(cell: RehearsedCell): readonly string[] {
  const { failures, forward, verified, reconciled, tenants, stores, slots, drift } = cell;
  const at = `of cell ${cell.cell}`;
  const version = cell.before?.version ?? 'what served them';
  return [
    ...failures.map(
      ({ step, course, code, why }) => `step ${step} ${at} failed on the way ${course} (${code}): ${why}`,
    ),
    // What failed is the reason for what was left.
    ...(failures.length > 0
      ? []
      : forward.left.map((step) => `step ${step} ${at} was not done before it was taken back`)),
    ...(verified !== undefined && verified.failed > 0
      ? [`${verified.failed} ${verified.failed === 1 ? 'check' : 'checks'} ${at} failed after the undo`]
      : []),
    ...reconciled
      .filter(({ agrees }) => agrees === false)
      .map(
        ({ store, asked = 0 }) =>
          `the two sides of store ${store} ${at} differ after the undo, ${asked} put before a person`,
      ),
    ...(tenants.elsewhere.length > 0
      ? [
          `${tenants.elsewhere.slice(0, 5).join(', ')}${andMore(tenants.elsewhere.length - 5)} ${at} not back on ${version}`,
        ]
      : []),
    ...stores
      .filter(({ found, promised }) => found !== undefined && found !== promised)
      .map(
        ({ store, found, promised }) =>
          `store ${store} ${at} is at schema ${found}, the plan’s undo leaves ${promised}`,
      ),
    ...slots.map(
      ({ slot, promised, found }) =>
        `slot ${slot} ${at} holds ${found ?? 'nothing'} after the undo, it should hold ${promised ?? 'nothing'}`,
    ),
    ...drift.map(({ store, why }) => `store ${store} ${at} has drifted: ${why}`),
  ];
}

function andMore(more: number): string {
  return more > 0 ? ` and ${more} more` : '';
}

function missingIn(facts: RollbackRehearsalFacts): readonly string[] {
  const { begunAt, reachedAt, turned, endedAt, result, cells, untold = 0, traffic, opened, waves } = facts;
  return [
    ...(begunAt === undefined ? ['no wave of it opened'] : []),
    ...(begunAt !== undefined && (opened < waves || reachedAt === undefined)
      ? ['it didn’t come to its last wave']
      : []),
    ...(turned === undefined ? ['it was never taken back'] : []),
    ...(turned !== undefined && (endedAt === undefined || result === undefined) ? ['its undo has not ended'] : []),
    ...(cells.length === 0 ? ['no cell is told of'] : []),
    ...(untold > 0 ? [`${untold} cells are not told of: there is no room for more`] : []),
    ...cells.flatMap(missingInCell),
    ...(traffic !== undefined && traffic.forward.requests === 0 ? ['no request was sent on the way forward'] : []),
    ...(traffic !== undefined && traffic.back.requests === 0 ? ['no request was sent on the way back'] : []),
  ];
}

function missingInCell({
  cell,
  back,
  settled,
  verified,
  reconciled,
  seenAt,
  stores,
  before,
}: RehearsedCell): readonly string[] {
  const at = `of cell ${cell}`;
  return [
    ...(before === undefined ? [`what served the tenants ${at} before isn’t known`] : []),
    ...(back.planned === 0 ? [`nothing ${at} was taken back`] : []),
    ...(back.left.length > 0 ? [`step ${back.left[0]} ${at} was not done${andMore(back.left.length - 1)}`] : []),
    ...(settled === 'undone' ? [] : [`the rollout ${at} has not settled as undone`]),
    ...(verified === undefined || verified.passed === 0 ? [`nothing ${at} was verified after the undo`] : []),
    ...reconciled
      .filter(({ agrees }) => agrees === undefined)
      .map(({ store }) => `the two sides of store ${store} ${at} were not compared after the undo`),
    ...(seenAt === undefined ? [`nobody looked at cell ${cell} after the undo`] : []),
    ...(seenAt === undefined
      ? []
      : stores
          .filter(({ found }) => found === undefined)
          .map(({ store }) => `the schema’s version of store ${store} ${at} wasn’t seen after the undo`)),
  ];
}

/** What a signed statement says of it, for a gate and for people. */
export interface RollbackRehearsalEvidence extends RollbackRehearsalResult {
  readonly environment: string;
  readonly promotion: string;
  /** When it ended, by the log's clock. */
  readonly at: Instant;
  /** The files of the migrations that were run on the way. */
  readonly migrated: readonly Digest[];
  /** Requests both ways; absent: nobody sent any. */
  readonly traffic?: { readonly requests: number; readonly failed: number };
}

/** Reasons that are told there; one is enough to stop. */
const MOST_REASONS = 10;
const MOST_CHARACTERS = 300;

/** The same facts, as short as a gate needs them. */
export function rollbackRehearsalEvidence(facts: RollbackRehearsalFacts): RollbackRehearsalEvidence {
  const { because, missing, ...result } = judgeRollbackRehearsal(facts);
  const short = (texts: readonly string[]) =>
    texts.slice(0, MOST_REASONS).map((each) => each.slice(0, MOST_CHARACTERS).toWellFormed());
  const { environment, promotion, at, traffic, migrations } = facts;
  return {
    environment,
    promotion,
    at,
    migrated: migrations.map(({ file }) => file),
    ...result,
    because: short(because),
    missing: short(missing),
    ...(traffic !== undefined && {
      traffic: {
        requests: traffic.forward.requests + traffic.back.requests,
        failed: traffic.forward.failed + traffic.back.failed,
      },
    }),
  };
}
