import { describe, expect, test } from 'vitest';
import type { EvidenceFact } from '../gates/gate.ts';
import { REHEARSAL } from '../gates/rehearsed.ts';
import type { Step } from '../plan/plan.ts';
import type { RehearsalEvidence } from '../rehearsal/rehearsal.ts';
import { migrationTimes, type Promised, type StepEntry, toldTimes } from './migration-times.ts';

const RELEASE = 'sha256:r';
const ids = ['001', '002', '003'];
const step = {
  id: 'w1.migrate',
  action: {
    ...{ kind: 'migrate', store: 'main', from: 0, to: 3 },
    migrations: ids.map((id, n) => ({ id, from: n, to: n + 1, phase: 'expand', file: {} })),
  },
} as unknown as Step;
const cell = { cell: 'live', steps: [step] };

const times = (of: Readonly<Record<string, number>>) =>
  Object.entries(of).map(([migration, durationMs]) => ({ migration, durationMs }));
function rehearsed(more: Partial<RehearsalEvidence> = {}, fact: Partial<EvidenceFact> = {}): EvidenceFact {
  const rehearsal = {
    ...{ cell: 'shop-production', store: 'main', at: 100, masked: true, runner: 'headgate', ok: true },
    ...{ wayBack: 'equal', longestStallMs: 1, durationMs: 1, because: [], migrations: times({ '001': 1_100 }) },
    ...more,
  } as RehearsalEvidence;
  const base = {
    digest: `sha256:${rehearsal.at}`,
    predicateType: REHEARSAL,
    subject: RELEASE,
    verified: true,
    keyId: 'k',
  };
  return { ...base, rehearsal, ...fact } as EvidenceFact;
}
const entry = (result: object | undefined, more: Partial<StepEntry> = {}): StepEntry => ({
  ...{ at: 1_000, type: 'rollout.step-done', data: { step: 'w1.migrate', n: 1, ...(result && { result }) } },
  ...more,
});
const measured = (of: Readonly<Record<string, number>>) => entry({ schemaVersion: 3, migrations: times(of) });
const gate = (params: object) => ({ gate: 'rehearsed', at: 'promotion', params }) as Promised['plan']['gates'][number];
const promised = (evidence: readonly EvidenceFact[], gates: Promised['plan']['gates'] = []): Promised =>
  ({ plan: { gates }, release: RELEASE, evidence }) as Promised;
const words = (of: Promised, entries: readonly StepEntry[]) => migrationTimes(of, cell, entries).map((t) => t.words);

