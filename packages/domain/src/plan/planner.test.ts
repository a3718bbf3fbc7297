import { plans, requests } from '@headgate/testkit/domain/arbitraries';
import {
  aCell,
  aDownMigration,
  aManifest,
  aMigration,
  anApplication,
  anUpgrade,
  aPlan,
  aPolicy,
  aRelease,
  aRequest,
} from '@headgate/testkit/domain/builders';
import { effectOf, unsound } from '@headgate/testkit/domain/effects';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CellState } from '../model/cell.ts';
import type { CellPlan, Plan, Step } from './plan.ts';
import { type PlanRequest, planPromotion } from './planner.ts';
import { type Scope, tenantsInScope, undoSteps } from './undo.ts';

const cell = (plan: Plan, at = 0): CellPlan => plan.cells[at] as CellPlan;
const ids = (plan: Plan, at = 0): string[] => cell(plan, at).steps.map((s) => s.id);
const stepOf = (plan: Plan, id: string): Step => cell(plan).steps.find((s) => s.id === id) as Step;

function codes(more: Partial<PlanRequest>): string[] {
  const planned = planPromotion(aRequest(more));
  if (planned.ok) return [];
  for (const refusal of planned.refusals)
    for (const word of Object.values(refusal)) expect(word, JSON.stringify(refusal)).not.toBe('');
  return planned.refusals.map((r) => `${r.code} ${r.where}`);
}

/** Tenants of one cell on both slots, as a kept promotion of 1.1.0 leaves them. */
function halfWay(): CellState {
  const base = aCell({ schemaVersion: 2, schemaRange: { min: 1, max: 2 } });
  const { ada, ...rest } = base.tenants;
  return {
    ...base,
    slots: { ...base.slots, green: { release: aRelease('1.1.0'), schemaRange: { min: 2, max: 2 } } },
    tenants: { ada: { ...(ada as (typeof base.tenants)[string]), slot: 'green' }, ...rest },
  };
}

/** A cell in which somebody left a tenant in maintenance. */
function holding(): CellState {
  const base = aCell();
  return { ...base, tenants: { ...base.tenants, bob: { slot: 'blue', store: 'main', ring: 'pilot', held: true } } };
}

