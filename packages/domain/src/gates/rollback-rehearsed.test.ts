import {
  digestOf,
  HOUR_MS,
  MINUTE_MS,
  NOON,
  soundFacts,
  soundRollbackRehearsal,
} from '@headgate/testkit/domain/builders';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RollbackRehearsalEvidence } from '../rehearsal/rollback.ts';
import { type EvidenceFact, type GateFacts, goesOn, type Subject, type VerdictKind } from './gate.ts';
import { ROLLBACK_REHEARSAL, rollbackRehearsed } from './rollback-rehearsed.ts';

const PARAMS = { environment: 'staging', maxAgeMs: HOUR_MS, longestOutageMs: 1_000 };
const WAVE: Subject = { kind: 'wave', wave: 1 };
const { release } = soundFacts();

function judge(facts: Partial<GateFacts> = {}, params: object = {}) {
  return rollbackRehearsed.judge({ ...PARAMS, ...params }, soundFacts(NOON, facts), WAVE);
}

function evidenceOf(
  rollbackRehearsal: RollbackRehearsalEvidence | undefined,
  more: Partial<EvidenceFact> = {},
): EvidenceFact {
  return {
    digest: digestOf('evidence'),
    predicateType: ROLLBACK_REHEARSAL,
    subject: release.digest,
    verified: true,
    keyId: 'key-1',
    ...(rollbackRehearsal !== undefined && { rollbackRehearsal }),
    ...more,
  };
}
const with_ = (...all: readonly Partial<RollbackRehearsalEvidence>[]) => ({
  evidence: all.map((more) => evidenceOf(soundRollbackRehearsal(NOON, more))),
});
const without = (...names: (keyof RollbackRehearsalEvidence)[]) => {
  const all = Object.entries(soundRollbackRehearsal(NOON)).filter(([name]) => !names.includes(name as never));
  return { evidence: [evidenceOf(Object.fromEntries(all) as never)] };
};

const COMMAND = `headgate rehearse ${release.digest} --rollback --in staging --traffic URL --key FILE --attach`;
const WHAT = 'the newest rehearsal of its rollback in staging (prm_staging)';
const NONE = 'no verified rehearsal of this release’s rollback in staging';

