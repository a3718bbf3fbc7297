/**
 * A restore drill: a restore point brought back from its vault into a throw-away place, compared with what was promised, and
 * timed. These are its facts, and what they come to. Nothing here is a customer's value: names of objects, counts, durations.
 */

import { durationText } from '../model/duration.ts';
import type { Digest, Instant } from '../model/identity.ts';
import type { CensusComparison, CensusDifference } from './census.ts';
import { isDatedAhead } from './dated-ahead.ts';

/** The store that was drilled. */
export interface DrilledStore {
  readonly environment: string;
  readonly cell: string;
  readonly store: string;
}

/** The restore point that was brought back, as its signed manifest says. */
export interface DrilledPoint {
  readonly id: string;
  readonly takenAt: Instant;
  /** When all of it lay in the vault: until then the one before was the newest there. */
  readonly sealedAt: Instant;
  /** Digest of its own manifest. */
  readonly manifest: Digest;
  readonly schemaVersion: number;
  readonly form: 'physical' | 'dump';
  /** PostgreSQL's major version. */
  readonly major: number;
  readonly bytes: number;
  readonly files: number;
  /** Of the moment that it holds. */
  readonly lsn?: string;
}

/** A store's write-ahead log, as far as it lies in the vault. */
export interface DrilledWal {
  /** Segments that were brought back, or that lie before a gap. */
  readonly segments: number;
  /** What was acknowledged before then lies in the vault, and when that was known. */
  readonly reachedAt: Instant;
  readonly sealedAt: Instant;
  /** Between two rounds. Milliseconds. */
  readonly everyMs?: number;
  /** The log's place at that moment. */
  readonly lsn: string;
  /** Whether what came back had come to that place; absent: it didn't come so far. */
  readonly replayed?: boolean;
}

export interface DrillFacts {
  readonly from: DrilledStore;
  /** By the clock of the machine that drilled. */
  readonly startedAt: Instant;
  readonly at: Instant;
  /** Absent: there is none, or none that is right. */
  readonly point?: DrilledPoint;
  /** Between two restore points, where they are taken by schedule. Milliseconds. */
  readonly everyMs?: number;
  /** The log that was brought back with it; absent: the vault has none of this store, and the restore point's own moment came back. */
  readonly wal?: DrilledWal;
  /** How far it came, each from the beginning. Milliseconds. */
  readonly took: {
    /** Fetched from the vault: signature, parts, every file by its SHA-256. */
    readonly fetchedMs?: number;
    /** The database takes connections. */
    readonly restoredMs?: number;
    /** The first business transaction succeeded. */
    readonly firstTransactionMs?: number;
    readonly comparedMs?: number;
    readonly checkedMs?: number;
  };
  /** Version of the schema that came back. */
  readonly schemaVersion?: number;
  /** Rows against the restore point's promise; absent: it promises none, or it didn't come so far. */
  readonly census?: CensusComparison;
  /** Files beside the database, read back where they were laid out. */
  readonly files?: { readonly compared: number; readonly wrong: readonly string[] };
  /** PostgreSQL's own check of tables and indexes. `problems`: what it found, in its words. */
  readonly amcheck?: { readonly problems: readonly string[] };
  /** The application's business transactions; absent: none are declared. `failed`: in words. */
  readonly transactions?: { readonly failed?: string };
  /** Why it did not come to its end. */
  readonly ended?: string;
}

/** What gates and people go by. */
export interface DrillResult {
  /** Everything was compared, and nothing was wrong. */
  readonly ok: boolean;
  /** What was wrong, each in words. */
  readonly because: readonly string[];
  /** What nobody looked at, each in words. Such a drill isn't ok. */
  readonly missing: readonly string[];
  /** From the beginning until the store could be used again; absent: it never could. Milliseconds. */
  readonly rtoMs?: number;
  /** Until when that was measured. */
  readonly rtoUntil?: 'first-transaction' | 'last-comparison';
  /**
   * What would be lost: the age of the last moment that came back as the drill began, and never less than passes by its schedule
   * until the next one lies in the vault. Milliseconds; absent: there is nothing to bring back.
   */
  readonly rpoMs?: number;
}

/** What the facts come to. A drill that did not come to its end has not passed. */
export function judgeDrill(facts: DrillFacts): DrillResult {
  const { point, took } = facts;
  const because = [
    ...(facts.ended === undefined ? [] : [facts.ended]),
    ...(point === undefined || facts.schemaVersion === undefined || facts.schemaVersion === point.schemaVersion
      ? []
      : [`schema version ${facts.schemaVersion} came back, ${point.schemaVersion} was promised`]),
    ...(facts.wal?.replayed === false
      ? [`what came back ends before ${facts.wal.lsn}, up to which its log lies there`]
      : []),
    ...(facts.census?.differences ?? []).map(differenceText),
    ...(facts.files?.wrong ?? []).map((path) => `the file ${path} isn't what was promised`),
    ...(facts.amcheck?.problems ?? []).map((each) => `pg_amcheck: ${each}`),
    ...(facts.transactions?.failed === undefined ? [] : [`business transactions: ${facts.transactions.failed}`]),
  ];
  const missing = because.length > 0 ? [] : missingIn(facts);
  const lost = point === undefined ? undefined : lostMs(point, facts);
  const first = took.firstTransactionMs;
  const measured = first ?? (facts.transactions === undefined ? took.comparedMs : undefined);
  return {
    ok: because.length === 0 && missing.length === 0,
    because,
    missing,
    ...(measured !== undefined && {
      rtoMs: measured,
      rtoUntil: first === undefined ? ('last-comparison' as const) : ('first-transaction' as const),
    }),
    ...(lost !== undefined && { rpoMs: lost }),
  };
}