describe('tenants with stores of their own', () => {
  const upgrade = (more: Partial<PlanRequest> = {}): Plan => {
    const planned = planPromotion(anUpgrade(more));
    if (!planned.ok) throw new Error(planned.refusals[0]?.why);
    return planned.plan;
  };

  test('are taken one after the other, each in a maintenance of its own, and no longer than it takes', () => {
    const [internal, pilot] = [ids(upgrade()).slice(0, 8), ids(upgrade()).slice(8, 15)];
    const group = (wave: number, name: string) =>
      ['hold', 'restore-point', 'migrate', 'route', 'verify', 'open'].map((verb) => `w${wave}.${verb}.${name}`);
    expect(internal).toEqual(['w1.deploy', ...group(1, 'ada'), 'w1.soak']);
    expect(pilot).toEqual([...group(2, 'bob'), 'w2.soak']);
  });

  test('go back without anybody’s leave until they are opened, and lose nothing by it', () => {
    const plan = upgrade();
    expect(stepOf(plan, 'w1.migrate.ada').undo).toMatchObject({ action: { kind: 'restore', store: 'ada', to: 1 } });
    expect(stepOf(plan, 'w1.migrate.ada').undo).not.toHaveProperty('approver');
    expect(stepOf(plan, 'w1.open.ada').undo).toMatchObject({ action: { kind: 'hold' }, approver: 'approver' });
    expect(plan.pointOfNoReturn).toMatchObject({ step: 'w1.open.ada' });
  });

  test('of which one fails go back alone: held, back on their slot and their store, and opened', () => {
    const plan = upgrade();
    const of = cell(plan);
    const scope: Scope = { kind: 'tenant', wave: 2, cell: 'shared', tenants: ['bob'] };
    const begun = (id: string) => of.steps.findIndex((s) => s.id === id) + 1;
    const undo = (id: string) => undoSteps(of, scope, begun(id)).map((s) => s.id);
    expect(undo('w2.migrate.bob')).toEqual([
      'undo.w2.migrate.bob',
      'undo.w2.hold.bob',
      'tenant.recover.reconcile.bob',
      'tenant.recover.verify',
    ]);
    expect(undo('w2.verify.bob').slice(0, 3)).toEqual(['undo.w2.route.bob', 'undo.w2.migrate.bob', 'undo.w2.hold.bob']);
    expect(undo('w2.open.bob').slice(0, 2)).toEqual(['again.w2.open.bob', 'undo.w2.open.bob']);
    expect(undo('w1.soak')).toEqual([]);
  });

  test('who was being opened as somebody else fails is opened again, and who is held goes back with any decision', () => {
    const of = cell(upgrade());
    const elsewhere: Scope = { kind: 'tenant', wave: 1, cell: 'elsewhere', tenants: ['zoe'] };
    const undo = (id: string) => undoSteps(of, elsewhere, of.steps.findIndex((s) => s.id === id) + 1).map((s) => s.id);
    expect(undo('w2.open.bob')).toEqual(['again.w2.open.bob']);
    expect(undo('w2.migrate.bob').slice(0, 2)).toEqual(['undo.w2.migrate.bob', 'undo.w2.hold.bob']);
  });

  test('that need no upgrade only move, together', () => {
    const manifest = aManifest({ schemaRange: { min: 1, max: 1 }, migrations: [] });
    expect(ids(upgrade({ manifest })).slice(0, 4)).toEqual(['w1.deploy', 'w1.route', 'w1.verify', 'w1.soak']);
  });

  test.each<[rule: string, request: Partial<PlanRequest>, code: string]>([
    ['a store that serves two', { cells: [aCell({ schemaRange: { min: 1, max: 1 } })] }, 'shared-store'],
    [
      'an upgrade that nothing takes back, below code that can’t live with it',
      { manifest: aManifest({ schemaRange: { min: 2, max: 2 }, migrations: [aMigration(1)] }) },
      'no-way-back',
    ],
  ])('is refused for %s', (_rule, request, code) => {
    expect(codes(anUpgrade(request))).toEqual([`${code} cell/shared`]);
  });
});

describe('refuses', () => {
  const two = ['main', 'side'];
  const gap = aManifest({ migrations: [aMigration(0), aMigration(2)], schemaRange: { min: 1, max: 3 } });
  test.each<[rule: string, request: Partial<PlanRequest>, expected: string[]]>([
    [
      "another application's release",
      { manifest: aManifest({ application: 'crm' }) },
      [`other-application release/${aRelease().digest}`],
    ],
    ['an environment outside the pipeline', { environment: 'dev' }, ['no-such-environment application/psa']],
    ['an environment without cells', { cells: [] }, ['no-cells environment/production']],
    ['a ring that nobody declared', { cells: [aCell({ tenants: { ada: 'vip' } })] }, ['no-such-ring cell/shared']],
    ['a cell without tenants', { cells: [aCell({ tenants: {} })] }, ['no-tenants cell/shared']],
    ['a tenant that is held', { cells: [holding()] }, ['tenant-held cell/shared']],
    ['what is there already', { release: aRelease('1.0.0') }, ['already-there environment/production']],
    [
      'a cell with one slot',
      { cells: [{ ...aCell(), slots: { blue: { release: aRelease('1.0.0'), schemaRange: { min: 1, max: 2 } } } }] },
      ['no-free-slot cell/shared'],
    ],
    [
      'a third release for a cell on two',
      { cells: [halfWay()], release: aRelease('1.2.0') },
      ['mixed-slots cell/shared'],
    ],
    [
      'a cell in which another application runs',
      { cells: [aCell(), { ...aCell({ cell: 'theirs' }), application: 'blog' }] },
      ['other-application cell/theirs'],
    ],
    ['a gap between migrations', { manifest: gap }, ['migration-gap cell/shared']],
    [
      'a migration that the code before does not run on',
      { cells: [aCell({ schemaRange: { min: 1, max: 1 } })] },
      ['schema-range cell/shared'],
    ],
    [
      'a migration under code of which nobody knows what it runs on',
      { cells: [{ ...aCell(), slots: { blue: { release: aRelease('1.0.0') }, green: {} } }] },
      ['unknown-schema-range cell/shared'],
    ],
    [
      'a release that does not run on what its migrations make',
      { manifest: aManifest({ schemaRange: { min: 3, max: 3 } }) },
      ['schema-range cell/shared'],
    ],
    [
      'a store beyond what the release runs on',
      { cells: [aCell({ schemaVersion: 5, schemaRange: { min: 1, max: 9 } })] },
      ['schema-range cell/shared'],
    ],
    [
      'and says so of each cell',
      { manifest: gap, cells: [aCell({ stores: two }), aCell({ cell: 'dedicated' })] },
      ['migration-gap cell/shared', 'migration-gap cell/dedicated'],
    ],
  ])('%s', (_rule, request, expected) => {
    expect(codes(request)).toEqual(expected);
  });
});

