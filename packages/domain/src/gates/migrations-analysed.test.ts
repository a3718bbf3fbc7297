import { digestOf, HOUR_MS, MINUTE_MS, NOON, soundFacts } from '@headgate/testkit/domain/builders';
import { describe, expect, test } from 'vitest';
import { type AnalysedFinding, type AnalysisEvidence, analysisEvidence } from '../analysis/analysis.ts';
import type { MigrationRef } from '../plan/plan.ts';
import { endedWaivers } from './finding-waivers.ts';
import { type EvidenceFact, type GateFacts, goesOn, type Verdict, type VerdictKind } from './gate.ts';
import { ANALYSIS, migrationsAnalysed } from './migrations-analysed.ts';

const sound = soundFacts();
const [migration] = sound.migrating as readonly [MigrationRef];
const evidence = sound.evidence.find(({ predicateType }) => predicateType === ANALYSIS) as EvidenceFact;
const analysis = evidence.analysis as AnalysisEvidence;
const { catalogue } = analysis;
const { catalogue: _, ...withoutSizes } = analysis;

const PARAMS = { maxAgeMs: HOUR_MS, longestStallMs: 1_000, catalogue: 'production' };
const fact = (more: Partial<AnalysisEvidence> = {}): EvidenceFact => ({
  ...evidence,
  analysis: { ...analysis, ...more },
});
function judge(facts: Partial<GateFacts>, params: Record<string, unknown> = {}): Verdict {
  return migrationsAnalysed.judge({ ...PARAMS, ...params }, soundFacts(NOON, facts), { kind: 'promotion' });
}
const of = (...all: EvidenceFact[]): Partial<GateFacts> => ({ evidence: all });
const finding = (more: Partial<AnalysedFinding> = {}): AnalysedFinding => ({
  ...{ to: 2, rule: 'index-build-under-lock', level: 'error', file: '2.sql', line: 7 },
  ...{ statement: 'create index on invoice(number)', why: 'SHARE on public.invoice for 4 min' },
  ...{ safeWay: 'CONCURRENTLY, in a file of its own.', ...more },
});
const found = (...all: AnalysedFinding[]): Partial<GateFacts> =>
  of(fact(analysisEvidence({ ...analysis, findings: all, omitted: 0 })));
const asPhase = (phase: MigrationRef['phase'], more: Partial<AnalysisEvidence>): Partial<GateFacts> => ({
  migrating: [{ ...migration, phase }],
  ...of(fact(more)),
});
const removing = {
  migrations: [{ ...analysis.migrations[0], removes: ['public.invoice.note'] }],
} as Partial<AnalysisEvidence>;

/** What stands below a refusal: the waiver that it takes, as it is put into a policy. */
const block = (rule: string, day = '2026-02-04') =>
  `\nthe waiver, with your reason and your name as because (among the gate’s params in a Policy; in a Service with several environments each with its environment, too):\nwaivers:\n  - {file: "${migration.file.digest}", rule: ${rule}, because: "", until: ${day}} # "${migration.file.name}"`;

