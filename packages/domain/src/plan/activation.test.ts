import {
  aCell,
  aDownMigration,
  aManifest,
  aMigration,
  anApplication,
  aPlan,
  aPolicy,
  aRelease,
  aRequest,
} from '@headgate/testkit/domain/builders';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { wayBack } from '../explain/plan-in-words.ts';
import type { Operation } from '../model/operation.ts';
import type { ReleaseManifest } from '../model/release.ts';
import type { Rollout } from '../rollout/state.ts';
import { closedUntil, isActivation, isClosedUntil } from './activation.ts';
import { covers, envelopeOf, uncovered } from './envelope.ts';
import { askedBefore } from './no-return.ts';
import { type CellPlan, closesOperations, type Plan } from './plan.ts';
import { planPromotion } from './planner.ts';
import { renderPlan } from './render.ts';
import { twoDecisions } from './two-decisions.ts';
import { undoSteps } from './undo.ts';

const FILE: Operation = {
  name: 'file-return',
  says: 'Returns can’t be filed yet.',
  requests: [{ methods: ['POST'], path: '/returns' }],
};
const PAY: Operation = { ...FILE, name: 'pay' };
const application = anApplication({ operations: [PAY, FILE] });
const because = 'the tax office keeps what it got';
const manifestOf = (more: Partial<ReleaseManifest> = {}) =>
  aManifest({
    schemaRange: { min: 1, max: 3 },
    migrations: [aDownMigration(1)],
    activates: [{ operation: 'file-return', because }],
    ...more,
  });
const planOf = (more: Partial<ReleaseManifest> = {}): Plan => aPlan({ application, manifest: manifestOf(more) });
const begunWith = ({ steps }: CellPlan, id: string) => steps.findIndex((step) => step.id === id) + 1;

const plan = planOf();
const cell = plan.cells[0] as CellPlan;
const first = cell.steps.find(isActivation)!;

describe('what a release activates', () => {
  test('makes its plan one of high risk, in words, though it changes nothing but stateless code', () => {
    const from = aCell({ schemaVersion: 2, schemaRange: { min: 1, max: 3 } });
    const risk = (more: Partial<ReleaseManifest>) =>
      aPlan({ application, manifest: manifestOf({ migrations: [], ...more }), cells: [from] }).risk;
    expect(risk({})).toEqual({
      level: 'high',
      because: ['it activates file-return, and what was done by it can’t be undone'],
    });
    expect(risk({ activates: [] })).toEqual({ level: 'low', because: ['it changes stateless code only'] });
    const both = [
      { operation: 'pay', because },
      { operation: 'file-return', because },
    ];
    expect(risk({ activates: both }).because).toEqual([
      'it activates pay and file-return, and what was done by them can’t be undone',
    ]);
  });

  test('is closed on the new slot, without an end, before a ring’s tenants come there, and opened behind the last ring', () => {
    for (const route of cell.steps.filter(({ action }) => action.kind === 'route')) {
      const { tenants } = route.action as never as { tenants: readonly string[] };
      const close = cell.steps.find(({ id }) => id === `w${route.wave}.close`)!;
      expect(close.action).toEqual({ kind: 'close-operations', tenants, operations: [FILE], slot: cell.slot.to });
      expect(route.needs).toContain(close.id);
    }
    const rings = plan.waves.filter(({ activates }) => activates === undefined).map(({ ring }) => ring);
    expect(plan.waves.filter(({ activates }) => activates).map(({ ring }) => ring)).toEqual(rings);
    expect(first.wave).toBe(rings.length + 1);
    expect(closesOperations(plan)).toBe(true);
    expect(planOf({ activates: [] }).waves).toHaveLength(rings.length);
  });

  test('is checked and watched again, ring by ring, and needs every check before it', () => {
    const looks = cell.steps.filter(
      ({ action: { kind }, wave }) => wave < first.wave && (kind === 'verify' || kind === 'soak'),
    );
    expect(first.needs).toEqual(looks.map(({ id }) => id));
    expect(cell.steps.filter(({ wave }) => wave === first.wave).map(({ id }) => id)).toEqual(
      [`w${first.wave}.activate`, `w${first.wave}.verify`, `w${first.wave}.soak`].filter((id) =>
        cell.steps.some((step) => step.id === id),
      ),
    );
  });

  test('has to be declared by the application, and a name that isn’t is refused with the nearest', () => {
    const request = aRequest({
      application,
      manifest: manifestOf({ activates: [{ operation: 'file-retrun', because }] }),
    });
    const planned = planPromotion(request);
    expect(planned).toMatchObject({ ok: false, refusals: [{ code: 'no-such-operation' }] });
    expect(planned.ok ? '' : planned.refusals[0]?.why).toMatch(/file-retrun.*file-return/);
  });

  test('is asked for by no check of the release, since the rings would fail: such a plan is refused, with the checks', () => {
    const asked = [
      { check: 'books/file', operation: 'file-return' },
      { check: 'books/pay', operation: 'pay' },
    ];
    const planned = planPromotion(aRequest({ application, manifest: manifestOf(), asked }));
    expect(planned).toMatchObject({ ok: false, refusals: [{ code: 'asks-too-early' }] });
    expect(planned.ok ? '' : planned.refusals[0]?.why).toMatch(/check books\/file would fail.*asks for file-return/);
    expect(planPromotion(aRequest({ application, manifest: manifestOf(), asked: asked.slice(1) })).ok).toBe(true);
  });

  test('is a point of no return, and a go is asked for right before the first of it', () => {
    expect(plan.pointOfNoReturn?.step).toBe(first.id);
    expect(askedBefore(cell)?.id).toBe(first.id);
    const contract = planOf({ migrations: [aMigration(1, { phase: 'data', undo: 'keep' })] });
    expect(askedBefore(contract.cells[0]!)?.id).toBe('w1.restore-point.main');
  });

  test('is said in the plan: what, why, and in which wave', () => {
    const text = renderPlan(plan).replace(/\s+/g, ' ');
    expect(text).toContain(`file-return, closed on the release until everybody is on it: ${because}`);
    expect(text).toContain(`Wave ${first.wave}: activation for ring ${plan.waves[0]?.ring}`);
    expect(closedUntil(cell, begunWith(cell, 'w1.route'))).toContain(`which begins with ${first.id}`);
    expect(closedUntil(cell, cell.steps.length)).toBeUndefined();
  });
});

