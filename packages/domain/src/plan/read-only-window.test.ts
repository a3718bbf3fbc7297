import {
  aCell,
  aDownMigration,
  aManifest,
  aMigration,
  anApplication,
  anUpgrade,
  aPlan,
  aRequest,
  soundFacts,
} from '@headgate/testkit/domain/builders';
import { sound, World } from '@headgate/testkit/domain/world';
import { offered, begun as promoting } from '@headgate/testkit/domain/worlds';
import { describe, expect, test } from 'vitest';
import { explainPromotion } from '../explain/explain-promotion.ts';
import { judgeGates } from '../gates/catalog.ts';
import type { Operation } from '../model/operation.ts';
import type { Migration } from '../model/release.ts';
import { covers, envelopeOf } from './envelope.ts';
import { type CellPlan, closesOperations, type Plan } from './plan.ts';
import { planPromotion } from './planner.ts';
import { closedMeanwhile } from './read-only-window.ts';
import { renderPlan } from './render.ts';
import { undoSteps } from './undo.ts';

const POST: Operation = {
  name: 'post-invoice',
  says: 'Invoices can’t be posted at the moment.',
  requests: [{ methods: ['POST'], path: '/invoices/*/post' }],
};
const PAY: Operation = { ...POST, name: 'pay' };
const application = anApplication({ operations: [POST, PAY] });
const manifestOf = (...migrations: readonly Migration[]) => aManifest({ migrations });
const planOf = (...migrations: readonly Migration[]): Plan =>
  aPlan({ application, manifest: manifestOf(...migrations) });
const plan = planOf(aDownMigration(1, { closes: ['post-invoice'] }));
const cell = plan.cells[0] as CellPlan;
const backFrom = (id: string, scope: 'all' | 'tenant' = 'all') =>
  undoSteps(
    cell,
    scope === 'all' ? { kind: 'all', wave: 1 } : { kind: 'tenant', wave: 1, cell: cell.cell, tenants: [] },
    cell.steps.findIndex((step) => step.id === id) + 1,
  );

