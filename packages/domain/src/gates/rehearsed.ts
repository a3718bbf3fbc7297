import { ageText, durationText } from '../model/duration.ts';
import type { Digest } from '../model/identity.ts';
import type { RehearsalEvidence, WayBack } from '../rehearsal/rehearsal.ts';
import { type EvidenceFact, type Gate, type GateFacts, pass, stop, type Verdict, wholeNumber } from './gate.ts';
import { type BusinessAsked, businessLack, businessText, isWhose } from './rehearsed-business.ts';
import { loadLack, loadText } from './rehearsed-under-load.ts';

/** Predicate type of our statement of a rehearsal. */
export const REHEARSAL = 'https://headgate.dev/rehearsal/v1';

/** How far the clock of the machine that rehearsed may be ahead of ours. Milliseconds. */
const CLOCK_STEP_MS = 60_000;

/**
 * The release's migrations ran forward, back and forward on a copy of the store, lately, without keeping anybody waiting
 * for too long, and back was back or said that it loses something. The newest rehearsal of that store counts.
 */
export const rehearsed: Gate = {
  name: 'rehearsed',
  asks: 'Did its migrations run forward, back and forward lately on a copy of the store, without keeping anybody waiting for too long?',
  parameters: {
    type: 'object',
    additionalProperties: false,
    required: ['maxAgeMs', 'longestStallMs', 'from'],
    properties: {
      from: {
        type: 'string',
        minLength: 1,
        description: 'Whose data the copy holds: an environment, a store, or cell/store',
      },
      maxAgeMs: { type: 'integer', minimum: 1, description: 'How old the rehearsal may be' },
      longestStallMs: {
        type: 'integer',
        minimum: 0,
        description: 'How long readers and writers beside it may have waited',
      },
      runner: {
        enum: ['headgate', 'psql'],
        description: 'How the files were run: as Headgate does (the default), or as they stand',
      },
      masked: { type: 'boolean', description: 'Only a masked copy counts' },
      equal: { type: 'boolean', description: 'The way back must lose nothing, declared or not' },
      business: {
        enum: ['old-and-new', 'new'],
        description:
          'Whose business transactions must have gone well on the migrated copy: of every version that serves and of the new one, or of the new one alone',
      },
      verification: {
        type: 'string',
        pattern: '^sha256:[0-9a-f]{64}$',
        description:
          'Digest of another Verification whose business transactions count, in place of the Application’s (rehearse --verification FILE)',
      },
      underLoad: {
        type: 'boolean',
        description:
          'The migrations must have been interrupted and tried again while users worked with every version that serves, and carried out twenty business transactions at least (rehearse --under-load)',
      },
    },
  },
  at: 'promotion',
  judge(params, facts) {
    const name = 'rehearsed';
    const {
      from,
      masked = false,
      equal = false,
      runner = 'headgate',
      business,
      verification,
      underLoad = false,
    } = params;
    const maxAgeMs = wholeNumber(params, 'maxAgeMs');
    const most = wholeNumber(params, 'longestStallMs');
    const known = (runner === 'headgate' || runner === 'psql') && isWhose(business) && isDigest(verification);
    const wellSaid = typeof from === 'string' && from !== '' && maxAgeMs !== undefined && maxAgeMs > 0 && known;
    if (
      !wellSaid ||
      most === undefined ||
      typeof masked !== 'boolean' ||
      typeof equal !== 'boolean' ||
      typeof underLoad !== 'boolean'
    )
      return stop(
        name,
        'error',
        'the policy doesn’t say whose data, how old, or which stall',
        'set params.from, params.maxAgeMs and params.longestStallMs in the policy',
        'release manager',
      );
    if (facts.release.migrations === 0) return pass(name, 'the release migrates nothing');
    const all = rehearsalsOf(facts.evidence, facts.release.digest, (each) => counts(each, from, runner));
    const newest = all.reduce<RehearsalEvidence | undefined>(newer, undefined);
    if (newest === undefined)
      return stop(
        name,
        'no-data',
        `no verified rehearsal of this release on a copy of ${from}`,
        `headgate rehearse ${facts.release.digest} --from STORE --config FILE --key KEY --attach, with a store of ${from}`,
        'operator',
      );
    return judgeNewest(newest, all, facts, {
      ...{ from, maxAgeMs, most, masked, equal, underLoad },
      business: { whose: business, verification, from, release: facts.release.digest },
    });
  },
};

/** The newest verified rehearsal of a release that counts; undefined: there is none. */
export function newestRehearsal(
  evidence: readonly EvidenceFact[],
  release: Digest,
  counting: (rehearsal: RehearsalEvidence) => boolean,
): RehearsalEvidence | undefined {
  return rehearsalsOf(evidence, release, counting).reduce<RehearsalEvidence | undefined>(newer, undefined);
}

function rehearsalsOf(
  evidence: readonly EvidenceFact[],
  release: Digest,
  counting: (rehearsal: RehearsalEvidence) => boolean,
): readonly RehearsalEvidence[] {
  return evidence.flatMap((each) => {
    const said = each.predicateType === REHEARSAL && each.subject === release && each.verified;
    return said && each.rehearsal !== undefined && counting(each.rehearsal) ? [each.rehearsal] : [];
  });
}

