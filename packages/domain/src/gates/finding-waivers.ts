/**
 * Waivers of findings stand in the policy, and so in the plan and in the envelope that people approve: nobody waives by
 * themselves and on the quiet. Each is for one rule in one file's bytes, has a reason, and ends.
 */
import { ANALYSIS_RULES } from '../analysis/rules.ts';
import type { Digest, Instant } from '../model/identity.ts';
import { isDigest } from '../model/identity.ts';
import type { GateSpec } from '../plan/plan.ts';
import { elsewhereWords } from '../plan/users-elsewhere.ts';
import type { GateFacts } from './gate.ts';

/** Of a migration that takes something from running code and isn't declared so: the gate's own finding, which nothing waives. */
export const UNDERSTATED = 'phase-understated';

/**
 * Of a release that is older than its store's schema, where its range is derived: the planner's own finding, waived for the
 * release's digest and not for a migration's file, since it is said of that code.
 */
export const OLDER_CODE = 'older-code';

/** The rules whose findings can be waived. */
export const WAIVABLE_RULES: readonly string[] = [...ANALYSIS_RULES, OLDER_CODE];

export interface FindingWaiver {
  readonly file: Digest;
  readonly rule: string;
  readonly because: string;
  /** As it was written. */
  readonly until: string;
  readonly endsAt: Instant;
}

const DAY_MS = 86_400_000;

/** The waivers of a policy's parameters; undefined when one isn't whole, and then none of them counts. */
export function waiversIn(given: unknown): readonly FindingWaiver[] | undefined {
  if (given === undefined) return [];
  if (!Array.isArray(given)) return undefined;
  const waivers = given.map(waiverOf);
  return waivers.every((each) => each !== undefined) ? waivers : undefined;
}

function waiverOf(given: unknown): FindingWaiver | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  const { file, rule, because, until } = given as Record<string, unknown>;
  if (typeof file !== 'string' || !isDigest(file) || typeof rule !== 'string' || rule === '') return undefined;
  if (typeof because !== 'string' || because.trim() === '' || typeof until !== 'string') return undefined;
  const endsAt = waiverEnd(until);
  return endsAt === undefined ? undefined : { file, rule, because, until, endsAt };
}

/** When a waiver ends that holds until then: a day to its end, in UTC. Undefined for what is no day and no time, as 2027-02-31. */
export function waiverEnd(until: string): Instant | undefined {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(until);
  if (!day && !/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?Z$/.test(until)) return undefined;
  const at = Date.parse(until);
  if (!Number.isSafeInteger(at)) return undefined;
  // What a calendar doesn't have is taken for a day of the next month: then the day isn't the one that was written.
  if (new Date(at).toISOString().slice(0, 10) !== until.slice(0, 10)) return undefined;
  return day ? at + DAY_MS : at;
}

/** The waiver that lets a rule's findings in a file go by at that moment. */
export function waivedBy(
  waivers: readonly FindingWaiver[],
  file: Digest,
  rule: string,
  now: Instant,
): FindingWaiver | undefined {
  return waivers.find((each) => each.file === file && each.rule === rule && now < each.endsAt);
}

/** A waiver that would let something go by, and the name of what it is of. */
export interface WaiverAsked {
  readonly file: Digest;
  readonly rule: string;
  readonly name: string;
}

/** So many waivers are told in one refusal. */
export const MOST_WAIVERS_TOLD = 20;

/**
 * Waivers as they are put into a policy, each without its reason: a person writes that, and a policy with an empty one is
 * refused. Their end is a day from which they are read again, the same with each look. `environment`: of a Service's, whose
 * waivers say for which one they are; in a Policy it can't stand.
 */
export function waiversBlock(asked: readonly WaiverAsked[], until: Instant, environment?: string): string {
  const day = new Date(Math.min(until, LAST_DAY)).toISOString().slice(0, 10);
  const place = environment === undefined ? '' : `, environment: ${environment}`;
  const told = asked.slice(0, MOST_WAIVERS_TOLD);
  const left = asked.length - told.length;
  return [
    'waivers:',
    ...told.map(
      ({ file, rule, name }) =>
        `  - {file: "${file}", rule: ${rule}, because: "", until: ${day}${place}} # ${JSON.stringify(name)}`,
    ),
    ...(left > 0 ? [`  # and ${left} more, which are told once these are waived`] : []),
  ].join('\n');
}

/**
 * All waivers that it would take, so that nobody learns of the second one once the first one stands; before them who in other
 * environments is left behind by them. `place`: the environment, where a Service says what is waived.
 */
export function withWaivers(
  asked: readonly WaiverAsked[],
  until: Instant,
  { place, elsewhere = [] }: { readonly place: string | undefined; readonly elsewhere: GateFacts['elsewhere'] },
): string {
  const all = asked.length === 1 ? 'the waiver' : `the waivers of all ${asked.length}`;
  const where =
    place === undefined
      ? 'among the gate’s params in a Policy; in a Service with several environments each with its environment, too'
      : 'in the waivers of a Service; in a Policy among the gate’s params, without environment';
  const before =
    elsewhere.length === 0
      ? ''
      : `before you waive: ${elsewhereWords(elsewhere)}, and may use what is removed; no release that is built for the schema of before gets there past ${place ?? 'here'} afterwards\n`;
  return `${before}${all}, with your reason and your name as because (${where}):\n${waiversBlock(asked, until, place)}`;
}

/** A year of four digits, as a waiver's end is written. */
const LAST_DAY = Date.UTC(9999, 11, 31);

/** The waivers in a policy's gates that have ended by then, and waive nothing any more. */
export function endedWaivers(gates: readonly GateSpec[], now: Instant): readonly FindingWaiver[] {
  return gates.flatMap(({ params }) => waiversIn(params.waivers) ?? []).filter(({ endsAt }) => endsAt <= now);
}
