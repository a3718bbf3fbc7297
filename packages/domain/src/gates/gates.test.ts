import { digestOf, HOUR_MS, MINUTE_MS, NOON, soundFacts } from '@headgate/testkit/domain/builders';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Action, GateSpec } from '../plan/plan.ts';
import type { RehearsalEvidence } from '../rehearsal/rehearsal.ts';
import { GATES, gateNamed, judgeGates } from './catalog.ts';
import { type EvidenceFact, type GateFacts, goesOn, type Subject, type Verdict, type VerdictKind } from './gate.ts';
import { REHEARSAL } from './rehearsed.ts';
import { TEST_RESULT } from './tests-passed.ts';

const MIGRATE: Subject = {
  kind: 'step',
  action: { kind: 'migrate', store: 'main', from: 1, to: 2, migrations: [] },
};
const SOUND_PARAMS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  signature: {},
  'tests-passed': { minimum: 10 },
  soaked: { environment: 'staging', durationMs: HOUR_MS },
  'migrations-analysed': { maxAgeMs: HOUR_MS, longestStallMs: 1_000 },
  rehearsed: { from: 'production', maxAgeMs: HOUR_MS, longestStallMs: 500 },
  'rollback-rehearsed': { environment: 'staging', maxAgeMs: HOUR_MS, longestOutageMs: 1_000 },
  'restore-drilled': { rtoMs: MINUTE_MS, rpoMs: MINUTE_MS, drillMaxAgeMs: HOUR_MS },
  'standby-ready': { maxLagMs: MINUTE_MS },
  'moved-data-agrees': { moves: ['invoice-net'] },
  window: {},
  approval: { count: 1 },
  'restore-point': { maxAgeMs: HOUR_MS },
};

function judge(name: string, facts: Partial<GateFacts> = {}, params = SOUND_PARAMS[name], subject = MIGRATE): Verdict {
  const gate = gateNamed(name);
  if (gate === undefined) throw new Error(`no gate ${name}`);
  return gate.judge(params ?? {}, soundFacts(NOON, facts), subject);
}

const release = soundFacts().release;
const [green, rehearsal] = soundFacts().evidence as [EvidenceFact, EvidenceFact];
const [point] = soundFacts().restorePoints as [GateFacts['restorePoints'][number]];
const [yes] = soundFacts().approvals as [GateFacts['approvals'][number]];
const counts = { passed: 12, failed: 0, skipped: 0, exitCode: 0 };
const freeze = { name: 'month-end', from: NOON - 1, to: NOON + HOUR_MS, reason: 'closing the books' };
const bare: EvidenceFact = {
  digest: green.digest,
  predicateType: TEST_RESULT,
  subject: green.subject,
  verified: true,
  keyId: 'key-1',
};

function rehearsedAs(more: Partial<RehearsalEvidence>): EvidenceFact {
  if (rehearsal.rehearsal === undefined) throw new Error('sound facts have a rehearsal');
  return { ...rehearsal, rehearsal: { ...rehearsal.rehearsal, ...more } };
}

function withoutStall(): EvidenceFact {
  const { longestStallMs: _, ...rest } = rehearsedAs({}).rehearsal as RehearsalEvidence;
  return { ...rehearsal, rehearsal: rest };
}

