import {
  aCell,
  aManifest,
  aMigration,
  anApplication,
  aPlan,
  aPolicy,
  aRequest,
  HOUR_MS,
  soundFacts,
} from '@headgate/testkit/domain/builders';
import { World } from '@headgate/testkit/domain/world';
import { endOf, resultsOf } from '@headgate/testkit/domain/worlds';
import { describe, expect, test } from 'vitest';
import { actionsOf } from '../explain/actions.ts';
import type { GateSpec } from '../plan/plan.ts';
import { planPromotion } from '../plan/planner.ts';
import { decideGo, decidePause, decideRollback } from '../promotion/commands.ts';
import { judgeGates } from './catalog.ts';
import { goNoGo, waitsForGo } from './go-no-go.ts';

const spec: GateSpec = { gate: 'go-no-go', at: 'no-return', params: {} };
const policy = aPolicy({ gates: [...aPolicy().gates, spec] });
const restoring = [aMigration(0), aMigration(1, { undo: 'restore' })];

const shared = () => aPlan({ policy, manifest: aManifest({ migrations: restoring }) });
const taking = () =>
  aPlan({ policy, manifest: aManifest({ migrations: [aMigration(0), aMigration(1, { phase: 'data' })] }) });
const ownStores = () =>
  aPlan({
    policy,
    manifest: aManifest({ migrations: restoring }),
    application: anApplication({ tenancy: 'store-per-tenant' }),
    cells: [aCell({ ownStores: true, schemaRange: { min: 1, max: 1 } })],
  });

function begun(plan = shared()): World {
  const world = new World(plan);
  world.approve();
  return world.run(undefined, () => world.promotion.goAsked !== undefined);
}

const says = (world: World, by = 'usr_approver'): boolean =>
  world.command((promotion, now) => decideGo(promotion, by, 'the new code is up, the night is quiet', now));