describe('the gate migrations-analysed', () => {
  test.each<[string, VerdictKind, Partial<GateFacts>, Record<string, unknown>?]>([
    ['passes a fresh analysis of exactly these bytes', 'pass', {}],
    ['passes a plan that runs nothing', 'pass', { migrating: [], evidence: [] }],
    ['has no data where nobody knows what the plan runs', 'no-data', { migrating: undefined } as never],
    ['has no data without an analysis', 'no-data', { evidence: [] }],
    ['ignores one that nobody signed', 'no-data', of({ ...evidence, verified: false })],
    ['ignores another release’s', 'no-data', of({ ...evidence, subject: digestOf('other') })],
    [
      'ignores one of other bytes',
      'no-data',
      of(fact({ migrations: [{ id: migration.id, to: 2, digest: digestOf('other') }] })),
    ],
    [
      'ignores one that read only some of it',
      'no-data',
      { migrating: [migration, { ...migration, id: 'm3', from: 2, to: 3 }] },
    ],
    [
      'takes the newest of the sizes that it asks for, though one of others is newer',
      'pass',
      of(
        fact({ at: NOON - 2_000 }),
        fact({ at: NOON - 1_000, catalogue: { ...(catalogue as object), of: 'staging' } as never }),
      ),
    ],
    [
      'takes a sound one though another is dated ahead of now',
      'pass',
      of(fact({ at: NOON + HOUR_MS }), fact({ at: NOON })),
    ],
    [
      'takes one that read more',
      'pass',
      of(fact({ migrations: [{ id: 'm1', to: 1, digest: digestOf('1') }, ...analysis.migrations] })),
    ],
    ['fails one that is too old', 'fail', of(fact({ at: NOON - HOUR_MS - 1 }))],
    ['errs on one from the future', 'error', of(fact({ at: NOON + 2 * MINUTE_MS }))],
    ['fails one that calls longer stalls harmless', 'fail', of(fact({ stallMs: 1_001 }))],
    ['has no data where no size was known', 'no-data', of({ ...evidence, analysis: withoutSizes })],
    [
      'takes one without sizes where the policy asks for none',
      'pass',
      of({ ...evidence, analysis: withoutSizes }),
      { catalogue: undefined },
    ],
    ['has no data of another catalogue', 'no-data', of(fact({ catalogue: { ...catalogue, of: 'staging' } as never }))],
    [
      'fails sizes that are too old',
      'fail',
      of(fact({ catalogue: { ...catalogue, readAt: NOON - HOUR_MS - 1 } as never })),
    ],
    [
      'has no data where nobody wrote down when they were read',
      'no-data',
      of(fact({ catalogue: { ...catalogue, readAt: undefined } as never })),
    ],
    [
      'goes by the newest: a bad one after a good one is bad',
      'fail',
      of(evidence, fact({ ...analysisEvidence({ ...analysis, findings: [finding()], omitted: 0 }), at: NOON - 1 })),
    ],
    ['fails what is dangerous', 'fail', found(finding())],
    ['lets warnings by', 'pass', found(finding({ level: 'warning' }))],
    ['… unless the policy says else', 'fail', found(finding({ level: 'warning' })), { level: 'note' }],
    ['lets everything by where the policy says so', 'pass', found(finding()), { level: 'error' }],
    ['passes over notes', 'pass', found(finding({ level: 'note' })), { level: 'note' }],
    ['passes over findings in what the plan doesn’t run', 'pass', found(finding({ to: 1 }))],
    ['fails where more was found than a statement holds', 'fail', of(fact({ more: true }))],
    ['fails a migration that takes something away and is declared to add', 'fail', asPhase('expand', removing)],
    ['passes one that is declared to', 'pass', asPhase('contract', removing)],
    [
      'what running code loses is what a contract is for: its order the planner saw to',
      'pass',
      asPhase(
        'contract',
        analysisEvidence({ ...analysis, findings: [finding({ rule: 'breaks-running-code' })], omitted: 0 }),
      ),
    ],
    [
      '… unless ranges are derived, which say nothing of contracts: then somebody has to',
      'fail',
      asPhase(
        'contract',
        analysisEvidence({ ...analysis, findings: [finding({ rule: 'breaks-running-code' })], omitted: 0 }),
      ),
      { contracts: 'waivers' },
    ],
    [
      '… which is a waiver for that file',
      'waived',
      asPhase(
        'contract',
        analysisEvidence({ ...analysis, findings: [finding({ rule: 'breaks-running-code' })], omitted: 0 }),
      ),
      {
        contracts: 'waivers',
        waivers: [
          { file: migration.file.digest, rule: 'breaks-running-code', because: 'ada looked', until: '2099-12-31' },
        ],
      },
    ],
    ['errs where nobody can tell what answers for contracts', 'error', {}, { contracts: 'nobody' }],
    [
      '… but not what else is dangerous in it',
      'fail',
      asPhase(
        'contract',
        analysisEvidence({ ...analysis, findings: [finding({ rule: 'destroys-data' })], omitted: 0 }),
      ),
    ],
  ])('%s', (_rule, verdict, facts, params) => {
    const judged = judge(facts, params);
    expect(judged).toMatchObject({ verdict });
    expect(judged.because).not.toBe('');
    if (!goesOn(judged)) expect([judged.unblock, judged.who]).not.toContain('');
  });

  test('what a contract takes from running code is said wherever it is let by, waived or not', () => {
    const breaks = finding({ rule: 'breaks-running-code', why: 'code that names note of invoice fails' });
    const facts = asPhase('contract', analysisEvidence({ ...analysis, findings: [breaks], omitted: 0 }));
    expect(judge(facts).because).toMatch(
      /NOT CHECKED: 2\.sql, line 7: code that names note of invoice fails; that what serves until customers are moved does without it/,
    );
    expect(judge({ ...facts, serving: ['1.0.0', '1.1.0'] }).because).toContain(
      'that what serves until customers are moved (1.0.0, 1.1.0) does without it',
    );
    expect(judge(found(finding({ level: 'note' }))).because).not.toContain('NOT CHECKED');
  });

  test('a refusal says file, line, statement, why, and the safe way', () => {
    const { because, unblock } = judge(found(finding(), finding({ rule: 'destroys-data', line: 9 })));
    expect(because).toBe(
      `2.sql, line 7, “create index on invoice(number)”: SHARE on public.invoice for 4 min (index-build-under-lock); and 1 more: ${migration.file.name}: destroys-data (headgate release show ${sound.release.digest} tells some, the statement all)`,
    );
    expect(unblock).toContain('CONCURRENTLY, in a file of its own.');
    expect(unblock).toContain(`waive index-build-under-lock of ${migration.file.digest}`);
  });
});