describe('an approval', () => {
  const envelope = envelopeOf(plan);
  const changed = (change: (step: CellPlan['steps'][number]) => boolean | number): Plan => {
    const steps = cell.steps.flatMap((step) => {
      const to = change(step);
      return to === false ? [] : [to === true ? step : { ...step, wave: to as number }];
    });
    return { ...plan, cells: [{ ...cell, steps }, ...plan.cells.slice(1)] };
  };

  test('covers the plan that it was given for, and one without its last activation', () => {
    expect(uncovered(envelope, plan)).toEqual([]);
    const last = cell.steps.findLast(isActivation)!;
    expect(
      uncovered(
        envelope,
        changed(({ wave }) => wave < last.wave),
      ),
    ).toEqual([]);
  });

  test('is void where something is activated unchecked, earlier, without having been closed, or for another reason', () => {
    expect(covers(envelope, { ...plan, activates: [{ operation: 'file-return', because: 'why not' }] })).toBe(false);
    for (const gone of [`w${first.wave}.verify`, `w${first.wave}.soak`, 'w1.close'])
      expect(
        covers(
          envelope,
          changed(({ id }) => id !== gone),
        ),
        gone,
      ).toBe(false);
    const early = changed((step) => (step.id === first.id ? 1 : true));
    expect(covers(envelope, early)).toBe(false);
  });
});

describe('going back', () => {
  const all = { kind: 'all', wave: 1 } as const;
  const askedAt = (of: Plan, id: string) =>
    undoSteps(of.cells[0]!, all, begunWith(of.cells[0]!, id)).some(({ approver }) => approver !== undefined);

  test('asks from the activation on where nothing but that writes into a migration, and from the new code on elsewhere', () => {
    const [id] = manifestOf().migrations.map((migration) => migration.id);
    const written = planOf({ activates: [{ operation: 'file-return', because, writes: [id!] }] });
    expect(askedAt(written, 'w1.deploy')).toBe(false);
    expect(askedAt(written, cell.steps[begunWith(cell, first.id) - 2]!.id)).toBe(false);
    expect(askedAt(written, first.id)).toBe(true);
    expect(askedAt(plan, 'w1.deploy')).toBe(true);
    const way = twoDecisions(written).data[0]?.ways.find((each) => each.way === 'undo-migration');
    expect(way?.losesFrom).toBe(first.id);
    // One migration of the chain that others write into counts for all that is taken back with it.
    const behind = aCell();
    const stores = { main: { schemaVersion: 0 } };
    const slots = { ...behind.slots, blue: { ...behind.slots.blue!, schemaRange: { min: 0, max: 2 } } };
    const cells = [{ ...behind, stores, slots }];
    const more = manifestOf({
      migrations: [aDownMigration(0), aDownMigration(1)],
      activates: [{ operation: 'file-return', because, writes: [id!] }],
    });
    const two = aPlan({ application, manifest: more, cells });
    expect(askedAt(two, 'w1.deploy')).toBe(true);
  });

  test('says of what was activated, and for whom, that what they did by it stays done', () => {
    const stays = (begun: number) => {
      const rollout = { cell: cell.cell, begun, restorePoints: {} } as unknown as Rollout;
      return wayBack(plan, new Map([[cell.cell, rollout]]), 1, 0)[0]?.stays;
    };
    const to = begunWith(cell, first.id);
    expect(stays(to - 1)).toEqual([]);
    const who = first.action.tenants.join(', ');
    expect(stays(to)).toEqual([`what ${who} did by file-return since it was activated stays done: ${because}`]);
  });

  test('opens behind whoever goes back once they are on the stable slot, and before the code is stopped', () => {
    const ids = undoSteps(cell, all, cell.steps.length).map(({ id }) => id);
    expect(ids.indexOf('undo.close')).toBeGreaterThan(ids.indexOf('undo.route'));
    expect(ids.indexOf('undo.close')).toBeLessThan(ids.indexOf('undo.w1.deploy'));
  });

  test('of a ring in whose activation something failed takes back those tenants alone', () => {
    const scope = { kind: 'ring', wave: first.wave } as const;
    const steps = undoSteps(cell, scope, begunWith(cell, first.id));
    expect(steps[0]).toMatchObject({ id: 'ring.undo.route', action: { tenants: first.action.tenants } });
    expect(steps[1]).toMatchObject({ id: 'ring.undo.close', action: { tenants: first.action.tenants } });
  });
});