describe.each<[gate: string, rule: string, verdict: VerdictKind, facts: Partial<GateFacts>]>([
  ['signature', 'passes a release that a pinned key signed', 'pass', {}],
  ['signature', 'has no data without a signature', 'no-data', { release: { ...release, signature: undefined } }],
  [
    'signature',
    'fails a signature that does not verify',
    'fail',
    { release: { ...release, signature: { verified: false, keyId: 'k', why: 'unknown key' } } },
  ],

  ['tests-passed', 'passes enough green tests', 'pass', {}],
  ['tests-passed', 'has no data without evidence', 'no-data', { evidence: [] }],
  ['tests-passed', 'ignores evidence that nobody signed', 'no-data', { evidence: [{ ...green, verified: false }] }],
  [
    'tests-passed',
    "ignores another release's evidence",
    'no-data',
    { evidence: [{ ...green, subject: digestOf('other') }] },
  ],
  ['tests-passed', 'ignores evidence of another kind', 'no-data', { evidence: [{ ...green, predicateType: 'sbom' }] }],
  ['tests-passed', 'fails a result without counts', 'fail', { evidence: [bare] }],
  ['tests-passed', 'fails a failed test', 'fail', { evidence: [{ ...green, result: { ...counts, failed: 1 } }] }],
  ['tests-passed', 'fails an exit code', 'fail', { evidence: [{ ...green, result: { ...counts, exitCode: 1 } }] }],
  ['tests-passed', 'fails too few tests', 'fail', { evidence: [{ ...green, result: { ...counts, passed: 9 } }] }],
  [
    'tests-passed',
    'fails a red run beside a green one',
    'fail',
    { evidence: [green, { ...green, result: { ...counts, failed: 1 } }] },
  ],

  ['soaked', 'passes what ran long enough before', 'pass', {}],
  ['soaked', 'has no data of an environment that it never ran in', 'no-data', { soaked: [] }],
  ['soaked', 'is not fooled by another environment', 'no-data', { soaked: [{ environment: 'dev', promotedAt: 0 }] }],
  [
    'soaked',
    'waits for the rest of the time',
    'pending',
    { soaked: [{ environment: 'staging', promotedAt: NOON - HOUR_MS + 1 }] },
  ],
  [
    'soaked',
    'counts from the earliest promotion',
    'pass',
    {
      soaked: [
        { environment: 'staging', promotedAt: NOON },
        { environment: 'staging', promotedAt: NOON - HOUR_MS },
      ],
    },
  ],

  [
    'soaked',
    'adds up the times of a release that came back',
    'pass',
    {
      soaked: [
        { environment: 'staging', promotedAt: 0, until: HOUR_MS / 2 },
        { environment: 'staging', promotedAt: NOON - HOUR_MS / 2 },
      ],
    },
  ],
  [
    'soaked',
    'counts no time twice',
    'pending',
    {
      soaked: [
        { environment: 'staging', promotedAt: NOON - HOUR_MS / 2 },
        { environment: 'staging', promotedAt: NOON - HOUR_MS / 2 },
      ],
    },
  ],
  [
    'soaked',
    'passes what was there for long enough and was replaced',
    'pass',
    { soaked: [{ environment: 'staging', promotedAt: 0, until: HOUR_MS }] },
  ],
  [
    'soaked',
    'fails what was replaced too soon, however long ago',
    'fail',
    { soaked: [{ environment: 'staging', promotedAt: 0, until: HOUR_MS - 1 }] },
  ],
  [
    'soaked',
    'is not fooled by an end in another environment',
    'pass',
    {
      soaked: [
        { environment: 'dev', promotedAt: 0, until: 1 },
        { environment: 'staging', promotedAt: 0 },
      ],
    },
  ],

  ['rehearsed', 'passes a fresh rehearsal that went well', 'pass', {}],
  [
    'rehearsed',
    'passes a release that migrates nothing',
    'pass',
    { release: { ...release, migrations: 0 }, evidence: [] },
  ],
  ['rehearsed', 'has no data without one', 'no-data', { evidence: [green] }],
  ['rehearsed', 'has no data where nobody counted the migrations', 'no-data', { release, evidence: [] }],
  ['rehearsed', 'ignores one that nobody signed', 'no-data', { evidence: [{ ...rehearsal, verified: false }] }],
  ['rehearsed', 'ignores another release’s', 'no-data', { evidence: [{ ...rehearsal, subject: digestOf('other') }] }],
  ['rehearsed', 'ignores another store’s', 'no-data', { evidence: [rehearsedAs({ environment: 'staging' })] }],
  [
    'rehearsed',
    'ignores a statement that says nothing',
    'no-data',
    { evidence: [{ ...bare, predicateType: REHEARSAL }] },
  ],
  ['rehearsed', 'fails one that did not go well', 'fail', { evidence: [rehearsedAs({ ok: false, because: ['x'] })] }],
  ['rehearsed', 'fails one that is too old', 'fail', { evidence: [rehearsedAs({ at: NOON - HOUR_MS - 1 })] }],
  ['rehearsed', 'errs on one from the future', 'error', { evidence: [rehearsedAs({ at: NOON + 2 * MINUTE_MS })] }],
  [
    'rehearsed',
    'fails one in which others waited too long',
    'fail',
    { evidence: [rehearsedAs({ longestStallMs: 501 })] },
  ],
  ['rehearsed', 'fails a way back to somewhere else', 'fail', { evidence: [rehearsedAs({ wayBack: 'different' })] }],
  ['rehearsed', 'fails a way back that nobody went', 'fail', { evidence: [rehearsedAs({ wayBack: 'not-reached' })] }],
  ['rehearsed', 'passes a loss that is declared', 'pass', { evidence: [rehearsedAs({ wayBack: 'declared-lossy' })] }],
  ['rehearsed', 'has no data where nobody was there to wait', 'no-data', { evidence: [withoutStall()] }],
  [
    'rehearsed',
    'goes by the newest: a bad one after a good one is bad',
    'fail',
    { evidence: [rehearsedAs({ ok: false, at: NOON - 1 }), rehearsal] },
  ],
  [
    'rehearsed',
    '… and a good one after a bad one is good',
    'pass',
    { evidence: [rehearsal, rehearsedAs({ ok: false, at: 0 })] },
  ],

  ['window', 'passes inside all windows', 'pass', {}],
  ['window', 'has no data without a calendar', 'no-data', { windows: [] }],
  ['window', 'waits for a closed calendar', 'pending', { windows: [{ calendar: 'nights', open: false }] }],
  [
    'window',
    'waits for one closed calendar among open ones',
    'pending',
    {
      windows: [
        { calendar: 'a', open: true },
        { calendar: 'b', open: false, changesAt: NOON + 1 },
      ],
    },
  ],
  ['window', 'fails in a freeze, though the window is open', 'fail', { freezes: [freeze] }],
  ['window', 'passes at the end of a freeze', 'pass', { freezes: [{ ...freeze, to: NOON }] }],
  ['window', 'passes before a freeze', 'pass', { freezes: [{ ...freeze, from: NOON + 1 }] }],
  ['window', 'fails in a freeze without a sensible end', 'fail', { freezes: [{ ...freeze, to: 9e15 }] }],

  ['approval', 'passes with an approver', 'pass', {}],
  ['approval', 'waits for one', 'pending', { approvals: [] }],
  ['approval', "ignores the author's own", 'pending', { approvals: [{ ...yes, by: 'usr_author' }] }],
  ['approval', "ignores the requester's own", 'pending', { approvals: [{ ...yes, by: 'usr_manager' }] }],
  ['approval', 'ignores one of another envelope', 'pending', { approvals: [{ ...yes, envelope: digestOf('old') }] }],
  ['approval', 'ignores one that has run out', 'pending', { approvals: [{ ...yes, expiresAt: NOON }] }],

  ['restore-point', 'passes a fresh, verified one', 'pass', {}],
  ['restore-point', 'has no data without one', 'no-data', { restorePoints: [] }],
  ['restore-point', "ignores another store's", 'no-data', { restorePoints: [{ ...point, store: 'other' }] }],
  ['restore-point', 'fails one that was not read back', 'fail', { restorePoints: [{ ...point, verified: false }] }],
  [
    'restore-point',
    'fails one that is too old',
    'fail',
    { restorePoints: [{ ...point, takenAt: NOON - HOUR_MS - 1 }] },
  ],
  [
    'restore-point',
    'is not made fresh by a newer one that was not verified',
    'fail',
    {
      restorePoints: [
        { ...point, takenAt: NOON - 2 * HOUR_MS },
        { ...point, verified: false },
      ],
    },
  ],
  [
    'restore-point',
    'errs on one from the future',
    'error',
    { restorePoints: [{ ...point, takenAt: NOON + 2 * MINUTE_MS }] },
  ],
])('gate %s', (gate, rule, kind, facts) => {
  test(rule, () => {
    const verdict = judge(gate, facts);
    expect(verdict).toMatchObject({ gate, verdict: kind });
    saysWhy(verdict);
  });
});