describe('where waivers answer for contracts', () => {
  const BREAKS = finding({ rule: 'breaks-running-code', why: 'code that names note of invoice fails' });
  const MAY = finding({ rule: 'may-break-running-code', level: 'warning', why: 'code that writes too much fails' });
  const waiverOf = (rule: string) => ({
    ...{ file: migration.file.digest, rule, because: 'ada looked', until: '2099-12-31' },
  });
  const inPhase = (phase: MigrationRef['phase'], ...findings: AnalysedFinding[]) =>
    asPhase(phase, analysisEvidence({ ...analysis, findings, omitted: 0 }));
  const by = (level: string | undefined, ...rules: string[]) => ({
    ...{ contracts: 'waivers', waivers: rules.map(waiverOf), ...(level === undefined ? {} : { level }) },
  });
  const LEVELS = ['note', 'warning', 'error', undefined];

  test.each(LEVELS)('one that breaks running code needs its waiver, also where %s goes by', (level) => {
    const facts = inPhase('contract', BREAKS);
    expect(judge(facts, by(level))).toMatchObject({
      verdict: 'fail',
      because:
        '2.sql, line 7, “create index on invoice(number)”: code that names note of invoice fails (breaks-running-code); whether what serves until customers are moved does without it, nobody has said: a range that is derived says nothing of that',
      unblock: `promote a release first that doesn’t use it any more, and let its watch end; once nothing uses it, somebody says so: waive breaks-running-code of ${migration.file.digest} in the policy, with whoever looked as because${block('breaks-running-code')}`,
    });
    expect(judge({ ...facts, serving: ['1.0.0'] }, by(level)).because).toContain(
      'are moved (1.0.0) does without it, nobody',
    );
    expect(judge(facts, by(level, 'may-break-running-code'))).toMatchObject({ verdict: 'fail' });
    expect(judge(facts, by(level, 'breaks-running-code'))).toMatchObject({
      verdict: 'waived',
      because: '1 migration analysed; waived: breaks-running-code until 2099-12-31 (ada looked)',
    });
  });

  test.each(LEVELS)('one that may break running code needs its own, also where %s goes by', (level) => {
    const facts = inPhase('contract', MAY);
    expect(judge(facts, by(level))).toMatchObject({
      verdict: 'fail',
      because: expect.stringMatching(/fails \(may-break-running-code\); whether what serves .* nobody has said/),
      unblock: expect.stringContaining(`waive may-break-running-code of ${migration.file.digest}`),
    });
    expect(judge(facts, by(level, 'breaks-running-code'))).toMatchObject({ verdict: 'fail' });
    expect(judge(facts, by(level, 'may-break-running-code'))).toMatchObject({ verdict: 'waived' });
  });

  test.each(LEVELS)('a contract that is declared as another phase is no way around it where %s goes by', (level) => {
    const facts = asPhase('expand', removing);
    expect(judge(facts, by(level))).toMatchObject({
      verdict: 'fail',
      because: expect.stringContaining('is declared as expand and takes public.invoice.note from running code'),
    });
    expect(judge(facts, by(level, 'phase-understated'))).toMatchObject({ verdict: 'fail' });
  });

  test('what isn’t counted of a contract could be that, and stops', () => {
    const facts = asPhase('contract', { more: true, moreLevel: 'warning' });
    expect(judge(facts, by('error'))).toMatchObject({ verdict: 'fail', unblock: expect.stringContaining('again') });
    expect(judge(facts, { level: 'error' })).toMatchObject({ verdict: 'pass' });
    expect(judge(asPhase('expand', { more: true, moreLevel: 'warning' }), by('error'))).toMatchObject({
      verdict: 'pass',
    });
  });

  test('notes, what only adds, and what else is dangerous go by the level as ever', () => {
    expect(judge(inPhase('contract', { ...MAY, level: 'note' }), by('note'))).toMatchObject({ verdict: 'pass' });
    expect(judge(inPhase('expand', MAY), by(undefined))).toMatchObject({ verdict: 'pass' });
    expect(judge(inPhase('contract', finding({ level: 'warning' })), by(undefined))).toMatchObject({
      verdict: 'pass',
      because: '1 migration analysed: nothing worse than warning is left',
    });
  });

  test('and where ranges do, that nobody looked is said at any level', () => {
    for (const level of ['warning', 'error'])
      expect(judge(inPhase('contract', BREAKS), { level }).because).toContain(
        'NOT CHECKED: 2.sql, line 7: code that names note of invoice fails',
      );
    expect(judge(inPhase('contract', MAY)).because).toContain('NOT CHECKED: 2.sql, line 7: code that writes too much');
  });
});

