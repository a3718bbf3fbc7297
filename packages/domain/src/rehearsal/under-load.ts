/**
 * The migrations under upgrade conditions: users work with the version that serves while they run, are interrupted and are
 * tried again, as a promotion would try them. These are the facts, and what they come to.
 */
import type { Digest } from '../model/identity.ts';
import type { ReleaseRef } from '../model/release.ts';
import type { Difference } from './compare.ts';
import { differenceText } from './compare.ts';
import type { Moment } from './interruptions.ts';
import type { Stall } from './trace.ts';

/** What the users' sessions felt in one stretch of time. */
export interface Felt {
  /** Business transactions that ended in it, each of one tenant. */
  readonly transactions: number;
  readonly failed: number;
  /** Nineteen of twenty took no longer; absent: none ended. Milliseconds. */
  readonly p95Ms?: number;
  readonly longestMs?: number;
}

/** One time that the migrations were interrupted, and what came of it. */
export interface Interruption {
  readonly file: string;
  readonly moment: Moment;
  /** Where it was, in words. */
  readonly at: string;
  /** False: it was over before anybody could interrupt it. */
  readonly done: boolean;
  /** What the runner said, or how it broke off, in words. */
  readonly said: string;
  /** The schema's recorded version right after it, and the one that it should be at. */
  readonly stood: number;
  readonly expected: number;
}

/** A business transaction that failed while the migrations ran. */
export interface LoadFailure {
  readonly tenant: string;
  readonly check?: string;
  readonly why: string;
  /** What the migrations were at, in words. */
  readonly beside: string;
}

/** Rows of one table that the sessions write, counted. */
export interface WrittenRows {
  readonly relation: string;
  /** Rows that one transaction adds. */
  readonly each: number;
  /** Fewest and most that there may be: between them lie transactions that failed, which may have written. */
  readonly least: number;
  readonly most: number;
  readonly found: number;
}

/** What is seen of a tenant that is held while it is upgraded: nobody may get in, and it has to come back from anywhere. */
export interface HeldFacts {
  /** How often it was looked who of the application's is in its database. */
  readonly looks: number;
  /** Sessions of the application's that were seen in it. */
  readonly sessions: number;
  /** Its restore point, brought back after an upgrade that was ended in its midst; absent: it never came so far. */
  readonly restored?: {
    /** Where the upgrade was ended, in words. */
    readonly at: string;
    readonly tookMs: number;
    /** Against what it held before anything ran. */
    readonly differences: readonly Difference[];
  };
}

export interface UnderLoadFacts {
  /** Decides where it is interrupted. */
  readonly seed: number;
  readonly verification: { readonly name: string; readonly digest: Digest };
  /** The version that users worked with. */
  readonly old: ReleaseRef;
  readonly sessions: number;
  /** Between the beginnings of two transactions of one session, at least. Milliseconds. */
  readonly everyMs: number;
  /** How often a promotion tries a step, the first time included: so often after each interruption, less one. */
  readonly attempts: number;
  /** Before the migrations began, on the same copy. */
  readonly quiet: Felt;
  readonly during: Felt;
  readonly failures: readonly LoadFailure[];
  readonly interruptions: readonly Interruption[];
  /** Calls of the runner, those that were interrupted included. */
  readonly calls: number;
  /** From the first call to the last one's end. Milliseconds. */
  readonly durationMs: number;
  readonly stalls: readonly Stall[];
  readonly deadlocks: number;
  /** Times that the migrations gave up waiting for a lock, those that were brought about included. */
  readonly lockTimeouts: number;
  /** Why the migrations didn't come to their end; absent: they did. */
  readonly stopped?: string;
  /** Against the same migrations undisturbed: the schema, and tables that no session wrote. Absent: it never came so far. */
  readonly end?: { readonly tables: number; readonly differences: readonly Difference[] };
  readonly written: readonly WrittenRows[];
  /**
   * The tenant is held while its migrations run, as one of Odoo's is: every transaction of `during` has to have failed, and
   * `failures` are those that were carried out all the same. Absent: users work meanwhile.
   */
  readonly held?: HeldFacts;
}

/** Rows that sessions wrote and that aren't there, and such as are there too often. */
export function rowsAstray(written: readonly WrittenRows[]): { readonly lost: number; readonly doubled: number } {
  let lost = 0;
  let doubled = 0;
  for (const { least, most, found } of written) {
    lost += Math.max(0, least - found);
    doubled += Math.max(0, found - most);
  }
  return { lost, doubled };
}

/** Of one kind, that are told as a reason. */
const TOLD = 5;
/** Fewer sessions have nobody beside them, and fewer transactions than these say nothing of what users do. */
const LEAST_SESSIONS = 2;
export const LEAST_TRANSACTIONS = 20;