function saysWhy(verdict: Verdict): void {
  expect(verdict.because).not.toBe('');
  if (goesOn(verdict)) return;
  expect(verdict.unblock, `${verdict.gate} ${verdict.verdict}`).not.toBe('');
  expect(verdict.who, `${verdict.gate} ${verdict.verdict}`).not.toBe('');
}

test('the same person counts once', () => {
  const twice = { approvals: [yes, { ...yes, at: NOON }] };
  expect(judge('approval', twice, { count: 2 }).verdict).toBe('pending');
  expect(judge('approval', { approvals: [yes, { ...yes, by: 'usr_other' }] }, { count: 2 }).verdict).toBe('pass');
});

test('durations are said as people say them', () => {
  const soaked = [{ environment: 'staging', promotedAt: NOON - 5_400 }];
  expect(judge('soaked', { soaked }).because).toBe('in staging for 5 s of 1 h');
  expect(judge('soaked').because).toMatch(/^in staging for [\dhmins ]+, 1 h asked$/);
  const was = [{ environment: 'staging', promotedAt: 0, until: 5_400, ended: 'promotion prm_2 took 2.1.0 there' }];
  expect(judge('soaked', { soaked: was }).because).toBe(
    'was in staging for 5 s of 1 h, and no longer is: promotion prm_2 took 2.1.0 there',
  );
  const long = [{ environment: 'staging', promotedAt: 0, until: HOUR_MS }];
  expect(judge('soaked', { soaked: long }).because).toBe('was in staging for 1 h, 1 h asked');
  const [point] = soundFacts(NOON).restorePoints;
  if (point === undefined) throw new Error('sound facts have a restore point');
  const aged = { restorePoints: [{ ...point, takenAt: NOON - 2 * HOUR_MS - 1 }] };
  expect(judge('restore-point', aged, { maxAgeMs: 2 * HOUR_MS }).because).toContain('is 2 h 1 s old, 2 h are allowed');
});