describe('plans', () => {
  test('restore point, migration and code before the first ring of a cell, and only there', () => {
    expect(ids(aPlan())).toEqual([
      'w1.restore-point.main',
      'w1.migrate.main',
      'w1.deploy',
      'w1.route',
      'w1.verify',
      'w1.soak',
      'w2.route',
      'w2.verify',
      'w2.soak',
      'w3.route',
      'w3.verify',
    ]);
  });

  test('each cell in the waves in which it has tenants', () => {
    const plan = aPlan({
      cells: [aCell({ tenants: { ada: 'internal' } }), aCell({ cell: 'dedicated', tenants: { zoe: 'broad' } })],
    });
    expect(plan.waves.map((w) => `${w.n} ${w.ring} ${w.cells.join()}`)).toEqual([
      '1 internal shared',
      '2 broad dedicated',
    ]);
    expect(ids(plan, 1)).toEqual(['w2.restore-point.main', 'w2.migrate.main', 'w2.deploy', 'w2.route', 'w2.verify']);
  });

  test('room first, when something is left in the slot', () => {
    const plan = aPlan({ cells: [aCell({ green: aRelease('0.9.0') })] });
    expect(ids(plan)[0]).toBe('w1.clear');
    expect(stepOf(plan, 'w1.deploy').needs).toEqual(['w1.clear', 'w1.migrate.main']);
  });

  test('nothing for a store that is there already', () => {
    expect(ids(aPlan({ cells: [aCell({ schemaVersion: 2 })] }))[0]).toBe('w1.deploy');
  });

  test('only the cells that are not on the release yet', () => {
    const there = {
      ...aCell({ cell: 'done', schemaVersion: 2 }),
      slots: { blue: { release: aRelease(), schemaRange: { min: 2, max: 2 } }, green: {} },
    };
    expect(aPlan({ cells: [there, aCell()] }).cells.map((c) => c.cell)).toEqual(['shared']);
  });

  test('the rest of a cell that was kept half way, without touching the code that serves there', () => {
    const on = aPlan({ cells: [halfWay()] });
    expect(cell(on)).toMatchObject({ slot: { from: 'blue', to: 'green' } });
    expect(ids(on)).toEqual(['w1.route', 'w1.verify', 'w1.soak', 'w2.route', 'w2.verify']);
    expect(undoSteps(cell(on), { kind: 'all', wave: 2 }, 5).map((s) => s.id)).toEqual([
      'undo.route',
      'recover.reconcile.main',
      'recover.verify',
    ]);
  });

  test('the way back of a cell that was kept half way', () => {
    const back = aPlan({
      cells: [halfWay()],
      release: aRelease('1.0.0'),
      manifest: aManifest({ version: '1.0.0', migrations: [aMigration(0)], schemaRange: { min: 1, max: 2 } }),
    });
    expect(cell(back)).toMatchObject({ slot: { from: 'green', to: 'blue' } });
    expect(stepOf(back, 'w1.route').action).toMatchObject({ tenants: ['ada'], slot: 'blue' });
  });

  test.each([
    ['all kept', [aMigration(1), aMigration(2)], { kind: 'keep' }],
    [
      'all down',
      [aDownMigration(1), aDownMigration(2)],
      { kind: 'act', action: { kind: 'unmigrate', from: 3, to: 1 } },
    ],
    [
      'one kept below',
      [aMigration(1), aDownMigration(2)],
      { kind: 'act', action: { kind: 'unmigrate', from: 3, to: 2 } },
    ],
    ['one kept on top', [aDownMigration(1), aMigration(2)], { kind: 'keep' }],
    [
      'one restored',
      [aDownMigration(1), aMigration(2, { undo: 'restore' })],
      { kind: 'act', action: { kind: 'restore', to: 1 }, approver: 'approver' },
    ],
  ])('the undo of migrations: %s', (_name, migrations, undo) => {
    const manifest = aManifest({ migrations, schemaRange: { min: 3, max: 3 } });
    const plan = aPlan({ manifest, cells: [aCell({ schemaRange: { min: 1, max: 3 } })] });
    expect(stepOf(plan, 'w1.migrate.main').undo).toMatchObject(undo);
  });

  test('down-migrations run from the last to the first', () => {
    const manifest = aManifest({ migrations: [aDownMigration(1), aDownMigration(2)], schemaRange: { min: 3, max: 3 } });
    const plan = aPlan({ manifest, cells: [aCell({ schemaRange: { min: 1, max: 3 } })] });
    expect(stepOf(plan, 'w1.migrate.main').undo).toMatchObject({
      action: { migrations: [{ id: 'm3' }, { id: 'm2' }] },
    });
  });

  test('a point of no return at the first migration that only a restore takes back', () => {
    expect(aPlan().pointOfNoReturn).toBeNull();
    const manifest = aManifest({ migrations: [aMigration(1, { undo: 'restore' })] });
    expect(aPlan({ manifest }).pointOfNoReturn).toMatchObject({ cell: 'shared', step: 'w1.migrate.main' });
  });

  test("the policy's timeouts, with the soak on top", () => {
    const plan = aPlan();
    expect(stepOf(plan, 'w1.migrate.main').timeoutMs).toBe(600_000);
    expect(stepOf(plan, 'w1.soak').timeoutMs).toBe(60_000 + 300_000);
    expect(plan.latestFinish).toBe(aRequest().now + aPolicy().latestFinishMs);
  });

  test('no reconciliation where the application declares none, and only of the tenants that live in a store', () => {
    const { reconciliation: _none, ...application } = anApplication();
    expect(cell(aPlan({ application })).recovery.map((r) => r.id)).toEqual(['recover.verify']);
    const base = aCell({ stores: ['main', 'side'] });
    const tenants = { ...base.tenants, bob: { ...(base.tenants.bob as (typeof base.tenants)[string]), store: 'side' } };
    expect(cell(aPlan({ cells: [{ ...base, tenants }] })).recovery.map((r) => r.action)).toMatchObject([
      { store: 'main', tenants: ['ada', 'cyd'] },
      { store: 'side', tenants: ['bob'] },
      { kind: 'verify', tenants: ['ada', 'bob', 'cyd'] },
    ]);
  });

  test.each([
    ['low', aManifest({ migrations: [] }), aCell({ schemaVersion: 2 })],
    ['medium', aManifest(), aCell()],
    ['high', aManifest({ migrations: [aMigration(1, { undo: 'restore' })] }), aCell()],
    [
      'high',
      aManifest({ components: [{ name: 'db', role: 'worker', recovery: 'system-of-record', files: [], command: [] }] }),
      aCell(),
    ],
  ])('risk %s, with reasons', (level, manifest, from) => {
    const { risk } = aPlan({ manifest, cells: [from] });
    expect(risk.level).toBe(level);
    expect(risk.because.length).toBeGreaterThan(0);
  });
});