test('a safe way is laid out as it is typed, below its words', () => {
  const safeWay = 'Alone, in a file:\n-- headgate:no-transaction\ncreate index concurrently i on invoice(number);';
  expect(judge(found(finding({ safeWay }))).unblock).toBe(
    `Alone, in a file:\n    -- headgate:no-transaction\n    create index concurrently i on invoice(number);\nin a new release; or waive index-build-under-lock of ${migration.file.digest} in the policy${block('index-build-under-lock')}`,
  );
});

test('a refusal of an understated phase names the statements that make it so', () => {
  const takenBy = [
    { line: 3, statement: 'alter table invoice drop column note' },
    { line: 8, statement: 'drop table old' },
  ];
  const { because } = judge(asPhase('expand', { migrations: [{ ...removing.migrations?.[0], takenBy }] } as never));
  expect(because).toContain(
    'takes public.invoice.note from running code: line 3, “alter table invoice drop column note”; line 8, “drop table old”',
  );
});

test('a file that has to be declared as contract first is offered no waiver, those beside it are', () => {
  const other: MigrationRef = {
    ...migration,
    id: 'm3',
    from: 2,
    to: 3,
    file: { ...migration.file, digest: digestOf('3') },
  };
  const loses = (to: number) => finding({ to, rule: 'destroys-data' });
  const migrations = [...(removing.migrations ?? []), { id: 'm3', to: 3, digest: digestOf('3') }];
  const unblockOf = (...findings: AnalysedFinding[]) =>
    judge({
      migrating: [migration, other],
      ...of(fact({ ...analysisEvidence({ ...analysis, findings, omitted: 0 }), migrations })),
    }).unblock;
  expect(unblockOf(loses(2), finding({ rule: 'breaks-running-code' }))).not.toContain('waivers:');
  const beside = unblockOf(loses(2), loses(3));
  expect(beside).toContain(`{file: "${digestOf('3')}", rule: destroys-data`);
  expect(beside).not.toContain(`file: "${migration.file.digest}"`);
});