test('whoever was left on the release by a kept promotion is activated with the rest', () => {
  const base = aCell();
  const { digest } = aRelease();
  const names = Object.keys(base.tenants).sort();
  const stores = { main: { schemaVersion: 2 } };
  const there = names[0]!;
  const half = {
    ...base,
    stores,
    slots: { ...base.slots, green: { release: aRelease(), schemaRange: { min: 1, max: 9 } } },
    tenants: { ...base.tenants, [there]: { ...base.tenants[there]!, slot: 'green' } },
  };
  expect(half.slots.green.release.digest).toBe(digest);
  const rest = aPlan({ application, manifest: manifestOf({ migrations: [] }), cells: [half], release: aRelease() });
  const opened = rest.cells[0]!.steps.filter(isActivation).flatMap(({ action }) => action.tenants);
  expect(opened.toSorted()).toEqual(names);
  const closed = rest.cells[0]!.steps.filter(isClosedUntil).flatMap(({ action }) => action.tenants);
  expect(closed).not.toContain(there);
});

test('in no plan is a tenant routed before it is closed for them, or activated before everybody is there; and all that was closed is opened', () => {
  const shape = fc.record({
    rings: fc.uniqueArray(fc.constantFrom('canary', 'early', 'broad'), { minLength: 1, maxLength: 3 }),
    cells: fc.array(fc.array(fc.nat(2), { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 }),
    begun: fc.nat(60),
    at: fc.nat(5),
    kind: fc.constantFrom('ring', 'all', 'cell', 'tenant'),
  });
  fc.assert(
    fc.property(shape, ({ rings, cells, begun, at, kind }) => {
      const states = cells.map((tenants, i) => {
        const base = aCell();
        const own = tenants.map((ring, t) => [
          `t${t}`,
          { slot: 'blue', store: 'main', ring: rings[ring % rings.length]! },
        ]);
        return { ...base, cell: `c${i}`, tenants: Object.fromEntries(own) };
      });
      const made = aPlan({
        application: { ...application, rings: rings.map((name) => ({ name, soakMs: 0 })) },
        manifest: manifestOf(),
        cells: states,
        policy: aPolicy(),
      });
      for (const each of made.cells) {
        const closed = new Set<string>();
        const there = new Set<string>();
        const names = Object.keys(each.base.tenants);
        for (const step of each.steps) {
          if (isClosedUntil(step)) for (const name of step.action.tenants) closed.add(name);
          if (step.action.kind === 'route')
            for (const name of step.action.tenants) {
              expect(closed.has(name)).toBe(true);
              there.add(name);
            }
          if (isActivation(step)) {
            expect(there.size).toBe(names.length);
            for (const name of step.action.tenants) expect(closed.delete(name)).toBe(true);
          }
        }
        expect([...closed]).toEqual([]);
        // After any undo, what is still closed on the slot is closed for whoever stays there.
        const done = each.steps.slice(0, begun);
        const scope = { kind, wave: (at % made.waves.length) + 1, cell: each.cell, tenants: ['t0'] } as const;
        const slots = new Map(names.map((name) => [name, 'blue']));
        const left = new Set<string>();
        for (const { action } of [...done, ...undoSteps(each, scope, done.length)]) {
          if (action.kind === 'route') for (const name of action.tenants) slots.set(name, action.slot);
          if (action.kind === 'close-operations' && action.slot) for (const name of action.tenants) left.add(name);
          if (action.kind === 'open-operations' && action.slot) for (const name of action.tenants) left.delete(name);
        }
        if (done.length > 0) for (const name of left) expect(slots.get(name)).toBe(each.slot.to);
      }
    }),
  );
});