test('the same request makes the same plan', () => {
  fc.assert(
    fc.property(requests, (request) => {
      expect(planPromotion(request)).toEqual(planPromotion(structuredClone(request)));
    }),
  );
});

describe('every plan', () => {
  const everyPlan = (rule: (plan: Plan) => void, numRuns = 300): void =>
    fc.assert(fc.property(plans, rule), { numRuns });

  test('has its needs before each step, and ids of one step each', () => {
    everyPlan((plan) => {
      for (const { steps } of plan.cells) {
        expect(new Set(steps.map((s) => s.id)).size).toBe(steps.length);
        for (const [i, step] of steps.entries())
          for (const need of step.needs) expect(steps.slice(0, i).map((s) => s.id)).toContain(need);
      }
    });
  });

  test('routes, then verifies the same tenants, in each wave of a cell, in the order of waves', () => {
    everyPlan((plan) => {
      for (const { cell, steps } of plan.cells) {
        expect(steps.map((s) => s.wave)).toEqual(steps.map((s) => s.wave).sort((a, b) => a - b));
        for (const { n, cells } of plan.waves) {
          const wave = steps.filter((s) => s.wave === n);
          expect(wave.length > 0).toBe(cells.includes(cell));
          if (wave.length === 0) continue;
          // All together, or each that has a store of their own by themselves; watched together in the end.
          const groups = Map.groupBy(
            wave.filter((s) => 'tenants' in s.action && s.action.kind !== 'soak'),
            (s) => ('tenants' in s.action ? s.action.tenants.join() : ''),
          );
          expect(wave.filter((s) => s.action.kind === 'route')).toHaveLength(groups.size);
          for (const group of groups.values()) {
            const kinds = group.map((s) => s.action.kind);
            expect([
              ['route', 'verify'],
              ['hold', 'route', 'verify', 'open'],
            ]).toContainEqual(kinds);
          }
          const watched = wave.flatMap((s) => (s.action.kind === 'soak' ? s.action.tenants : []));
          if (watched.length > 0) expect(watched.join()).toBe([...groups.keys()].join().split(',').sort().join());
        }
      }
    });
  });

  test('takes a restore point before each migration, and moves each tenant that it is for once', () => {
    everyPlan((plan) => {
      for (const { steps, base } of plan.cells) {
        for (const step of steps) {
          if (step.action.kind !== 'migrate') continue;
          const [point] = steps.filter((s) => step.needs.includes(s.id));
          expect(point?.action).toEqual({ kind: 'restore-point', store: step.action.store });
        }
        const moved = steps.flatMap((s) => (s.action.kind === 'route' ? s.action.tenants : []));
        const meant = Object.keys(base.tenants).filter((name) => plan.tenants?.includes(name) ?? true);
        expect([...moved].sort()).toEqual(meant.sort());
      }
    });
  });

  test('keeps schema ranges at every prefix of its steps, and of the undo of every prefix in every scope', () => {
    everyPlan((plan) => {
      for (const cell of plan.cells) {
        let state = cell.base;
        const own = cell.steps.some((step) => step.of !== undefined);
        for (let done = 0; done <= cell.steps.length; done++) {
          expect(unsound(state, own), `after ${done} steps`).toBeUndefined();
          // The last step may have been begun without an effect.
          for (const begun of [done, Math.min(done + 1, cell.steps.length)])
            for (const scope of scopesOf(plan, cell, begun)) {
              let back = state;
              for (const step of undoSteps(cell, scope, begun)) {
                back = effectOf(plan, back, step.action);
                expect(unsound(back, own), `${JSON.stringify(scope)} of ${begun}: ${step.id}`).toBeUndefined();
              }
              // Whom a decision names is served when it is carried out, and nobody else's door was touched.
              const held = Object.keys(back.tenants).filter((name) => back.tenants[name]?.held);
              const named = new Set(tenantsInScope(cell, scope, begun));
              expect(held.filter((name) => named.has(name) || !state.tenants[name]?.held)).toEqual([]);
            }
          const step = cell.steps[done];
          if (step !== undefined) state = effectOf(plan, state, step.action);
        }
      }
    }, 150);
  });
});

function scopesOf(plan: Plan, cell: CellPlan, begun: number): Scope[] {
  const wave = cell.steps[Math.max(begun - 1, 0)]?.wave ?? 1;
  const [tenant] = Object.keys(cell.base.tenants);
  return [
    { kind: 'all', wave },
    { kind: 'cell', wave, cell: cell.cell },
    { kind: 'ring', wave },
    { kind: 'tenant', wave, cell: cell.cell, tenants: tenant === undefined ? [] : [tenant] },
    { kind: 'cell', wave, cell: plan.cells.find((c) => c.cell !== cell.cell)?.cell ?? 'elsewhere' },
  ];
}