describe('findings that had no room', () => {
  const waivers = [
    { file: migration.file.digest, rule: 'fails', because: 'looked at, each (usr_dba)', until: '2099-01-01' },
  ];
  const left = [{ to: 2, rule: 'fails', level: 'error' as const, count: 900 }];
  const counted = of(fact(analysisEvidence({ ...analysis, findings: [], omitted: 0, left })));
  test('and are counted by rule and file stop like those that are told, and are waived like them', () => {
    expect(judge(counted)).toMatchObject({ verdict: 'fail', because: expect.stringContaining('fails') });
    expect(judge(counted, { waivers })).toMatchObject({ verdict: 'waived' });
    expect(judge(counted, { waivers: [{ ...waivers[0], rule: 'destroys-data' }] })).toMatchObject({ verdict: 'fail' });
  });
  test('and aren’t counted nobody can waive', () => {
    const omitted = of(fact(analysisEvidence({ ...analysis, findings: [], omitted: 1, left })));
    expect(judge(omitted, { waivers })).toMatchObject({
      verdict: 'fail',
      unblock: expect.stringContaining('analyse it again'),
    });
  });
  test('in more files than are counted stop only where what is left out can be as bad', () => {
    const warnings = Array.from({ length: 400 }, (_, i) => finding({ level: 'warning', rule: `r${i}` }));
    const many = of(fact(analysisEvidence({ ...analysis, findings: warnings, omitted: 0 })));
    expect(judge(many)).toMatchObject({ verdict: 'pass' });
    expect(judge(many, { level: 'note', waivers })).toMatchObject({ verdict: 'fail' });
  });
});

describe('a waiver', () => {
  const waiver = {
    file: migration.file.digest,
    rule: 'index-build-under-lock',
    because: 'quiet night, agreed with ops',
    until: '2099-01-01',
  };
  const waived = (more: object, facts = found(finding())) => judge(facts, { waivers: [{ ...waiver, ...more }] });

  test('lets a rule’s findings in a file by, and is told with its reason and its end', () => {
    expect(waived({})).toMatchObject({
      verdict: 'waived',
      because: expect.stringContaining('index-build-under-lock until 2099-01-01 (quiet night, agreed with ops)'),
    });
  });
  test.each([
    ['of another rule', { rule: 'destroys-data' }],
    ['of other bytes', { file: digestOf('other') }],
    ['that has ended', { until: new Date(NOON - 1_000).toISOString().replace('.000', '') }],
  ])('%s lets nothing by', (_what, more) => expect(waived(more)).toMatchObject({ verdict: 'fail' }));
  test('holds to the end of its last day', () => {
    expect(waived({ until: new Date(NOON).toISOString().slice(0, 10) })).toMatchObject({ verdict: 'waived' });
  });
  test.each([
    { because: ' ' },
    { until: 'soon' },
    { until: '2099-13-01' },
    { until: '2099-02-31' },
    { file: 'x' },
    { rule: 3 },
  ])('that isn’t whole (%j) is an error, and none counts', (more) =>
    expect(waived(more)).toMatchObject({ verdict: 'error' }),
  );
  test('is listed once it has ended, and not before', () => {
    const gates = [{ gate: 'migrations-analysed', at: 'promotion' as const, params: { waivers: [waiver] } }];
    const end = Date.UTC(2099, 0, 2);
    expect(endedWaivers(gates, end - 1)).toEqual([]);
    expect(endedWaivers(gates, end)).toMatchObject([{ rule: waiver.rule, file: waiver.file, until: '2099-01-01' }]);
  });
  test('is of one finding, not of those beside it', () => {
    expect(waived({}, found(finding(), finding({ rule: 'destroys-data' })))).toMatchObject({
      verdict: 'fail',
      because: expect.stringContaining('destroys-data'),
    });
  });
  test.each(['note', 'warning', 'error'])('of an understated phase is none, and no level lets one by: %s', (level) => {
    const waivers = [{ ...waiver, rule: 'phase-understated' }];
    const judged = judge(asPhase('expand', removing), { waivers, level });
    expect(judged).toMatchObject({ verdict: 'fail', unblock: expect.stringContaining('Nothing waives that') });
  });
});

describe('what is kept of an analysis', () => {
  test('is bounded, counted in full, and tells the worst of each rule first', () => {
    const many = Array.from({ length: 2_000 }, (_, i) => finding({ line: i + 1, why: 'x'.repeat(5_000) }));
    const one = finding({ rule: 'destroys-data', line: 9_999 });
    const kept = analysisEvidence({ ...analysis, findings: [finding({ level: 'note' }), ...many, one], omitted: 0 });
    expect(kept.found).toEqual([
      { to: 2, rule: 'index-build-under-lock', level: 'error', count: 2_000 },
      { to: 2, rule: 'destroys-data', level: 'error', count: 1 },
    ]);
    expect(kept.told.slice(0, 2).map(({ rule }) => rule)).toEqual(['index-build-under-lock', 'destroys-data']);
    expect(JSON.stringify(kept).length).toBeLessThan(16_000);
    expect(analysisEvidence({ ...analysis, findings: [], omitted: 1 }).more).toBe(true);
  });
});

