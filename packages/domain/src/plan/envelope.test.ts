import { plans } from '@headgate/testkit/domain/arbitraries';
import { aCell, aManifest, aMigration, aPlan, aRelease, digestOf } from '@headgate/testkit/domain/builders';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { covers, envelopeOf, uncovered } from './envelope.ts';
import type { CellPlan, Plan, Step } from './plan.ts';

const approved = aPlan({ cells: [aCell(), aCell({ cell: 'dedicated', tenants: { zoe: 'broad', yan: 'pilot' } })] });
const envelope = envelopeOf(approved);

function withCell(plan: Plan, change: (cell: CellPlan) => Partial<CellPlan>, at = 0): Plan {
  return { ...plan, cells: plan.cells.map((c, i) => (i === at ? { ...c, ...change(c) } : c)) };
}

function withStep(id: string, change: (step: Step) => Partial<Step>, plan = approved, at = 0): Plan {
  return withCell(plan, (c) => ({ steps: c.steps.map((s) => (s.id === id ? { ...s, ...change(s) } : s)) }), at);
}

function without(ids: readonly string[], plan = approved): Plan {
  return withCell(plan, (c) => ({ steps: c.steps.filter((s) => !ids.includes(s.id)) }));
}

/** The same step for other tenants, in its undo as well. */
function forTenants(step: Step, tenants: readonly string[]): Step {
  const action = { ...step.action, tenants } as Step['action'];
  if (step.undo.kind === 'keep' || !('tenants' in step.undo.action)) return { ...step, action };
  return { ...step, action, undo: { ...step.undo, action: { ...step.undo.action, tenants } as Step['action'] } };
}

test('an approval covers the plan that it was given for, whatever its schedule', () => {
  expect(uncovered(envelope, approved)).toEqual([]);
  const waves = approved.waves.map((w) => ({ ...w, soakMs: w.soakMs * 2, n: w.n + 1 }));
  expect(covers(envelope, { ...approved, waves, risk: { level: 'high', because: ['declared'] } })).toBe(true);
  expect(covers(structuredClone(envelope), approved)).toBe(true);
});

describe('stays covered', () => {
  test.each<[string, Plan]>([
    ['when a cell is dropped', { ...approved, cells: approved.cells.slice(0, 1) }],
    ['when the last wave is dropped', without(['w3.route', 'w3.verify'])],
    ['when a wave between is dropped', without(['w2.route', 'w2.verify', 'w2.soak'])],
    ['when it must finish earlier', { ...approved, latestFinish: approved.latestFinish - 1 }],
    ['when a gate is added', { ...approved, gates: [...approved.gates, { gate: 'luck', at: 'wave', params: {} }] }],
    ['when a step is deferred to a later wave', withStep('w3.route', () => ({ wave: 4 }))],
    ['when keys come in another order', JSON.parse(JSON.stringify({ ...approved, risk: approved.risk })) as Plan],
    [
      'when a tenant is deferred to a later ring, with its checks',
      withCell(approved, (c) => ({
        steps: c.steps.filter((s) => s.wave !== 2).map((s) => (s.wave === 3 ? forTenants(s, ['bob', 'cyd']) : s)),
      })),
    ],
  ])('%s', (_rule, plan) => {
    expect(uncovered(envelope, plan)).toEqual([]);
  });

  test('when one of several tenants is dropped from a wave, with its undo and its checks', () => {
    const plan = aPlan({ cells: [aCell({ tenants: { ada: 'pilot', bob: 'pilot' } })] });
    const fewer = withCell(plan, (c) => ({
      steps: c.steps.map((s) => ('tenants' in s.action ? forTenants(s, ['ada']) : s)),
    }));
    expect(uncovered(envelopeOf(plan), fewer)).toEqual([]);
  });

  test('when the point of no return falls away with its step', () => {
    const plan = aPlan({
      cells: [aCell(), aCell({ cell: 'other', schemaVersion: 2 })],
      manifest: aManifest({ migrations: [aMigration(1, { undo: 'restore' })] }),
    });
    const dropped = { ...plan, pointOfNoReturn: null, cells: plan.cells.slice(1) };
    expect(uncovered(envelopeOf(plan), dropped)).toEqual([]);
    expect(uncovered(envelopeOf(plan), { ...plan, pointOfNoReturn: null })).toEqual([
      'the point of no return is hidden',
    ]);
  });
});