test.each<[rule: string, verdict: VerdictKind, because: string, facts: Partial<GateFacts>, params?: object]>([
  [
    'passes one that went well, lately and without a long outage',
    'pass',
    'it went to staging and back 1 min ago (prm_staging): back within 9 s, at most 400 ms without a good answer',
    {},
  ],
  [
    'passes at the limits',
    'pass',
    'it went to staging and back 1 h ago (prm_staging): back within 9 s, at most 1 s without a good answer',
    with_({ at: NOON - HOUR_MS, longestOutageMs: 1_000 }),
  ],
  ['has no data without one', 'no-data', NONE, { evidence: [] }],
  ['has no data in one of another environment', 'no-data', NONE, with_({ environment: 'test' })],
  [
    'ignores one that nobody signed',
    'no-data',
    NONE,
    { evidence: [evidenceOf(soundRollbackRehearsal(), { verified: false })] },
  ],
  [
    'ignores another release’s',
    'no-data',
    NONE,
    { evidence: [evidenceOf(soundRollbackRehearsal(), { subject: digestOf('other') })] },
  ],
  [
    'ignores one that is called otherwise',
    'no-data',
    NONE,
    { evidence: [evidenceOf(soundRollbackRehearsal(), { predicateType: 'sbom' })] },
  ],
  ['ignores a statement that says nothing', 'no-data', NONE, { evidence: [evidenceOf(undefined)] }],
  [
    'fails one that did not go well',
    'fail',
    `${WHAT} did not go well: slot green of cell stage holds 1.1.0`,
    with_({ ok: false, because: ['slot green of cell stage holds 1.1.0'] }),
  ],
  ['fails one that says well and why not', 'fail', `${WHAT} did not go well: x`, with_({ because: ['x'] })],
  [
    'has no data where something isn’t known',
    'no-data',
    `${WHAT} says nothing: its undo has not ended`,
    with_({ ok: false, missing: ['its undo has not ended'] }),
  ],
  [
    'has no data in one that says well and what isn’t known',
    'no-data',
    `${WHAT} says nothing: x`,
    with_({ missing: ['x'] }),
  ],
  [
    'has no data in one that isn’t well and doesn’t say why',
    'no-data',
    `${WHAT} says nothing: it doesn’t say why`,
    with_({ ok: false }),
  ],
  ['fails one that is too old', 'fail', `${WHAT} is 1 h 1 s old, 1 h are allowed`, with_({ at: NOON - HOUR_MS - 1 })],
  [
    'errs on one that is dated ahead of now',
    'error',
    `${WHAT} is dated ahead of now`,
    with_({ at: NOON + 2 * MINUTE_MS }),
  ],
  [
    'has no data without the time that it took back',
    'no-data',
    `${WHAT} doesn’t say how long the way back took`,
    without('backMs'),
  ],
  [
    'has no data where nobody sent requests',
    'no-data',
    `nobody sent any requests during ${WHAT}, so no outage is known`,
    without('traffic', 'longestOutageMs'),
  ],
  [
    'has no data where requests are told and no outage',
    'no-data',
    `nobody sent any requests during ${WHAT}, so no outage is known`,
    without('longestOutageMs'),
  ],
  [
    'passes without requests where the policy says so',
    'pass',
    'it went to staging and back 1 min ago (prm_staging): back within 9 s',
    without('traffic', 'longestOutageMs'),
    { traffic: false },
  ],
  [
    'fails too long an outage',
    'fail',
    `requests went without a good answer for 1 s 1 ms during ${WHAT}, 1 s are allowed`,
    with_({ longestOutageMs: 1_001 }),
  ],
  [
    'fails too long an outage although none had to be looked for',
    'fail',
    `requests went without a good answer for 1 s 1 ms during ${WHAT}, 1 s are allowed`,
    with_({ longestOutageMs: 1_001 }),
    { traffic: false },
  ],
  [
    'goes by the newest: a bad one after a good one is bad',
    'fail',
    `${WHAT} did not go well: x`,
    with_({}, { at: NOON, because: ['x'] }),
  ],
  [
    '… and a good one after a bad one is good',
    'pass',
    'it went to staging and back 1 min ago (prm_staging): back within 9 s, at most 400 ms without a good answer',
    with_({}, { at: 1, because: ['x'] }),
  ],
  [
    'has no data of a migration that ran in none of them',
    'no-data',
    'migration m2 ran in none of its rehearsals in staging: what is migrated there already isn’t migrated again',
    with_({ migrated: [] }),
  ],
  [
    'passes without it where the policy says so',
    'pass',
    'it went to staging and back 1 min ago (prm_staging): back within 9 s, at most 400 ms without a good answer',
    with_({ migrated: [] }),
    { migrations: false },
  ],
  [
    'takes a migration from an earlier one that went well',
    'pass',
    'it went to staging and back 1 min ago (prm_staging): back within 9 s, at most 400 ms without a good answer',
    with_({ at: NOON - 2 * MINUTE_MS }, { migrated: [] }),
  ],
  [
    '… and not from one in which it kept people waiting',
    'no-data',
    'migration m2 ran in none of its rehearsals in staging: what is migrated there already isn’t migrated again',
    with_({ at: NOON - 2 * MINUTE_MS, longestOutageMs: 60_000 }, { migrated: [] }),
  ],
  [
    '… nor from one that is too old',
    'no-data',
    'migration m2 ran in none of its rehearsals in staging: what is migrated there already isn’t migrated again',
    with_({ at: NOON - HOUR_MS - 1 }, { migrated: [] }),
  ],
  [
    'has no data where the migrations aren’t known',
    'no-data',
    'it isn’t known which migrations the plan runs',
    { migrating: undefined } as never,
  ],
  [
    'passes a plan that migrates nothing',
    'pass',
    'it went to staging and back 1 min ago (prm_staging): back within 9 s, at most 400 ms without a good answer',
    { migrating: [], ...with_({ migrated: [] }) },
  ],
])('it %s', (_, verdict, because, facts, params) => {
  const judged = judge(facts, params);
  expect({ verdict: judged.verdict, because: judged.because }).toEqual({ verdict, because });
  if (verdict !== 'pass')
    expect([judged.unblock, judged.who]).toEqual([expect.stringMatching(/\S/), expect.stringMatching(/\S/)]);
});

test('what unblocks is the whole command, with --traffic where requests are asked for', () => {
  expect(judge({ evidence: [] })).toMatchObject({ unblock: COMMAND, who: 'release manager' });
  expect(judge({ evidence: [] }, { traffic: false }).unblock).toBe(COMMAND.replace(' --traffic URL', ''));
  expect(judge(with_({ because: ['x'] }))).toMatchObject({
    unblock: expect.stringContaining(COMMAND),
    who: 'developer',
  });
});

test('parameters that nobody set, and others than can be, err', () =>
  fc.assert(
    fc.property(
      fc.constantFrom('environment', 'maxAgeMs', 'longestOutageMs', 'traffic', 'migrations'),
      fc.constantFrom(undefined, null, -1, 1.5, '', Number.NaN, []),
      (name, value) => {
        fc.pre(!((name === 'traffic' || name === 'migrations') && value === undefined));
        expect(judge({}, { [name]: value }).verdict).toBe('error');
      },
    ),
  ));

test('nothing that a statement leaves out is ever a pass', () =>
  fc.assert(
    fc.property(
      fc.subarray<keyof RollbackRehearsalEvidence>(
        ['backMs', 'longestOutageMs', 'traffic', 'migrated', 'at', 'environment'],
        {
          minLength: 1,
        },
      ),
      (names) => {
        expect(goesOn(judge(without(...names)))).toBe(false);
      },
    ),
  ));