describe('what needs a waiver is told at once', () => {
  const file = (to: number) => ({ name: `${to}.sql`, digest: digestOf(`file ${to}`), size: 1 });
  const migrating = Array.from({ length: 30 }, (_, i) => ({
    ...{ id: `m${i + 2}`, from: i + 1, to: i + 2, phase: 'contract' as const, file: file(i + 2) },
  }));
  const migrations = migrating.map(({ id, to, file: { digest } }) => ({ id, to, digest }));
  const breaks = (to: number, more: Partial<AnalysedFinding> = {}) =>
    finding({ to, rule: 'breaks-running-code', file: `${to}.sql`, ...more });
  const facts = (...findings: AnalysedFinding[]) => ({
    migrating,
    ...of(fact(analysisEvidence({ ...analysis, migrations, findings, omitted: 0 }))),
  });
  const judged = (...findings: AnalysedFinding[]) => judge(facts(...findings), { contracts: 'waivers' });
  const three = [
    breaks(2),
    breaks(3),
    breaks(3, { line: 9 }),
    breaks(4, { rule: 'may-break-running-code', level: 'warning' }),
  ];
  const lines = (unblock: string) => unblock.split('\n').filter((line) => line.startsWith('  - {file: '));

  test('every file with its rule, by name and as it is put into a policy', () => {
    const { because, unblock } = judged(...three);
    expect(because).toContain('; and 3 more: 3.sql: breaks-running-code (2), 4.sql: may-break-running-code (');
    expect(lines(unblock)).toEqual(
      [
        [2, 'breaks'],
        [3, 'breaks'],
        [4, 'may-break'],
      ].map(([to, how]) => {
        const { digest, name } = file(to as number);
        return `  - {file: "${digest}", rule: ${how}-running-code, because: "", until: 2026-02-04} # "${name}"`;
      }),
    );
  });

  test('of a service with its environment, and before it who in another one is left behind by it', () => {
    const there = { environment: 'staging', elsewhere: [{ environment: 'production', version: '1.4.0', schema: 1 }] };
    const asked = (contracts: string) =>
      judge({ ...facts(...three, breaks(5, { rule: 'destroys-data' })), ...there }, { contracts }).unblock;
    expect(asked('waivers')).toContain('any more (through all environments: production still runs 1.4.0), and let');
    expect(asked('waivers')).toMatch(
      /\nbefore you waive: production still runs 1\.4\.0, .* gets there past staging afterwards\nthe waivers of/,
    );
    expect(lines(asked('waivers')).every((line) => line.includes(', environment: staging} # '))).toBe(true);
    // Where somebody declares ranges it is a Policy as a rule, in which no environment can stand.
    expect(lines(asked('ranges')).some((line) => line.includes('environment'))).toBe(false);
  });

  test('and with all of those waived it goes on', () => {
    const asked = lines(judged(...three).unblock).map((line) => {
      const [, digest, rule] = /file: "(\S+)", rule: (\S+),/.exec(line) as unknown as [string, string, string];
      return { file: digest, rule, because: 'ada looked', until: '2099-12-31' };
    });
    expect(judge(facts(...three), { contracts: 'waivers', waivers: asked }).verdict).toBe('waived');
    expect(judge(facts(...three), { contracts: 'waivers', waivers: asked.slice(1) }).verdict).toBe('fail');
  });

  test('as far as there is room, and the rest is counted', () => {
    const { because, unblock } = judged(...migrating.map(({ to }) => breaks(to)));
    expect(lines(unblock)).toHaveLength(20);
    expect(unblock).toContain('# and 10 more, which are told once these are waived');
    expect(because).toContain('9 more rules in files');
  });

  test('in words that don’t change while they are waited for', () => {
    const later = migrationsAnalysed.judge(
      { ...PARAMS, contracts: 'waivers' },
      soundFacts(NOON + MINUTE_MS, facts(...three)),
      { kind: 'promotion' },
    );
    expect(later.unblock).toBe(judged(...three).unblock);
  });
});
