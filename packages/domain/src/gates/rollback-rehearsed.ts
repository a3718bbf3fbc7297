import { ageText, durationText } from '../model/duration.ts';
import type { RollbackRehearsalEvidence } from '../rehearsal/rollback.ts';
import { type EvidenceFact, type Gate, type GateFacts, pass, stop, type Verdict, wholeNumber } from './gate.ts';

/** Predicate type of our statement of a promotion that was rehearsed with its undo. */
export const ROLLBACK_REHEARSAL = 'https://headgate.dev/rollback-rehearsal/v1';

/** How far the clock of the log that it was read from may be ahead of ours. Milliseconds. */
const CLOCK_STEP_MS = 60_000;
const NAME = 'rollback-rehearsed';

/**
 * The release was promoted to an earlier environment lately and taken back from there: through all waves, with everything as it
 * was before, and without an outage for who was served meanwhile. The newest rehearsal in that environment counts; what it did
 * not migrate, because an earlier one of this release had, counts from that one.
 */
export const rollbackRehearsed: Gate = {
  name: NAME,
  asks: 'Was it promoted to an earlier environment and taken back from there lately, with all as before and without a long outage?',
  parameters: {
    type: 'object',
    additionalProperties: false,
    required: ['environment', 'maxAgeMs', 'longestOutageMs'],
    properties: {
      environment: {
        type: 'string',
        minLength: 1,
        description: 'The environment in which it was promoted and taken back',
      },
      maxAgeMs: { type: 'integer', minimum: 1, description: 'How old the rehearsal may be' },
      longestOutageMs: {
        type: 'integer',
        minimum: 0,
        description: 'How long who sent requests may have been without a good answer, either way',
      },
      migrations: {
        type: 'boolean',
        description:
          'Each migration that the plan runs must have run in a rehearsal there (the default); false: one without them counts, too',
      },
      traffic: {
        type: 'boolean',
        description:
          'Only one counts in which requests were sent meanwhile (the default); false: one without them, too',
      },
    },
  },
  at: 'promotion',
  judge(params, facts) {
    const { environment, traffic = true, migrations = true } = params;
    const maxAgeMs = wholeNumber(params, 'maxAgeMs');
    const most = wholeNumber(params, 'longestOutageMs');
    if (
      typeof environment !== 'string' ||
      environment === '' ||
      !maxAgeMs ||
      most === undefined ||
      typeof traffic !== 'boolean' ||
      typeof migrations !== 'boolean'
    )
      return stop(
        NAME,
        'error',
        'the policy doesn’t say where, how old, or which outage',
        'set params.environment, params.maxAgeMs and params.longestOutageMs in the policy',
        'release manager',
      );
    const asked = { environment, maxAgeMs, most, traffic, again: rehearseCommand(facts, environment, traffic) };
    const all = rehearsalsIn(facts, environment);
    const [newest] = all;
    if (newest === undefined)
      return stop(
        NAME,
        'no-data',
        `no verified rehearsal of this release’s rollback in ${environment}`,
        asked.again,
        'release manager',
      );
    const verdict = judgeOne(newest, facts.now, asked);
    return (verdict.verdict === 'pass' && migrations ? unmigrated(all, facts, asked) : undefined) ?? verdict;
  },
};

/** As it is typed; the addresses and the key's file are whose who types it. */
function rehearseCommand({ release }: GateFacts, environment: string, traffic: boolean): string {
  const sent = traffic ? ' --traffic URL' : '';
  return `headgate rehearse ${release.digest} --rollback --in ${environment}${sent} --key FILE --attach`;
}

/** The newest first. */
function rehearsalsIn({ evidence, release }: GateFacts, environment: string): readonly RollbackRehearsalEvidence[] {
  const all = evidence.flatMap(({ predicateType, subject, verified, rollbackRehearsal }: EvidenceFact) => {
    const said = predicateType === ROLLBACK_REHEARSAL && subject === release.digest && verified;
    return said && rollbackRehearsal?.environment === environment ? [rollbackRehearsal] : [];
  });
  // Of two with one date the last that was attached.
  return all.reverse().sort((one, other) => other.at - one.at);
}

/**
 * A rehearsal migrates no store that was migrated before, so a later one says nothing of that. Undefined: each migration ran in
 * one that would pass by itself.
 */
function unmigrated(
  all: readonly RollbackRehearsalEvidence[],
  { migrating, now }: GateFacts,
  asked: Asked,
): Verdict | undefined {
  const no = (why: string, unblock: string) => stop(NAME, 'no-data', why, unblock, 'release manager');
  if (migrating === undefined) return no('it isn’t known which migrations the plan runs', 'plan it again');
  const well = all.filter((each) => judgeOne(each, now, asked).verdict === 'pass');
  const ran = new Set(well.flatMap(({ migrated = [] }) => migrated));
  const missing = migrating.filter(({ file }) => !ran.has(file.digest));
  const [first] = missing;
  if (first === undefined) return undefined;
  const more = missing.length > 1 ? ` and ${missing.length - 1} more` : '';
  return no(
    `migration ${first.id}${more} ran in none of its rehearsals in ${asked.environment}: what is migrated there already isn’t migrated again`,
    `restore the stores there to before it and ${asked.again}; or let the gate rehearsed ask for migrations on a copy, and say migrations: false here`,
  );
}

interface Asked {
  readonly environment: string;
  readonly maxAgeMs: number;
  readonly most: number;
  readonly traffic: boolean;
  readonly again: string;
}

function judgeOne(newest: RollbackRehearsalEvidence, now: number, asked: Asked): Verdict {
  const { environment, maxAgeMs, most, traffic, again } = asked;
  const { ok, at, because, missing, promotion, backMs, longestOutageMs } = newest;
  const what = `the newest rehearsal of its rollback in ${environment} (${promotion})`;
  const no = (verdict: 'fail' | 'no-data' | 'error', why: string, unblock = again, who = 'release manager'): Verdict =>
    stop(NAME, verdict, why, unblock, who);
  const ageMs = now - at;
  if (!Number.isSafeInteger(at) || ageMs < -CLOCK_STEP_MS)
    return no('error', `${what} is dated ahead of now`, `set the clocks right and ${again}`);
  if (!ok || because.length > 0 || missing.length > 0)
    return because.length > 0
      ? no(
          'fail',
          `${what} did not go well: ${because.join('; ')}`,
          `mend what it found, in a new release where the release is at fault, and rehearse that: ${again}`,
          'developer',
        )
      : no('no-data', `${what} says nothing: ${missing.join('; ') || 'it doesn’t say why'}`);
  if (ageMs > maxAgeMs) return no('fail', `${what} is ${ageText(ageMs)} old, ${durationText(maxAgeMs)} are allowed`);
  if (backMs === undefined) return no('no-data', `${what} doesn’t say how long the way back took`);
  if (traffic && (longestOutageMs === undefined || newest.traffic === undefined))
    return no('no-data', `nobody sent any requests during ${what}, so no outage is known`);
  if (longestOutageMs !== undefined && longestOutageMs > most)
    return no(
      'fail',
      `requests went without a good answer for ${durationText(longestOutageMs)} during ${what}, ${durationText(most)} are allowed`,
      `mend what kept them waiting, in a new release where the release is at fault, and rehearse that: ${again}`,
      'developer',
    );
  const felt = longestOutageMs === undefined ? '' : `, at most ${durationText(longestOutageMs)} without a good answer`;
  return pass(
    NAME,
    `it went to ${environment} and back ${ageText(Math.max(0, ageMs))} ago (${promotion}): back within ${durationText(backMs)}${felt}`,
  );
}
