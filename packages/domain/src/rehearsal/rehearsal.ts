/**
 * A rehearsal: a release's migrations run forward, back and forward on a copy of a store. These are its facts, and what
 * they come to. Nothing here is a customer's value: names of objects, counts, durations.
 */
import type { Digest, Instant } from '../model/identity.ts';
import type { MigrationPhase } from '../model/release.ts';
import { type BusinessEvidence, type BusinessFacts, businessEvidence, businessReasons } from './business.ts';
import type { Difference } from './compare.ts';
import type { PlanChange } from './plan-change.ts';
import type { MigrationTime } from './promised.ts';
import { lineText, longestStallMs, type Stall, type TracedFile } from './trace.ts';
import { type UnderLoadEvidence, type UnderLoadFacts, underLoadEvidence, underLoadReasons } from './under-load.ts';

/** What a copy was made from. */
export interface CopyOrigin {
  /** `restore-point`: of the store; `dump`: read from the database itself; `template`: copied within its server. */
  readonly how: 'restore-point' | 'dump' | 'template';
  /** A restore point's id, or the database's name. */
  readonly of: string;
  /** The moment that it holds. */
  readonly takenAt: Instant;
  /** Of a restore point: its manifest's digest. */
  readonly manifest?: Digest;
}

/** The store that a copy is of. */
export interface RehearsedStore {
  readonly environment?: string;
  readonly cell?: string;
  readonly store: string;
}

/** A migration as it was rehearsed. */
export interface RehearsedMigration {
  readonly id: string;
  readonly from: number;
  readonly to: number;
  readonly phase: MigrationPhase;
  readonly undo: 'keep' | 'down' | 'restore';
  readonly up: Digest;
  readonly down?: Digest;
  /** What its way back says of itself that it loses (`-- headgate:lossy …`). */
  readonly lossy?: string;
}

export type Direction = 'forward' | 'back' | 'forward-again';

/** All migrations, one way. */
export interface Pass {
  readonly direction: Direction;
  readonly durationMs: number;
  readonly files: readonly TracedFile[];
  readonly stalls: readonly Stall[];
  /** Tables that nobody read or wrote meanwhile, though the migration held them: there are only so many sessions. */
  readonly unwatched: readonly string[];
}

/** Two states compared. */
export interface Comparison {
  /** `back`: before the first way forward with after the way back; `again`: after the one with after the other. */
  readonly what: 'back' | 'again';
  readonly differences: readonly Difference[];
}

export interface RehearsalFacts {
  readonly at: Instant;
  readonly from: RehearsedStore;
  readonly copy: CopyOrigin & {
    /** PostgreSQL's major version. */
    readonly server: number;
    readonly bytes: number;
    readonly rows: number;
    /** Until it could be used: a restore drill's time. Milliseconds. */
    readonly readyMs: number;
    /** Digest of the rules that it was masked by. */
    readonly maskedBy?: Digest;
  };
  /** `headgate`: a file is one transaction, as the migrator runs it; `psql`: each statement as it stands. */
  readonly runner: 'headgate' | 'psql';
  readonly schema: { readonly from: number; readonly to: number };
  readonly migrations: readonly RehearsedMigration[];
  readonly passes: readonly Pass[];
  readonly comparisons: readonly Comparison[];
  readonly plans: {
    /** Statements that were planned before and after. */
    readonly compared: number;
    readonly source: 'pg_stat_statements' | 'file' | 'none';
    readonly changes: readonly PlanChange[];
  };
  /** The application's transactions on the migrated copy; absent: none was run, `missing` says why. */
  readonly business?: BusinessFacts;
  /** The migrations once more, interrupted and tried again while users work; absent: nobody asked, or `missing` says why not. */
  readonly underLoad?: UnderLoadFacts;
  /** What was not looked at, each in words. */
  readonly missing: readonly string[];
}

/**
 * What the way back came to. `equal`: every object and row as before. `declared-lossy`: not, and the ways back say so.
 * `none`: it doesn't lead to before, since the release declares another one (keep the schema, restore); what there is of it is
 * sound. `different`: nobody said so. `not-reached`.
 */
export type WayBack = 'equal' | 'declared-lossy' | 'none' | 'different' | 'not-reached';

/** What gates and people go by. */
export interface RehearsalResult {
  readonly ok: boolean;
  readonly wayBack: WayBack;
  /** Undefined: nobody read or wrote meanwhile. */
  readonly longestStallMs: number | undefined;
  /** Of the first way forward: what production is promised. */
  readonly durationMs: number;
  /** Why it isn't ok, each in words. */
  readonly because: readonly string[];
}