/** Why it didn't go well, each in words; none: it did, or nobody ran it. */
export function underLoadReasons(facts: UnderLoadFacts | undefined): readonly string[] {
  if (facts === undefined) return [];
  const { quiet, during, failures, interruptions, stopped, end, written, old, sessions, held } = facts;
  const reasons: string[] = [];
  const say = (why: string): void => void reasons.push(`under load: ${why}`);
  if (quiet.transactions - quiet.failed <= 0)
    say(`no business transaction of ${old.version} went well before the migrations began`);
  else if (quiet.failed > 0)
    say(`${quiet.failed} of ${quiet.transactions} business transactions failed before the migrations began`);
  if (stopped !== undefined) say(`the migrations didn’t come to their end: ${stopped}`);
  for (const { file, at, stood, expected } of interruptions
    .filter((each) => each.stood !== each.expected)
    .slice(0, TOLD))
    say(`${file}, interrupted ${at}, stood at schema ${stood} and not at ${expected}`);
  if (held !== undefined) for (const why of gotIn(held, facts)) say(why);
  else if (during.failed > 0) {
    say(`${during.failed} of ${during.transactions} business transactions of ${old.version} failed while they ran`);
    for (const failure of failures.slice(0, TOLD)) say(loadFailureText(failure));
  }
  if (stopped !== undefined) return reasons;
  if (interruptions.every(({ done }) => !done)) say('nothing was interrupted');
  if (sessions < LEAST_SESSIONS) say(`${sessions} session worked, and at least ${LEAST_SESSIONS} have to at once`);
  if (during.transactions === 0) say('no business transaction ended while the migrations ran');
  else if (during.transactions < LEAST_TRANSACTIONS)
    say(
      `only ${during.transactions} business transactions ended while the migrations ran, and at least ${LEAST_TRANSACTIONS} have to: let more sessions work (--sessions), or sooner one after the other (--pace)`,
    );
  if (end === undefined) say('what came of it was not compared');
  for (const difference of (end?.differences ?? []).slice(0, TOLD))
    say(`not as when undisturbed: ${differenceText(difference)}`);
  if (held !== undefined) {
    const { restored } = held;
    if (restored === undefined) say('its restore point wasn’t brought back after an upgrade that was ended');
    for (const difference of (restored?.differences ?? []).slice(0, TOLD))
      say(`restored after it was ended ${restored?.at}, it isn’t as before: ${differenceText(difference)}`);
  } else if (written.length === 0) say('no table’s rows could be counted, so it isn’t known whether writes were lost');
  for (const { relation, least, most, found } of written) {
    const lack = least - found;
    if (lack > 0)
      say(
        `${relation}: ${lack} of the rows that sessions wrote ${lack === 1 ? 'is' : 'are'} lost (${found}, at least ${least})`,
      );
    if (found > most)
      say(
        `${relation}: ${found - most} ${found - most === 1 ? 'row' : 'rows'} too many, written twice (${found}, at most ${most})`,
      );
  }
  return reasons;
}

/** Who got in although the tenant was held. */
function gotIn({ looks, sessions }: HeldFacts, { during, failures, old }: UnderLoadFacts): readonly string[] {
  const through = during.transactions - during.failed;
  return [
    ...(through > 0
      ? [
          `${through} of ${during.transactions} business transactions of ${old.version} were carried out although their tenant was held`,
          ...failures.slice(0, TOLD).map(loadFailureText),
        ]
      : []),
    ...(sessions > 0 ? [`${sessions} sessions of ${old.version} were in the database while its tenant was held`] : []),
    ...(looks === 0 ? ['nobody looked who was in the database while its tenant was held'] : []),
  ];
}

/** `acme, bill/post: expected …, found 500 (beside 2.sql)`. */
export function loadFailureText({ tenant, check, why, beside }: LoadFailure): string {
  return `${[tenant, check].filter((each) => each !== undefined).join(', ')}: ${why} (${beside})`;
}

/** As short as a gate needs it. */
export interface UnderLoadEvidence {
  /** The version that users worked with. */
  readonly old: string;
  readonly verification: UnderLoadFacts['verification'];
  readonly interruptions: number;
  readonly transactions: number;
  /** The longest that one of them took meanwhile. Milliseconds. */
  readonly longestMs: number;
  /** Their tenant was held meanwhile, and all of them were turned away. */
  readonly held?: true;
}

/** Undefined: nobody ran it, or it did not go well. */
export function underLoadEvidence(facts: UnderLoadFacts | undefined): UnderLoadEvidence | undefined {
  if (facts === undefined || underLoadReasons(facts).length > 0) return undefined;
  const { old, verification, interruptions, during, held } = facts;
  const { name, digest } = verification;
  return {
    old: old.version,
    verification: { name, digest },
    interruptions: interruptions.filter(({ done }) => done).length,
    transactions: during.transactions,
    longestMs: Math.round(during.longestMs ?? 0),
    ...(held === undefined ? {} : { held: true }),
  };
}