describe('a migration that closes operations', () => {
  test('has them closed right before it and opened right after it, for everybody in its store, and nobody is held', () => {
    const at = cell.steps.findIndex(({ id }) => id === 'w1.migrate.main');
    const tenants = Object.keys(cell.base.tenants).sort();
    expect(cell.steps.slice(at - 2, at + 3).map(({ id }) => id)).toEqual([
      'w1.restore-point.main',
      'w1.close.main',
      'w1.migrate.main',
      'w1.open.main',
      'w1.deploy',
    ]);
    expect(cell.steps[at - 1]).toMatchObject({
      action: { kind: 'close-operations', tenants, operations: [POST], forMs: 60_000 },
      undo: { kind: 'act', action: { kind: 'open-operations', tenants, operations: ['post-invoice'] } },
    });
    expect(cell.steps[at]).toMatchObject({
      needs: ['w1.restore-point.main', 'w1.close.main'],
      action: { closes: [POST] },
    });
    expect(cell.steps[at + 1]?.action).toEqual({ kind: 'open-operations', tenants, operations: ['post-invoice'] });
    expect(cell.steps.some(({ action }) => action.kind === 'hold')).toBe(false);
    expect([closesOperations(plan), closesOperations(planOf(aDownMigration(1)))]).toEqual([true, false]);
  });

  test('closes what all of the store’s migrations name, each once', () => {
    const migrations = [aMigration(1, { closes: ['pay'] }), aMigration(2, { closes: ['post-invoice', 'pay'] })];
    const schemaRange = { min: 1, max: 3 };
    const manifest = aManifest({ migrations, schemaRange: { min: 2, max: 3 } });
    const both = aPlan({ application, manifest, cells: [aCell({ schemaRange })] });
    const [close] = both.cells[0]!.steps.filter(({ action }) => action.kind === 'close-operations');
    expect(close?.action).toMatchObject({ operations: [POST, PAY] });
  });

  test('closes them again while it is taken back, without a step of its own: nobody waits for an approver with them closed', () => {
    expect(backFrom('w1.route').map(({ id }) => id)).toEqual([
      'undo.route',
      'undo.w1.deploy',
      'undo.w1.migrate.main',
      'recover.reconcile.main',
      'recover.verify',
    ]);
    expect(backFrom('w1.route')[2]).toMatchObject({
      approver: 'approver',
      action: { kind: 'unmigrate', closes: [POST] },
    });
  });

  test.each(['w1.close.main', 'w1.migrate.main'])('that ends at %s opens them before anything else', (id) => {
    expect(backFrom(id)[0]).toMatchObject({ id: 'undo.w1.close.main', action: { kind: 'open-operations' } });
    expect(backFrom(id).filter((step) => step.id === 'undo.w1.close.main')).toHaveLength(1);
    expect(backFrom(id)[0]).not.toHaveProperty('approver');
    expect(backFrom(id, 'tenant')[0]?.id).toBe('undo.w1.close.main');
  });

  test('opens them again where nobody knows whether they were opened', () => {
    expect(backFrom('w1.open.main')[0]).toMatchObject({
      id: 'again.w1.open.main',
      action: { kind: 'open-operations' },
    });
  });

  test('says so in words', () => {
    expect(renderPlan(plan).replace(/\s+/g, ' ')).toContain(
      'close post-invoice for ada, bob and cyd: refused with when to come again; everything else is served',
    );
    expect(renderPlan(plan)).toContain('with post-invoice closed');
  });

  test('isn’t covered by an approval of one that closes less, or for fewer', () => {
    const less = structuredClone(plan);
    const steps = less.cells[0]!.steps as unknown as { id: string; action: { tenants: string[] }; needs: string[] }[];
    steps.find(({ id }) => id === 'w1.close.main')!.action.tenants.pop();
    expect(covers(envelopeOf(plan), less)).toBe(false);
    const without = structuredClone(plan) as unknown as { cells: { steps: { id: string }[] }[] };
    without.cells[0]!.steps = without.cells[0]!.steps.filter(({ id }) => id !== 'w1.close.main');
    expect(covers(envelopeOf(plan), without as unknown as Plan)).toBe(false);
  });

  test('no gate stands before its opening, and all stand before its closing', () => {
    const gate = { gate: 'window', at: 'wave', params: {} } as const;
    const step = (id: string) => {
      const { action } = cell.steps.find((each) => each.id === id)!;
      return judgeGates([gate], soundFacts(), { kind: 'step', action, noReturn: false }).length;
    };
    expect([step('w1.close.main'), step('w1.open.main')]).toEqual([1, 0]);
  });

  test('of a tenant’s own store closes nothing: the tenant is held as a whole', () => {
    const upgrade = anUpgrade();
    const migrations = upgrade.manifest.migrations.map((each) => ({ ...each, closes: ['post-invoice'] }));
    const planned = planPromotion({
      ...upgrade,
      application: { ...upgrade.application, operations: [POST] },
      manifest: { ...upgrade.manifest, migrations },
    });
    if (!planned.ok) throw new Error(JSON.stringify(planned.refusals));
    expect(closesOperations(planned.plan)).toBe(false);
  });
});

test('an operation that nobody declared is refused with the nearest one', () => {
  const manifest = manifestOf(aMigration(1, { closes: ['post-invoise'] }));
  const planned = planPromotion(aRequest({ application, manifest, cells: [aCell()] }));
  expect(planned).toMatchObject({
    ok: false,
    refusals: [
      {
        code: 'no-such-operation',
        why: expect.stringContaining('post-invoise, did you mean "post-invoice"?'),
        unblock: expect.stringContaining('headgate apply -f'),
      },
    ],
  });
});

test('a promotion and its rollouts say that they close operations, so that servers of before leave them alone', () => {
  const world = promoting(plan);
  world.run();
  expect(world.promotion).toMatchObject({ closesOperations: true, result: 'promoted' });
  for (const rollout of world.rollouts.values()) expect(rollout).toMatchObject({ closesOperations: true });
  expect(new World(planOf(aDownMigration(1))).promotion).not.toHaveProperty('closesOperations');
});

test('explain says what may be closed while a step is at work, and no longer', () => {
  const said = (id: string, done = false) => {
    const begun = cell.steps.findIndex((step) => step.id === id) + 1;
    return closedMeanwhile(cell, { begun, cursor: done ? begun : begun - 1, undo: null });
  };
  const closed = 'post-invoice may be closed meanwhile for 3 tenants, and opens by itself if nothing goes on';
  expect([said('w1.restore-point.main'), said('w1.close.main'), said('w1.migrate.main', true)]).toEqual([
    undefined,
    closed,
    closed,
  ]);
  expect([said('w1.open.main'), said('w1.open.main', true), said('w1.deploy')]).toEqual([closed, undefined, undefined]);
  const world = promoting(plan);
  world.run(sound, offered(world, 2));
  world.lease('shared');
  const { waits } = explainPromotion(world.promotion, world.rollouts, world.plan, world.gates());
  expect(waits.map(({ why }) => why)).toContainEqual(expect.stringContaining(closed));
});