/** What the facts come to. */
export function judgeRehearsal(facts: RehearsalFacts): RehearsalResult {
  const { passes, migrations, plans } = facts;
  const because: string[] = [];
  for (const { direction, files } of passes)
    for (const { file, failed } of files)
      if (failed !== undefined)
        because.push(`${file} failed on the way ${direction}${lineText(failed)}: ${failed.why}`);
  const failed = because.length > 0;
  const forward = passes.find(({ direction }) => direction === 'forward');
  if (forward === undefined && migrations.length > 0) because.push('it was never run forward');
  const wayBack = wayBackOf(facts, failed || forward === undefined);
  if (wayBack === 'different') because.push('the way back leads to another state than before, and does not say so');
  const again = facts.comparisons.find(({ what }) => what === 'again');
  // Values may be made anew on each way forward (a default of now()); rows and objects may not.
  if (!failed && again?.differences.some(({ kind }) => kind !== 'values') === true)
    because.push('the second way forward led to another schema, or to other rows, than the first');
  for (const change of plans.changes)
    if (change.kind === 'fails') because.push(`a statement of the application fails afterwards: ${change.why}`);
  const forwards = passes.filter(({ direction }) => direction !== 'back');
  because.push(...businessReasons(facts.business), ...underLoadReasons(facts.underLoad));
  const felt = forwards.flatMap(({ stalls }) => stalls);
  const nobody = forwards.some(({ unwatched }) => unwatched.length > 0) || forwards.length === 0;
  return {
    ok: because.length === 0,
    wayBack,
    longestStallMs: nobody && migrations.length > 0 ? undefined : longestStallMs(felt),
    durationMs: forward?.durationMs ?? 0,
    because,
  };
}

function wayBackOf({ comparisons, migrations }: RehearsalFacts, failed: boolean): WayBack {
  if (failed) return 'not-reached';
  const back = comparisons.find(({ what }) => what === 'back');
  const { end, ways } = wayBackEnd(migrations);
  if (back === undefined) return end > 0 || ways === 0 ? 'none' : 'not-reached';
  if (back.differences.length === 0) return end > 0 ? 'none' : 'equal';
  // Losing data can be declared; a schema that isn't the one before can't be.
  const data = back.differences.every(({ kind }) => kind === 'rows' || kind === 'values');
  return data && migrations.slice(end).some(({ lossy }) => lossy !== undefined) ? 'declared-lossy' : 'different';
}

/**
 * How far the ways back lead, as a promotion's undo goes: from the last migration to the first that has none. `end`: how many of the
 * migrations stay; `ways`: those that are led back by a migration of their own. Where one is restored, all are, and none stays.
 */
export function wayBackEnd(
  migrations: readonly { readonly undo: RehearsedMigration['undo']; readonly down?: unknown }[],
): {
  readonly end: number;
  readonly ways: number;
} {
  if (migrations.some(({ undo }) => undo === 'restore')) return { end: 0, ways: 0 };
  const end = migrations.findLastIndex(({ down }) => down === undefined) + 1;
  return { end, ways: migrations.length - end };
}

/** What a signed statement says of a rehearsal, for a gate. */
export interface RehearsalEvidence extends RehearsedStore, Omit<RehearsalResult, 'longestStallMs'> {
  /** When it ended, by the clock of the machine that ran it. */
  readonly at: Instant;
  readonly longestStallMs?: number;
  readonly runner: RehearsalFacts['runner'];
  readonly masked: boolean;
  /** Of which versions business transactions went well on the copy; absent: nobody ran them. */
  readonly business?: BusinessEvidence;
  /** What was seen under load, where that went well; absent: nobody ran it. */
  readonly underLoad?: UnderLoadEvidence;
  /** What was not looked at, each in words. Absent: nothing, or attached when nobody wrote that down. */
  readonly missing?: readonly string[];
  /**
   * What each migration took on the first way forward, in its order: what production is promised. Those that failed promise
   * nothing. Absent: attached when nobody wrote that down.
   */
  readonly migrations?: readonly MigrationTime[];
}

/** Reasons that are told there; one is enough to stop. */
const MOST_REASONS = 20;
/** Of what wasn't looked at: the statement has all of it. */
const MOST_MISSING = 10;

/** The same facts, as short as a gate needs them. */
export function rehearsalEvidence(facts: RehearsalFacts): RehearsalEvidence {
  const { longestStallMs: longest, because, ...result } = judgeRehearsal(facts);
  const business = businessEvidence(facts.business);
  const underLoad = underLoadEvidence(facts.underLoad);
  return {
    ...facts.from,
    ...result,
    because: because.slice(0, MOST_REASONS).map(short),
    ...(longest === undefined ? {} : { longestStallMs: longest }),
    at: facts.at,
    runner: facts.runner,
    masked: facts.copy.maskedBy !== undefined,
    ...(business === undefined ? {} : { business }),
    ...(underLoad === undefined ? {} : { underLoad }),
    ...(facts.missing.length === 0 ? {} : { missing: facts.missing.slice(0, MOST_MISSING).map(short) }),
    migrations: promisedTimes(facts),
  };
}

function short(text: string): string {
  return text.slice(0, 300).toWellFormed();
}

function promisedTimes({ passes }: RehearsalFacts): readonly MigrationTime[] {
  const forward = passes.find(({ direction }) => direction === 'forward');
  return (forward?.files ?? [])
    .filter(({ failed }) => failed === undefined)
    .map(({ migration, durationMs }) => ({ migration, durationMs: Math.round(durationMs) }));
}