test('what only time turns says when to ask again', () => {
  const soaked = [{ environment: 'staging', promotedAt: NOON }];
  expect(judge('soaked', { soaked }).askAgainAt).toBe(NOON + HOUR_MS);
  expect(judge('window', { freezes: [freeze] }).askAgainAt).toBe(freeze.to);
  const windows = [{ calendar: 'nights', open: false, changesAt: NOON + 7 }];
  expect(judge('window', { windows }).askAgainAt).toBe(NOON + 7);
});

test.each(Object.keys(SOUND_PARAMS).filter((name) => Object.keys(SOUND_PARAMS[name] ?? {}).length > 0))(
  'gate %s errs on parameters that are missing or malformed',
  (name) => {
    for (const value of [undefined, null, -1, 1.5, '1', Number.NaN, Number.POSITIVE_INFINITY])
      for (const key of Object.keys(SOUND_PARAMS[name] ?? {})) {
        const verdict = judge(name, {}, { ...SOUND_PARAMS[name], [key]: value });
        if ((key === 'environment' || key === 'from') && typeof value === 'string') continue;
        expect(verdict.verdict).toBe('error');
        saysWhy(verdict);
      }
  },
);

test('a restore-point gate before something without a store errs', () => {
  expect(judge('restore-point', {}, { maxAgeMs: 1 }, { kind: 'wave', wave: 1 }).verdict).toBe('error');
});