function newer(newest: RehearsalEvidence | undefined, each: RehearsalEvidence): RehearsalEvidence {
  return newest === undefined || each.at >= newest.at ? each : newest;
}

function isDigest(value: unknown): value is Digest | undefined {
  return value === undefined || (typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value));
}

/** Whether the gate with these parameters asks about such a rehearsal; false when they say nothing that can be asked. */
export function isAskedFor(params: Readonly<Record<string, unknown>>, rehearsal: RehearsalEvidence): boolean {
  const { from, runner = 'headgate' } = params;
  return typeof from === 'string' && counts(rehearsal, from, runner);
}

/** What was run otherwise than it will be says nothing of what will be. */
function counts(rehearsal: RehearsalEvidence, from: string, runner: unknown): boolean {
  return rehearsal.runner === runner && isOf(rehearsal, from);
}

function isOf({ environment, cell, store }: RehearsalEvidence, from: string): boolean {
  return from === environment || from === store || (cell !== undefined && from === `${cell}/${store}`);
}

interface Asked {
  readonly from: string;
  readonly maxAgeMs: number;
  readonly most: number;
  readonly masked: boolean;
  readonly equal: boolean;
  readonly underLoad: boolean;
  readonly business: BusinessAsked;
}

function judgeNewest(
  newest: RehearsalEvidence,
  all: readonly RehearsalEvidence[],
  facts: GateFacts,
  asked: Asked,
): Verdict {
  const { from, maxAgeMs, most, masked, equal, underLoad, business } = asked;
  const { now } = facts;
  const again = (why: string, verdict: 'fail' | 'error' | 'no-data' = 'fail', unblock = 'rehearse it again'): Verdict =>
    stop('rehearsed', verdict, why, unblock, 'operator');
  const { ok, wayBack, longestStallMs, because } = newest;
  const ageMs = now - newest.at;
  if (!Number.isSafeInteger(newest.at) || ageMs < -CLOCK_STEP_MS)
    return again('the newest rehearsal is dated ahead of now', 'error', 'set the clocks right and rehearse it again');
  if (!ok)
    return stop(
      'rehearsed',
      'fail',
      `the newest rehearsal on a copy of ${from} did not go well: ${because.join('; ') || 'it doesn’t say why'}`,
      'mend the migrations, create a new release, and rehearse that',
      'developer',
    );
  if (ageMs > maxAgeMs)
    return again(
      `the newest rehearsal on a copy of ${from} is ${ageText(ageMs)} old, ${durationText(maxAgeMs)} are allowed`,
    );
  if (masked && !newest.masked) return again('the copy wasn’t masked', 'fail', 'rehearse it with --mask RULES');
  if (wayBack === 'different' || wayBack === 'not-reached' || (equal && wayBack !== 'equal'))
    return stop(
      'rehearsed',
      'fail',
      `the way back ${WAYS[wayBack]}`,
      'mend the way back and create a new release',
      'developer',
    );
  if (longestStallMs === undefined)
    return again('nobody read or wrote all of its tables meanwhile, so no stall is known', 'no-data');
  if (longestStallMs > most)
    return stop(
      'rehearsed',
      'fail',
      `others waited for ${durationText(Math.ceil(longestStallMs))}, ${durationText(most)} are allowed`,
      'take the safe way that headgate analyse FILE shows, and create a new release',
      'developer',
    );
  const sound = [newest, ...besides(newest, all, now, asked)] as const;
  const lacks = businessLack(sound, facts, business) ?? (underLoad ? loadLack(sound, facts, business) : undefined);
  if (lacks !== undefined) return again(lacks.why, 'no-data', lacks.unblock);
  const told = `others waited for at most ${durationText(Math.ceil(longestStallMs))}, and the way back ${WAYS[wayBack]}`;
  return pass(
    'rehearsed',
    `on a copy of ${from}, ${ageText(Math.max(0, ageMs))} ago: ${told}${businessText(sound, business)}${underLoad ? loadText(sound) : ''}${missingText(newest)}`,
  );
}

/** Those before the newest that count beside it, newest first: as far back as all went well and are as they are asked for. */
function besides(
  newest: RehearsalEvidence,
  all: readonly RehearsalEvidence[],
  now: number,
  { maxAgeMs, masked }: Asked,
): readonly RehearsalEvidence[] {
  const older = all.filter((each) => each !== newest).sort((a, b) => b.at - a.at);
  const end = older.findIndex(({ ok, at }) => !ok || !(now - at <= maxAgeMs));
  return (end < 0 ? older : older.slice(0, end)).filter((each) => !masked || each.masked);
}

/** Of what wasn't looked at, so much is told. */
const MOST_MISSING = 3;

function missingText({ missing = [] }: RehearsalEvidence): string {
  if (missing.length === 0) return '';
  const more = missing.length > MOST_MISSING ? `; and ${missing.length - MOST_MISSING} more` : '';
  return `. NOT LOOKED AT: ${missing.slice(0, MOST_MISSING).join('; ')}${more}`;
}

const WAYS: Readonly<Record<WayBack, string>> = {
  equal: 'led to the same schema and rows',
  'declared-lossy': 'loses data, as it says itself',
  none: 'is another one than a migration',
  different: 'led to another state than before',
  'not-reached': 'was never reached',
};