describe('is void', () => {
  const other = { kind: 'route', tenants: ['ada'], slot: 'green' } as const;
  test.each<[string, Plan]>([
    ['for another release', { ...approved, release: aRelease('6.6.6') }],
    ['for another environment', { ...approved, environment: 'staging' }],
    ['for another policy', { ...approved, policyDigest: digestOf('other') }],
    ['for another schema range', { ...approved, schemaRange: { min: 0, max: 9 } }],
    ['for another rollback scope', { ...approved, rollbackScope: 'tenant' }],
    ['when it may finish later', { ...approved, latestFinish: approved.latestFinish + 1 }],
    ['without one of its gates', { ...approved, gates: approved.gates.slice(1) }],
    [
      'with a weaker gate',
      {
        ...approved,
        gates: approved.gates.map((g) => (g.gate === 'tests-passed' ? { ...g, params: { minimum: 1 } } : g)),
      },
    ],
    [
      'with a gate that stands elsewhere',
      { ...approved, gates: approved.gates.map((g) => (g.gate === 'window' ? { ...g, at: 'deploy' as const } : g)) },
    ],
    [
      'with another cell',
      { ...approved, cells: [...approved.cells, { ...(approved.cells[0] as CellPlan), cell: 'x' }] },
    ],
    ['from another base', withCell(approved, (c) => ({ base: { ...c.base, stores: { main: { schemaVersion: 0 } } } }))],
    ['into another slot', withCell(approved, (c) => ({ slot: { ...c.slot, to: 'red' } }))],
    ['without the recovery', withCell(approved, () => ({ recovery: [] }))],
    [
      'with a step more',
      withCell(approved, (c) => ({ steps: [...c.steps, { ...(c.steps[0] as Step), id: 'w3.more' }] })),
    ],
    ['with a step twice', withCell(approved, (c) => ({ steps: [...c.steps, c.steps.at(-1) as Step] }))],
    ['without the restore point', without(['w1.restore-point.main'])],
    ['without the migration', without(['w1.migrate.main'])],
    ['without the code', without(['w1.deploy'])],
    ['without a check of who is moved', without(['w2.verify', 'w2.soak'])],
    ['without the watch over who is moved', without(['w1.soak'])],
    ['when a step comes earlier', withStep('w3.route', () => ({ wave: 2 }))],
    ['when steps change places', withCell(approved, (c) => ({ steps: [...c.steps].reverse() }))],
    ['with more tenants', withStep('w1.route', (s) => forTenants(s, ['ada', 'eve']))],
    ['when a tenant comes in an earlier ring', withStep('w1.route', (s) => forTenants(s, ['ada', 'cyd']))],
    ['when it moves nobody', withStep('w1.route', (s) => forTenants(s, []))],
    ['when a tenant is moved that nobody checks', withStep('w2.verify', (s) => forTenants(s, ['ada']))],
    ['when an undo is taken away', withStep('w1.route', () => ({ undo: { kind: 'keep', because: 'why not' } }))],
    [
      'when an undo brings others back',
      withStep('w2.route', (s) => ({ undo: { ...s.undo, action: other } as Step['undo'] })),
    ],
    ['with another timeout', withStep('w1.route', () => ({ timeoutMs: 1 }))],
    ['with other attempts', withStep('w1.route', () => ({ attempts: 99 }))],
    ['with another action', withStep('w1.deploy', () => ({ action: { kind: 'retire', slot: 'green' } }))],
    [
      'when a new point of no return appears',
      { ...approved, pointOfNoReturn: { cell: 'shared', step: 'w1.route', because: 'now' } },
    ],
  ])('%s', (_rule, plan) => {
    expect(uncovered(envelope, plan)).not.toEqual([]);
    expect(covers(envelope, plan)).toBe(false);
  });
});

describe('for every plan', () => {
  const wavesToKeep = fc.array(fc.boolean(), { minLength: 3, maxLength: 3 });

  test('dropping the last waves or any cells keeps it covered', () => {
    fc.assert(
      fc.property(plans, fc.nat(3), wavesToKeep, (plan, last, keepCell) => {
        const cells = plan.cells
          .filter((_c, i) => keepCell[i])
          .map((c) => ({ ...c, steps: c.steps.filter((s) => s.wave <= last) }));
        const hasPoint = cells.some((c) =>
          c.steps.some((s) => s.id === plan.pointOfNoReturn?.step && c.cell === plan.pointOfNoReturn.cell),
        );
        const dropped = { ...plan, cells, pointOfNoReturn: hasPoint ? plan.pointOfNoReturn : null };
        expect(uncovered(envelopeOf(plan), dropped)).toEqual([]);
      }),
    );
  });

  test('deferring from any step on keeps it covered', () => {
    fc.assert(
      fc.property(plans, fc.nat(20), fc.nat(3), (plan, from, by) => {
        const cells = plan.cells.map((c) => ({
          ...c,
          steps: c.steps.map((s, i) => (i >= from ? { ...s, wave: s.wave + by } : s)),
        }));
        expect(uncovered(envelopeOf(plan), { ...plan, cells })).toEqual([]);
      }),
    );
  });

  test('any change to what a step does, to its undo, its order or its deadline voids it', () => {
    const change = fc.constantFrom<(s: Step) => Partial<Step>>(
      (s) => ({ action: { ...s.action, slot: 'elsewhere', store: 'elsewhere' } as unknown as Step['action'] }),
      (s) => ({ undo: s.undo.kind === 'keep' ? { ...s.undo, because: 'x' } : { kind: 'keep', because: 'x' } }),
      (s) => ({ timeoutMs: s.timeoutMs + 1 }),
      (s) => ({ attempts: s.attempts + 1 }),
      (s) => ({ wave: s.wave - 1 }),
      (s) => ({ needs: [...s.needs, 'more'] }),
      (s) => ({ id: `${s.id}x` }),
    );
    fc.assert(
      fc.property(plans, fc.nat(40), change, (plan, at, change) => {
        const steps = plan.cells[0]?.steps ?? [];
        const id = steps[at % steps.length]?.id ?? '';
        expect(covers(envelopeOf(plan), withStep(id, change, plan))).toBe(false);
      }),
    );
  });

  test('exchanging two neighbouring steps voids it', () => {
    fc.assert(
      fc.property(plans, fc.nat(40), (plan, at) => {
        const steps = [...(plan.cells[0]?.steps ?? [])];
        const i = at % (steps.length - 1);
        [steps[i], steps[i + 1]] = [steps[i + 1] as Step, steps[i] as Step];
        expect(
          covers(
            envelopeOf(plan),
            withCell(plan, () => ({ steps })),
          ),
        ).toBe(false);
      }),
    );
  });
});