describe('what a migration took is told against what was promised', () => {
  const one = rehearsed();
  test.each<[string, readonly EvidenceFact[], StepEntry, readonly string[]]>([
    [
      'as rehearsed',
      [one],
      measured({ '001': 1_200 }),
      ['migration 001: 1.2 s, as rehearsed (1.1 s on a copy of shop-production/main)'],
    ],
    [
      'slower, with how much',
      [rehearsed({ migrations: times({ '001': 2_200 }) })],
      measured({ '001': 9_000 }),
      ['migration 001: 9.0 s, 4.1 times what the rehearsal promised (2.2 s on a copy of shop-production/main)'],
    ],
    [
      'faster',
      [rehearsed({ migrations: times({ '001': 90_000 }), environment: 'production' })],
      measured({ '001': 900 }),
      ['migration 001: 900 ms, faster than rehearsed (1 min 30 s on a copy of shop-production/main)'],
    ],
    ['never rehearsed', [], measured({ '001': 1_200 }), ['migration 001: 1.2 s, not rehearsed']],
    [
      'each for itself, in the order of the plan',
      [rehearsed({ migrations: times({ '003': 10, '001': 10, other: 5 }) })],
      measured({ '002': 3, '001': 4 }),
      [
        'migration 001: 4 ms, as rehearsed (10 ms on a copy of shop-production/main)',
        'migration 002: 3 ms, not rehearsed',
        'migration 003: not measured (the rehearsal took 10 ms on a copy of shop-production/main)',
      ],
    ],
    [
      'by an agent that says nothing: nothing is known of it, and it isn’t kept',
      [one],
      entry({ schemaVersion: 3 }),
      ['migration 001: not measured (the rehearsal took 1.1 s on a copy of shop-production/main)'],
    ],
    ['by neither: nothing', [], entry({ schemaVersion: 3 }), []],
    [
      'by a rehearsal of which nobody wrote that down',
      [rehearsed({ migrations: undefined as never })].map(({ rehearsal, ...rest }) => {
        const { migrations: _, ...older } = rehearsal as RehearsalEvidence;
        return { ...rest, rehearsal: older };
      }),
      measured({ '001': 1_200 }),
      ['migration 001: 1.2 s; how long its rehearsal took was not written down'],
    ],
    [
      'of a rehearsal that came later it promised nothing',
      [rehearsed({ at: 1_001 })],
      measured({ '001': 7 }),
      ['migration 001: 7 ms, not rehearsed'],
    ],
    [
      'of another release',
      [rehearsed({}, { subject: 'sha256:x' as never })],
      measured({ '001': 7 }),
      ['migration 001: 7 ms, not rehearsed'],
    ],
    [
      'that nobody verified',
      [rehearsed({}, { verified: false })],
      measured({ '001': 7 }),
      ['migration 001: 7 ms, not rehearsed'],
    ],
    ['that psql ran', [rehearsed({ runner: 'psql' })], measured({ '001': 7 }), ['migration 001: 7 ms, not rehearsed']],
  ])('%s', (_, evidence, ended, expected) => {
    expect(words(promised(evidence), [ended])).toEqual(expected);
  });

  test('what a step ran before it failed counts with what it ran after; of what is to come nothing is said', () => {
    const failed = entry({ migrations: times({ '001': 1_000 }) }, { type: 'rollout.step-failed', at: 900 });
    const all = promised([rehearsed({ migrations: times({ '001': 900, '002': 5, '003': 5 }) })]);
    expect(words(all, [failed])).toEqual([expect.stringContaining('001: 1.0 s, as rehearsed')]);
    expect(migrationTimes(all, cell, [failed, measured({ '002': 5, '003': 5 })]).map((t) => t.verdict)).toEqual([
      'kept',
      'kept',
      'kept',
    ]);
  });

  test('a step that hasn’t ended, and another step’s entries, say nothing', () => {
    const other = { data: { step: 'w2.migrate', result: { migrations: times({ '001': 5 }) } } };
    expect(words(promised([one]), [entry({}, { type: 'rollout.leased' }), entry({}, other)])).toEqual([]);
  });
});

describe('of several rehearsals the one counts', () => {
  const of = (more: Partial<RehearsalEvidence>, ms: number) => rehearsed({ ...more, migrations: times({ '001': ms }) });
  const other = of({ cell: 'copy', store: 'eu', at: 400 }, 40);
  const named = of({ cell: 'stage', at: 300 }, 30);
  const own = of({ cell: 'live', at: 200 }, 20);
  const asked = of({ cell: 'shop', store: 'big', at: 150 }, 15);
  const older = of({ cell: 'shop', store: 'big', at: 140 }, 14);
  test.each<[string, readonly EvidenceFact[], Promised['plan']['gates'], number]>([
    ['that the gate counted', [older, asked, own, named, other], [gate({ from: 'shop/big' })], 15],
    ['of the very store', [own, named, other], [gate({ from: 'shop/big' })], 20],
    ['of a store of that name', [named, other], [], 30],
    ['that is newest', [older, other], [], 40],
    [
      'that a gate which takes psql asks for',
      [of({ runner: 'psql', store: 'big' }, 9), own],
      [gate({ from: 'big', runner: 'psql' })],
      9,
    ],
  ])('%s', (_, evidence, gates, expected) => {
    expect(migrationTimes(promised(evidence, gates), cell, [measured({ '001': 10 })])).toMatchObject([
      { promisedMs: expected, store: 'main', step: 'w1.migrate' },
    ]);
  });
});

test('of very many those are left out that tell least', () => {
  const [told] = migrationTimes(promised([rehearsed()]), cell, [measured({ '001': 1_100 })]);
  const slow = { ...told!, verdict: 'slower' as const };
  const bounded = toldTimes([...Array.from({ length: 250 }, () => ({ ...told! })), slow]);
  expect(bounded.left).toBe(51);
  expect(bounded.told.at(-1)).toBe(slow);
});