test('no data never passes, whatever the parameters', () => {
  const nothing: GateFacts = {
    ...soundFacts(),
    release: { ...release, signature: undefined },
    evidence: [],
    approvals: [],
    windows: [],
    restorePoints: [],
    soaked: [],
    drills: [],
  };
  const params = fc.dictionary(
    fc.constantFrom(
      ...['minimum', 'environment', 'durationMs', 'count', 'maxAgeMs', 'from', 'longestStallMs', 'masked'],
      ...['rtoMs', 'rpoMs', 'drillMaxAgeMs', 'longestOutageMs', 'traffic', 'migrations'],
    ),
    fc.oneof(fc.nat(), fc.constant('staging'), fc.anything()),
  );
  fc.assert(
    fc.property(params, fc.constantFrom(...GATES), (given, gate) => {
      const verdict = gate.judge(given, nothing, MIGRATE);
      expect(goesOn(verdict)).toBe(false);
      saysWhy(verdict);
    }),
  );
});

test('what a policy may ask of a rehearsal besides', () => {
  const more = (evidence: EvidenceFact, params: Record<string, unknown>) =>
    judge('rehearsed', { evidence: [evidence] }, { ...SOUND_PARAMS.rehearsed, ...params }).verdict;
  expect(more(rehearsedAs({ masked: false }), { masked: true })).toBe('fail');
  expect(more(rehearsedAs({ masked: false }), {})).toBe('pass');
  expect(more(rehearsedAs({ wayBack: 'declared-lossy' }), { equal: true })).toBe('fail');
  expect(more(rehearsal, { masked: true, equal: true })).toBe('pass');
  for (const from of ['main', 'shared/main', 'production']) expect(more(rehearsal, { from }), from).toBe('pass');
  for (const from of ['shared', 'other/main', '']) expect(more(rehearsal, { from }), from).not.toBe('pass');
  expect(more(rehearsedAs({ runner: 'psql' }), {}), 'run otherwise than Headgate does').toBe('no-data');
  expect(more(rehearsedAs({ runner: 'psql' }), { runner: 'psql' })).toBe('pass');
  for (const bad of [{ masked: 'yes' }, { equal: 1 }, { runner: 'flyway' }]) expect(more(rehearsal, bad)).toBe('error');
});

test('a gate that nobody knows is an error', () => {
  const [verdict] = judgeGates([{ gate: 'horoscope', at: 'wave', params: {} }], soundFacts(), {
    kind: 'wave',
    wave: 1,
  });
  expect(verdict?.verdict).toBe('error');
  saysWhy(verdict as Verdict);
});

describe('where gates stand', () => {
  const specs = Object.entries(SOUND_PARAMS).map(([gate, params]) => ({
    gate,
    at: gateNamed(gate)?.at ?? 'wave',
    params,
  }));
  const standing = (subject: Subject): string[] => judgeGates(specs, soundFacts(), subject).map((v) => v.gate);
  const step = (action: Action): Subject => ({ kind: 'step', action });

  test('all but the step gates before a wave', () => {
    expect(standing({ kind: 'wave', wave: 1 })).toEqual([
      'signature',
      'tests-passed',
      'soaked',
      'migrations-analysed',
      'rehearsed',
      'rollback-rehearsed',
      'restore-drilled',
      'standby-ready',
      'moved-data-agrees',
      'window',
      'approval',
    ]);
  });
  test("only the promotion's before a promotion", () => {
    expect(standing({ kind: 'promotion' })).toEqual([
      'signature',
      'tests-passed',
      'soaked',
      'migrations-analysed',
      'rehearsed',
      'rollback-rehearsed',
      'restore-drilled',
      'moved-data-agrees',
    ]);
  });
  test('again before each step that changes something, but for what its wave consumed', () => {
    expect(standing(step({ kind: 'route', tenants: ['ada'], slot: 'green' }))).toEqual([
      'signature',
      'tests-passed',
      'soaked',
      'migrations-analysed',
      'rehearsed',
      'rollback-rehearsed',
      'restore-drilled',
      'window',
    ]);
    expect(standing(MIGRATE)).toContain('restore-point');
    expect(standing(step({ kind: 'restore-point', store: 'main' }))).toContain('window');
  });
  test('never before a step that only looks', () => {
    const verification = { name: 'v', digest: digestOf('v') };
    expect(standing(step({ kind: 'verify', tenants: ['ada'], verification, slot: 'green' }))).toEqual([]);
  });
  test('every gate describes its parameters, and has a name of its own', () => {
    expect(new Set(GATES.map((g) => g.name)).size).toBe(GATES.length);
    for (const gate of GATES) expect(gate.parameters).toMatchObject({ type: 'object', additionalProperties: false });
  });
});