describe('the gate go-no-go', () => {
  test('is closed until somebody says go, and tells how, and how to say no', () => {
    const subject = { kind: 'step', action: { kind: 'restore-point', store: 'main' }, noReturn: true } as const;
    const facts = soundFacts();
    const [verdict] = judgeGates([spec], { ...facts, promotion: 'prm_1' }, subject);
    expect(verdict).toMatchObject({ verdict: 'pending', unblock: expect.stringContaining('headgate go prm_1') });
    expect(verdict?.unblock).toContain('headgate rollback prm_1');
    expect(waitsForGo(`gate ${verdict?.gate}: ${verdict?.verdict}`)).toBe(true);
    const go = { by: 'usr_a', reason: 'well', at: facts.now };
    expect(judgeGates([spec], { ...facts, go }, subject)).toMatchObject([{ verdict: 'pass' }]);
    expect(judgeGates([spec], facts, { ...subject, noReturn: false })).toEqual([]);
    expect(goNoGo.at).toBe('no-return');
  });

  test('is told by the promotion to its end, so that servers that know no such place leave it alone', () => {
    const world = begun();
    expect(world.promotion.gatedAtNoReturn).toBe(true);
    expect(says(world)).toBe(true);
    world.run(undefined, () => world.promotion.phase === 'ended');
    expect(world.promotion).toMatchObject({ result: 'promoted', gatedAtNoReturn: true });
    const promotions = world.history.filter(({ stream }) => stream === 'promotion/prm_1');
    for (const { state } of promotions) expect(state).toMatchObject({ gatedAtNoReturn: true });
    expect(new World(aPlan()).promotion).not.toHaveProperty('gatedAtNoReturn');
  });

  test.each<GateSpec['at']>([
    'promotion',
    'wave',
    'deploy',
    'route',
    'hold',
    'restore-point',
    'migrate',
    'verify',
    'open',
    'soak',
  ])('at %s nobody could answer it: nothing is planned, and where that was planned before it says so', (at) => {
    const elsewhere = aPolicy({ gates: [...aPolicy().gates, { ...spec, at }] });
    expect(planPromotion(aRequest({ policy: elsewhere }))).toMatchObject({
      ok: false,
      refusals: [{ code: 'gate-place', why: `go-no-go stands at: ${at}, where nobody is asked and nobody can answer` }],
    });
    const action = { kind: at, store: 'main' } as never;
    const kind = at === 'promotion' || at === 'wave' ? at : 'step';
    const subject = (kind === 'step' ? { kind, action } : { kind }) as never;
    const go = { by: 'usr_a', reason: 'well', at: 0 };
    expect(judgeGates([{ ...spec, at }], { ...soundFacts(), go }, subject)).toMatchObject([{ verdict: 'error' }]);
  });

  test.each([
    ['a shared store', shared],
    ['data that is changed', taking],
    ['stores of their own', ownStores],
  ])('stops before what only a restore takes back (%s), with nobody held, and goes on after one go', (_, plan) => {
    const world = begun(plan());
    expect(world.promotion).toMatchObject({ phase: 'advancing', goAsked: { cell: 'shared' } });
    const asked = world.history.filter(({ event }) => event.type === 'promotion.go-asked');
    world.now += HOUR_MS / 2;
    for (let looks = 0; looks < 5; looks++) {
      world.tickPromotion();
      world.tickRollout('shared');
    }
    expect(world.rollout('shared')).toMatchObject({ phase: 'waiting', reason: 'gate go-no-go: pending' });
    expect(world.history.filter(({ event }) => event.type === 'promotion.go-asked')).toEqual(asked);
    expect(asked).toHaveLength(1);
    expect(
      world.history.some(
        ({ event }) => event.type === 'rollout.leased' && /hold|migrate|restore/.test(event.data.step),
      ),
    ).toBe(false);
    expect(Object.values(world.cells.get('shared')?.tenants ?? {}).some(({ held }) => held === true)).toBe(false);

    expect(says(world)).toBe(true);
    world.run();
    expect(endOf(world)).toBe('promoted');
    expect(resultsOf(world)).toEqual(['completed']);
    expect(world.promotion.go).toMatchObject({ by: 'usr_approver' });
  });

  test('a go isn’t the author’s, the requester’s, or one that nobody asked for', () => {
    const early = new World(shared());
    early.approve();
    expect(says(early)).toBe(false);
    const world = begun();
    expect(says(world, 'usr_author')).toBe(false);
    expect(says(world, 'usr_manager')).toBe(false);
    const may = (id: string) => actionsOf(world.promotion, { id, roles: ['approver'] }, world.now).go;
    expect(may('usr_author')).toMatchObject({ allowed: false });
    expect(may('usr_approver')).toMatchObject({ allowed: true });
    expect(actionsOf(world.promotion, { id: 'usr_o', roles: ['operator'] }, world.now).go.allowed).toBe(false);
    expect(actionsOf(early.promotion, { id: 'usr_approver', roles: ['approver'] }, world.now).go.allowed).toBe(false);
    expect(says(world)).toBe(true);
    expect(may('usr_approver')).toEqual({ allowed: false, because: 'go was said already' });
  });

  test('a go that is said while it is paused holds once it is resumed, and a no-go loses nothing', () => {
    const world = begun();
    world.command((promotion, now) => decidePause(promotion, 'usr_ops', 'wait', now));
    expect(says(world)).toBe(true);
    expect(world.promotion).toMatchObject({ phase: 'paused', go: { by: 'usr_approver' } });

    const no = begun();
    no.command((promotion, now) => decideRollback(promotion, 'usr_ops', 'no-go', now));
    expect(says(no)).toBe(false);
    no.run();
    expect(endOf(no)).toBe('rolled-back');
    expect(
      no.history.some(({ event }) => event.type === 'rollout.leased' && /restore$|migrate/.test(event.data.step)),
    ).toBe(false);
  });

  test('nobody’s silence is a go: at the latest finish a person is asked, and nothing was begun', () => {
    const world = begun();
    world.run(undefined, () => world.promotion.phase === 'held');
    expect(world.promotion.phase).toBe('held');
    expect(world.history.some(({ event }) => event.type === 'rollout.leased' && /migrate/.test(event.data.step))).toBe(
      false,
    );
  });

  test('where everything can be undone it stands before nothing', () => {
    const world = new World(aPlan({ policy }));
    world.approve();
    expect(endOf(world.run())).toBe('promoted');
    expect(world.promotion.goAsked).toBeUndefined();
  });
});
