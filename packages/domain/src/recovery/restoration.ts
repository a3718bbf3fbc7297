/**
 * A restoration: something that an agent's machine brought back out of restore points. These are the facts of it, for a signed
 * statement that the log keeps, and in words. Nothing here is a customer's value: names of objects, pseudonyms, counts, moments.
 */
import type { Digest, Instant } from '../model/identity.ts';
import { named } from '../plan/render-words.ts';

/**
 * `beside`: a store, in a place of its own; `in-place`: a store, in its own place; `tenant`: one tenant's rows of a shared store;
 * `exercise`: a whole cell, thrown away again; `rebuild`: a lost cell, for good.
 */
export const RESTORATION_KINDS = ['beside', 'in-place', 'tenant', 'exercise', 'rebuild'] as const;
export type RestorationKind = (typeof RESTORATION_KINDS)[number];

/** `taken-back`: it was begun, and what stood before stands again. */
export const RESTORATION_RESULTS = ['done', 'failed', 'taken-back'] as const;
export type RestorationResult = (typeof RESTORATION_RESULTS)[number];

/** So many are named; more are only counted. */
export const MOST_RESTORED_STORES = 50;
export const MOST_RESTORED_TENANTS = 100;

/** A store as it came back. */
export interface RestoredStore {
  readonly store: string;
  /** The restore point that it came from; absent: it came from none. */
  readonly point?: string;
  readonly schemaVersion?: number;
  /** Of the last transaction that came back; absent: none since the restore point, or nobody looked. */
  readonly lastCommitAt?: Instant;
}

export interface RestorationFacts {
  readonly kind: RestorationKind;
  readonly environment: string;
  readonly cell: string;
  /** At most {@link MOST_RESTORED_STORES}. */
  readonly stores: readonly RestoredStore[];
  /** Whose data came back, by their pseudonyms, at most {@link MOST_RESTORED_TENANTS}; and how many they are. */
  readonly tenants: readonly string[];
  readonly tenantCount: number;
  /** The moment in words, as a sentence goes on: back to … */
  readonly moment: string;
  /** Of what was carried out: a tenant's difference, a proposal, a plan; of a store beside itself: what was asked for. */
  readonly subject: Digest;
  /** Who asked for it, who agreed (by the digest of each signed statement), and why. Absent: nobody said. */
  readonly by?: string;
  readonly approvals: readonly { readonly by: string; readonly digest: Digest }[];
  readonly because?: string;
  /** By the clock of the machine. */
  readonly startedAt: Instant;
  readonly at: Instant;
  /** Rows that came back, were taken away, and changed; of a store in place: that were lost and came back. */
  readonly rows?: { readonly back: number; readonly away: number; readonly changed: number };
  /** Of the signed statement that says more, and lies where it was carried out. */
  readonly statement?: Digest;
  /** Until the first business transaction of an exercise. Milliseconds. */
  readonly rtoMs?: number;
  readonly result: RestorationResult;
  /** What it ended at, if it isn't done: the names of steps. */
  readonly failed?: string;
}

export interface RestorationEvidence extends RestorationFacts {
  /** Digest of the signed statement. */
  readonly evidence: Digest;
  readonly keyId: string;
}

/** What was brought back, to when, and what came of it, in one sentence. */
export function restorationText(facts: RestorationFacts): string {
  const { moment, rows, result, failed, because, approvals } = facts;
  const agreed = approvals.length === 0 ? '' : `, agreed by ${named(approvals.map(({ by }) => by))}`;
  const counted = rows === undefined ? '' : `; ${rowsText(facts, rows)}`;
  const why = because === undefined ? '' : `; because: ${because}`;
  const came = result === 'done' ? '' : `${RESULTS[result]}${failed === undefined ? '' : ` (${failed})`}: `;
  return `${came}${whatText(facts)}, to ${moment}${points(facts)}${counted}${agreed}${why}`;
}

const RESULTS: Readonly<Record<Exclude<RestorationResult, 'done'>, string>> = {
  failed: 'NOT done',
  'taken-back': 'begun and taken back',
};

function whatText({ kind, stores, tenants, tenantCount }: RestorationFacts): string {
  const of = named(stores.map(({ store }) => store));
  switch (kind) {
    case 'beside':
      return `store ${of} brought back beside itself`;
    case 'in-place':
      return `store ${of} brought back IN PLACE, with ${tenantCount === 1 ? `its tenant ${named(tenants)}` : `all of its ${tenantCount} tenants`}`;
    case 'tenant':
      return `rows of ${named(tenants)} in the store ${of} brought back`;
    case 'exercise':
      return 'the cell rebuilt in an exercise, and thrown away';
    case 'rebuild':
      return 'the cell rebuilt for good';
  }
}

function points({ kind, stores }: RestorationFacts): string {
  const from = stores.flatMap(({ point }) => point ?? []);
  if (from.length === 0) return '';
  return kind === 'exercise' || kind === 'rebuild'
    ? ` (${stores.length} store${stores.length === 1 ? '' : 's'})`
    : ` (from ${from[0]})`;
}

function rowsText({ kind }: RestorationFacts, { back, away, changed }: NonNullable<RestorationFacts['rows']>): string {
  return kind === 'in-place'
    ? `${away} rows lost, ${back} came back`
    : `${back} rows came back, ${away} taken away, ${changed} changed`;
}
