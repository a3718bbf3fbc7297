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
} from '@headgate/testkit/domain/builders';
import { describe, expect, test } from 'vitest';
import type { Plan } from './plan.ts';
import { planPromotion } from './planner.ts';
import { renderPlan } from './render.ts';
import { named } from './render-words.ts';

const many = Object.fromEntries([...Array(40).keys()].map((i) => [`tenant-${i + 10}`, 'broad']));
const two = [
  aCell({ tenants: { ada: 'internal', bob: 'pilot', bea: 'pilot', ...many } }),
  aCell({ cell: 'dedicated', tenants: { zoe: 'broad' } }),
];

const PLANS: Readonly<Record<string, () => Plan>> = {
  'expand-two-cells': () => aPlan({ cells: two }),
  'code-only': () => aPlan({ cells: [aCell({ schemaVersion: 2 })], manifest: aManifest({ migrations: [] }) }),
  'ring-scope-down-migration': () =>
    aPlan({
      cells: [aCell({ green: aRelease('0.9.0') }), aCell({ cell: 'dedicated', tenants: { zoe: 'pilot' } })],
      policy: aPolicy({ rollbackScope: 'ring' }),
      manifest: aManifest({ migrations: [aMigration(0), aDownMigration(1)] }),
    }),
  'cell-scope-restore': () =>
    aPlan({
      cells: two,
      policy: aPolicy({ rollbackScope: 'cell' }),
      manifest: aManifest({ migrations: [aMigration(1, { undo: 'restore', phase: 'data' })] }),
    }),
  'own-stores-tenant-scope': () => {
    const planned = planPromotion(anUpgrade());
    if (!planned.ok) throw new Error(planned.refusals[0]?.why);
    return planned.plan;
  },
  'tenant-scope-no-gates': () =>
    aPlan({
      policy: aPolicy({ rollbackScope: 'tenant', gates: [] }),
      application: anApplication({
        rings: [
          { name: 'pilot', soakMs: 90_000 },
          { name: 'broad', soakMs: 0 },
          { name: 'internal', soakMs: 0 },
        ],
      }),
    }),
};

describe('a plan as text', () => {
  test.each(Object.keys(PLANS))('%s', async (name) => {
    const text = renderPlan(PLANS[name]?.() as Plan);
    await expect(text).toMatchFileSnapshot(`./${name}.golden.txt`);
    // What a migration takes away, its declaration doesn't prove: of a plan that runs one nothing is promised.
    if (/ migrate store /.test(text)) expect(text).not.toContain('every step can be undone');
    else expect(text).toContain('every step can be undone');
  });

  test.each(Object.keys(PLANS))('%s fits 100 columns, and names every step', (name) => {
    const plan = PLANS[name]?.() as Plan;
    const text = renderPlan(plan);
    expect(text.split('\n').filter((line) => line.length > 100 || line !== line.trimEnd())).toEqual([]);
    for (const step of plan.cells.flatMap((c) => c.steps)) expect(text).toContain(step.id);
    for (const gate of plan.gates) expect(text).toContain(gate.gate);
  });
});

test('long lists of tenants are shortened, with their count', () => {
  expect(named([])).toBe('nobody');
  expect(named(['ada'])).toBe('ada');
  expect(named(['ada', 'bob', 'cyd'])).toBe('ada, bob and cyd');
  expect(named(Object.keys(many))).toBe('tenant-10, tenant-11, tenant-12, tenant-13, tenant-14 and 35 more, 40 in all');
});