/**
 * With its log the age of the log's end, and never less than passes until more of it lies there. Without: by a schedule the next
 * restore point is begun so long after this one, and counts once it is sealed, which takes as long as this one's did. Undefined: all of
 * that is dated ahead of the drill, by a clock that jumped, so that nobody knows.
 */
function lostMs({ takenAt, sealedAt }: DrilledPoint, { startedAt, everyMs, wal }: DrillFacts): number | undefined {
  const since = (moments: readonly Instant[]): number | undefined => {
    const known = moments.filter((at) => !isDatedAhead(at, startedAt));
    return known.length === 0 ? undefined : startedAt - Math.max(...known);
  };
  // What broke off before the log was replayed says nothing against it: it reaches as far as what lies there does.
  const follows = wal !== undefined && wal.replayed !== false;
  const passes = follows
    ? (wal.everyMs ?? 0) + Math.max(0, wal.sealedAt - wal.reachedAt)
    : everyMs === undefined
      ? 0
      : everyMs + Math.max(0, sealedAt - takenAt);
  const age = since(follows ? [wal.reachedAt, takenAt] : [takenAt]);
  return age === undefined ? undefined : Math.max(0, passes, age);
}

function missingIn(facts: DrillFacts): readonly string[] {
  const { point, took, schemaVersion, census, files, amcheck } = facts;
  return [
    ...(point === undefined ? ['no restore point was brought back'] : []),
    ...(schemaVersion === undefined ? ['the schema’s version that came back isn’t known'] : []),
    ...(census === undefined
      ? ['the restore point promises no rows (vault.census): none could be compared']
      : census.unsettled.map((each) => `${each} was written to in that very moment: it couldn’t be compared`)),
    ...(files === undefined ? ['the files beside the database weren’t read back'] : []),
    ...(amcheck === undefined ? ['tables and indexes weren’t checked (pg_amcheck)'] : []),
    ...(took.comparedMs === undefined ? ['it was never timed'] : []),
    ...(point !== undefined && lostMs(point, facts) === undefined
      ? [`${point.id} is dated ahead of the drill: what would be lost nobody knows`]
      : []),
  ];
}

export function differenceText({ relation, kind, promised, found }: CensusDifference): string {
  switch (kind) {
    case 'gone':
      return `the table ${relation} did not come back`;
    case 'new':
      return `the table ${relation} came back and wasn't promised`;
    case 'rows':
      return `${relation} came back with ${found} rows, ${promised} were promised`;
    case 'values':
      return `${relation} came back with other values in its ${found} rows than were promised`;
  }
}

/** What a signed statement says of a drill, for a gate and for people. */
export interface DrillEvidence extends DrilledStore, DrillResult {
  /** When it ended, by the clock of the machine that drilled. */
  readonly at: Instant;
  /** The restore point; absent: there was none, or none that is right. */
  readonly point?: string;
  readonly takenAt?: Instant;
  /** Digest of the signed statement. */
  readonly evidence: Digest;
  readonly keyId: string;
}

/** Reasons that are told there; one is enough to stop. */
const MOST_REASONS = 10;
const MOST_CHARACTERS = 300;

/** The same facts, as short as a gate needs them. */
export function drillEvidence(facts: DrillFacts, evidence: Digest, keyId: string): DrillEvidence {
  const { because, missing, ...result } = judgeDrill(facts);
  const short = (texts: readonly string[]) =>
    texts.slice(0, MOST_REASONS).map((each) => each.slice(0, MOST_CHARACTERS).toWellFormed());
  const { environment, cell, store } = facts.from;
  return {
    environment,
    cell,
    store,
    ...result,
    because: short(because),
    missing: short(missing),
    at: facts.at,
    ...(facts.point !== undefined && { point: facts.point.id, takenAt: facts.point.takenAt }),
    evidence,
    keyId,
  };
}

/** The time that a drill measured, in words that say until when. */
export function rtoText({ rtoMs, rtoUntil }: Pick<DrillResult, 'rtoMs' | 'rtoUntil'>): string {
  if (rtoMs === undefined) return 'the store never was usable';
  const until = rtoUntil === 'first-transaction' ? 'the first business transaction' : 'the last comparison';
  return `${durationText(Math.round(rtoMs))} until ${until}`;
}