test('a release that nobody’s promotion has taken to where it soaks may be on its way there: both are said', () => {
  const { because, unblock } = judge('soaked', { soaked: [] });
  expect(because).toBe('this release has not finished a promotion to staging');
  expect(unblock).toBe(
    'promote it there, or wait for the promotion that is on its way; where it serves there already, and a restore of Headgate forgot its promotion, make the same release under another version (`headgate release create FOLDER --key KEY`) and promote that one there first',
  );
});

describe('a freeze', () => {
  const frozen = soundFacts(NOON, { freezes: [freeze] });
  const specs: readonly GateSpec[] = [{ gate: 'signature', at: 'promotion', params: {} }];
  const gatesOf = (subject: Subject, more = specs) =>
    judgeGates(more, frozen, subject).map((v) => `${v.gate} ${v.verdict}`);
  const wave: Subject = { kind: 'wave', wave: 1 };

  test('stands before every wave and every change, although the policy has no window gate', () => {
    expect(gatesOf(wave)).toEqual(['freeze fail', 'signature pass']);
    expect(gatesOf(MIGRATE)).toEqual(['freeze fail', 'signature pass']);
  });
  test('is said once where the policy has the window gate, and where that stands elsewhere all the same', () => {
    const at = (place: 'wave' | 'deploy') => [...specs, { gate: 'window', at: place, params: {} }];
    expect(gatesOf(wave, at('wave'))).toEqual(['signature pass', 'window fail']);
    expect(gatesOf(MIGRATE, at('deploy'))).toEqual(['freeze fail', 'signature pass']);
  });
  test('keeps nobody from looking, and nobody held', () => {
    const verification = { name: 'v', digest: digestOf('v') };
    const looks: Action = { kind: 'verify', tenants: ['ada'], verification, slot: 'green' };
    for (const action of [looks, { kind: 'open', tenants: ['ada'] } as const])
      expect(gatesOf({ kind: 'step', action })).toEqual([]);
  });
  test('without an end says so, and who ends it', () => {
    const unblockOf = (more: object) =>
      judgeGates(specs, soundFacts(NOON, { freezes: [{ ...freeze, ...more }] }), wave)[0]?.unblock;
    // Of one with an end, too, if somebody declared it; no waiver does it.
    expect(unblockOf({ by: 'usr_m' })).toBe('wait for its end, or `headgate freeze lift month-end --because "…"`');
    expect(unblockOf({})).toBe('wait for its end, or take it out of the calendar that declares it');
    const endless = { ...freeze, to: 8.64e15 };
    const [verdict] = judgeGates(specs, soundFacts(NOON, { freezes: [endless] }), wave);
    expect(verdict?.because).toContain('until it is lifted');
    expect(verdict?.unblock).toContain('headgate freeze lift');
    expect(verdict?.askAgainAt).toBeUndefined();
  });
});
