import { ageText, durationText } from '../model/duration.ts';
import {
  comparedSince,
  countText,
  MOVE_TOLD_MAX_AGE_MS,
  movedDifferenceText,
  onePlaceAlone,
  placesAgree,
  type SeenMove,
  versionsLeft,
} from '../moved/moved-data.ts';
import type { MigrationRef } from '../plan/plan.ts';
import { type Gate, type GateFacts, pass, type Subject, stop, type Verdict, wholeNumber } from './gate.ts';

const NAME = 'moved-data-agrees';
/** How old a comparison may be where the policy doesn't say. Milliseconds. */
const MAX_AGE_MS = 900_000;
/** How far a clock may be ahead. Milliseconds. */
const CLOCK_STEP_MS = 60_000;

/**
 * Data that is being moved is the same in both places before anything rests on the new one alone: a release that reads it, one
 * that no longer writes both, a migration that removes the old one. Asked before every wave and used up by it: what is compared
 * differs by right as soon as a release that writes one place alone is at work.
 */
export const movedDataAgrees: Gate = {
  name: NAME,
  asks: 'Do the old and the new place of moved data say the same, by a comparison made while what ran wrote both?',
  parameters: {
    type: 'object',
    additionalProperties: false,
    required: ['moves'],
    properties: {
      moves: {
        type: 'array',
        minItems: 1,
        maxItems: 20,
        items: { type: 'string' },
        description: 'The moves that are under way, as the agents’ configurations name them',
      },
      maxAgeMs: {
        type: 'integer',
        minimum: 10_000,
        description: 'How old the comparison may be, a quarter of an hour by default',
      },
    },
  },
  at: 'promotion',
  consumedByWave: true,
  judge(params, facts, subject) {
    const { moves } = params;
    const maxAgeMs = params.maxAgeMs === undefined ? MAX_AGE_MS : wholeNumber(params, 'maxAgeMs');
    if (!Array.isArray(moves) || moves.length === 0 || !moves.every((each) => typeof each === 'string') || !maxAgeMs)
      return stop(
        NAME,
        'error',
        'the policy doesn’t say which moves, or how old their comparison may be',
        'set params.moves in the policy',
        'release manager',
      );
    const asked = askedOf(facts, subject, maxAgeMs);
    const { moved } = facts;
    if (asked === undefined || moved === undefined || moved.cells.length === 0)
      return stop(NAME, 'no-data', 'it isn’t known what is promoted, or where', 'plan it again', 'operator');
    const verdicts = moved.cells.flatMap((cell) =>
      moves.map((name: string) => {
        const seen = moved.seen.find((each) => each.cell === cell && each.name === name);
        return seen === undefined ? untold(name, cell) : judgeMove(seen, asked);
      }),
    );
    const stopped = verdicts.filter(({ verdict }) => verdict !== 'pass');
    const told = stopped.length > 0 ? stopped : verdicts;
    const [first] = told as [Verdict];
    const others = told.length - 1;
    return others === 0 ? first : { ...first, because: `${first.because}; and ${others} more` };
  },
};

interface Asked {
  readonly now: number;
  readonly version: string;
  /** Undefined: not known, so that each one may read the old place. */
  readonly serving: readonly string[] | undefined;
  readonly contracts: readonly MigrationRef[];
  readonly maxAgeMs: number;
}

/** What of the plan matters here; before a step, what that step migrates. */
function askedOf({ now, release, serving, migrating }: GateFacts, subject: Subject, maxAgeMs: number) {
  const runs = subject.kind === 'step' && subject.action.kind === 'migrate' ? subject.action.migrations : migrating;
  if (release.version === undefined || runs === undefined) return undefined;
  const contracts = runs.filter(({ phase }) => phase === 'contract');
  return { now, version: release.version, serving, contracts, maxAgeMs };
}

function untold(name: string, cell: string): Verdict {
  return stop(
    NAME,
    'no-data',
    `no agent has told of the move ${name} in ${cell}`,
    `declare it in the agent's configuration (moves of its store), and see that the agent of ${cell} runs: headgate status`,
    'operator',
  );
}

/** What rests on the new place from now on; undefined: nothing that didn't before. */
function restsOnNew({ readBy, writtenBy, removedBy }: SeenMove, asked: Asked): string | undefined {
  const { version, serving, contracts } = asked;
  const removes = contracts.find(({ id }) => removedBy.length === 0 || removedBy.includes(id));
  if (removes !== undefined) return `migration ${removes.id} may remove its old place`;
  if (readBy.includes(version) && serving?.every((each) => readBy.includes(each)) !== true)
    return `${version} reads its new place`;
  return writtenBy.includes(version) ? undefined : `${version} doesn’t write both places`;
}

function judgeMove(seen: SeenMove, asked: Asked): Verdict {
  const { name, cell, store, at, last, runs, writtenBy, readBy, why } = seen;
  const { now, version, maxAgeMs } = asked;
  const what = `${name} of ${cell}/${store}`;
  const compare = `headgate-agent compare --config FILE --cell ${cell} --move ${name} says which rows`;
  const no = (verdict: 'fail' | 'no-data' | 'error', because: string, unblock: string): Verdict =>
    stop(NAME, verdict, because, unblock, 'operator');
  const because = restsOnNew(seen, asked);
  if (because === undefined) return pass(NAME, `${what}: ${version} goes on writing both places, and removes none`);
  const told = now - at;
  if (!Number.isSafeInteger(at) || told < -CLOCK_STEP_MS)
    return no('error', `what was told of ${what} is dated ahead of now`, 'set the clocks right');
  if (told > MOVE_TOLD_MAX_AGE_MS)
    return no(
      'no-data',
      `${because}, and nobody has told of ${what} for ${ageText(told)}`,
      `see that the agent of ${cell} runs: headgate status`,
    );
  if (last === undefined)
    return runs.every((each) => writtenBy.includes(each)) && runs.length > 0
      ? no(
          'no-data',
          `${because}, and both places of ${what} were not compared yet${why === undefined ? '' : `: ${why}`}`,
          why === undefined ? 'wait for its agent’s first comparison' : `mend that; ${compare}`,
        )
      : no('no-data', `${because}, and ${what} is not written in both places: ${notBoth(seen)}`, firstToBoth(seen));
  const difference = movedDifferenceText(last);
  const ageMs = Math.max(0, told) + last.ageMs;
  const compared = `compared ${ageText(ageMs)} ago while ${list(last.versions)} ran`;
  if (difference !== '')
    return no(
      'fail',
      `${because}, and both places of ${what} differ, ${compared}: ${difference}`,
      `mend it; ${compare}`,
    );
  if (last.rows.old === 0)
    return no(
      'no-data',
      `${because}, and ${what} has no row that could be compared`,
      'let it have rows first, or take the move out of the policy',
    );
  if (!placesAgree(last))
    return no(
      'no-data',
      `${because}, and ${countText(last.unsettled)} rows of ${what} changed with every look`,
      'wait for the next comparison; where that doesn’t end, write both places in one transaction',
    );
  const unwritten = last.versions.find((each) => !writtenBy.includes(each));
  if (unwritten !== undefined)
    return no(
      'no-data',
      `${because}, and ${what} was ${compared}, and by now ${unwritten} isn’t said to write both places`,
      `let it be compared while ${list(writtenBy)} runs; or say that ${unwritten} writes both (writtenBy of the move)`,
    );
  const left = onePlaceAlone(seen);
  if (left !== undefined) {
    const strange = [...left.versions, ...runs].find((each) => !writtenBy.includes(each) && !readBy.includes(each));
    if (strange !== undefined)
      return no(
        'no-data',
        `${because}, and since ${what} was ${compared} ${strange} ${runs.includes(strange) ? 'runs' : 'ran'}, which neither writes both places nor is known to read the new one`,
        `promote ${either(writtenBy)} again; or say that ${strange} reads the new one (readBy of the move)`,
      );
    if (left.gapMs < 0) return no('error', `the agent’s clock was set back since ${what} was compared`, again(seen));
    const before = versionsLeft(left, writtenBy);
    if (left.gapMs > maxAgeMs)
      return no(
        'no-data',
        `${because}, and the last comparison of ${what} was ${ageText(left.gapMs)} before ${before} ran, ${durationText(maxAgeMs)} are allowed`,
        again(seen),
      );
    return pass(
      NAME,
      `${what}: both places agreed (${countText(last.rows.new)} rows), ${ageText(left.gapMs)} before ${before} ran, which writes one of them alone`,
    );
  }
  if (!comparedSince(seen))
    return no(
      'no-data',
      `${because}, and what runs changed since ${what} was ${compared}`,
      `wait until its agent has compared anew${why === undefined ? '' : `; it can’t: ${why}`}`,
    );
  if (ageMs > maxAgeMs)
    return no(
      'no-data',
      `${because}, and ${what} was ${compared}, ${durationText(maxAgeMs)} are allowed${why === undefined ? '' : `; since then: ${why}`}`,
      `let it be compared more often (everyMs of the move), and see what its agent logs`,
    );
  return pass(
    NAME,
    `${what}: ${countText(last.rows.new)} rows agree in both places, ${compared}; as of then nothing is lost by going back to what reads the old one`,
  );
}

function again({ writtenBy }: SeenMove): string {
  return `promote ${list(writtenBy)} again, fill the old place from the new one, and let it be compared`;
}

/** What runs, where it isn't only what writes both places. */
function notBoth({ runs, writtenBy }: SeenMove): string {
  const old = runs.filter((each) => !writtenBy.includes(each));
  return old.length < runs.length
    ? `beside what does, ${list(old)} still stands in a slot`
    : `${list(runs)} ${runs.length > 1 ? 'run' : 'runs'}, ${either(writtenBy)} would write both`;
}

/** What brings a store to where both places are written by all that runs. */
function firstToBoth({ runs, writtenBy, readBy }: SeenMove): string {
  if (runs.some((each) => writtenBy.includes(each)))
    return 'promote one more release that writes both places (the backfill’s, say): it empties that slot; then let the backfill end';
  // One that reads the new place, too, can't be the first to write both.
  const alone = writtenBy.filter((each) => !readBy.includes(each));
  return `promote ${either(alone.length > 0 ? alone : writtenBy)} first, and let the backfill end`;
}

function either(versions: readonly string[]): string {
  return versions.length === 0 ? 'nothing' : versions.join(' or ');
}

function list(versions: readonly string[]): string {
  return versions.length === 0 ? 'nothing' : versions.join(' and ');
}
