/**
 * Where a process can be killed: before and after every commit and every external effect of a promotion. A plan says in
 * advance which there will be, so they are enumerated from it, and none can be forgotten.
 */
import { type Action, type CellPlan, type Plan, type Scope, undoSteps } from '@headgate/domain';

export type When = 'before' | 'after';
export type StoreVictim = `store-postgres:${string}`;
export type Victim = 'server' | 'agent' | 'control-postgres' | StoreVictim;

/** One commit or effect. `lane` is the cell, or `promotion`; `step` is null for what belongs to none. */
export interface Spot {
  readonly where: 'commit' | 'effect';
  readonly lane: string;
  readonly step: string | null;
  /** A commit's entry (`rollout.leased`), or a port's method (`traffic.route`). */
  readonly what: string;
}

export interface KillPoint extends Spot {
  readonly id: string;
  readonly when: When;
  readonly victim: Victim;
}

/** The port methods by which each action has its effect. */
export const EFFECTS: Readonly<Record<Action['kind'], readonly string[]>> = {
  'restore-point': ['restorePoints.take', 'restorePoints.verify'],
  migrate: ['migrator.up'],
  unmigrate: ['migrator.down'],
  restore: ['restorePoints.restore'],
  deploy: ['target.deploy'],
  retire: ['target.retire'],
  route: ['traffic.route'],
  hold: ['traffic.hold'],
  open: ['traffic.open'],
  'close-operations': ['operations.close'],
  'open-operations': ['operations.reopen'],
  verify: ['checks.run'],
  soak: ['checks.run'],
  reconcile: ['ledgerSides.apply'],
};

/** The entries by which each step goes from hand to hand. */
export const STEP_COMMITS = ['rollout.offered', 'rollout.leased', 'rollout.step-done'] as const;

const PROMOTION = 'promotion';
const commit = (lane: string, what: string, step: string | null = null): Spot => ({
  where: 'commit',
  lane,
  step,
  what,
});

/** What a promotion commits and effects when all goes well. */
export function forwardSpots(plan: Plan): readonly Spot[] {
  const approved = plan.gates.some((gate) => gate.gate === 'approval');
  return [
    commit(PROMOTION, 'promotion.requested'),
    ...(approved ? [commit(PROMOTION, 'promotion.approved')] : []),
    ...plan.waves.map((wave) => commit(PROMOTION, 'promotion.wave-opened', `wave ${wave.n}`)),
    commit(PROMOTION, 'promotion.ended'),
    ...plan.cells.flatMap(({ cell, steps }) => [
      commit(cell, 'rollout.opened'),
      ...steps.flatMap((step) => stepSpots(cell, step.id, step.action)),
      commit(cell, 'rollout.settled'),
    ]),
  ];
}

/** What going back commits and effects, once the named step has failed. */
export function undoSpots(plan: Plan, failed: { readonly cell: string; readonly step: string }): readonly Spot[] {
  const begunIn = (cell: CellPlan): number => {
    const index = cell.steps.findIndex((step) => step.id === failed.step);
    if (cell.cell === failed.cell) return index + 1;
    // Another cell's wave may not have opened yet.
    const wave = plan.cells.find((c) => c.cell === failed.cell)?.steps.find((s) => s.id === failed.step)?.wave ?? 0;
    return cell.steps.filter((step) => step.wave < wave).length;
  };
  const own = plan.cells.find((cell) => cell.cell === failed.cell);
  const step = own?.steps.find((each) => each.id === failed.step);
  if (step === undefined) throw new Error(`the plan has no step ${failed.step} in cell ${failed.cell}`);
  const scope: Scope = { kind: plan.rollbackScope, wave: step.wave, cell: failed.cell };
  return [
    commit(failed.cell, 'rollout.step-failed', failed.step),
    commit(PROMOTION, 'promotion.rollback-decided'),
    ...plan.cells.flatMap((cell) => [
      commit(cell.cell, 'rollout.undo-begun'),
      ...undoSteps(cell, scope, begunIn(cell)).flatMap((each) => stepSpots(cell.cell, each.id, each.action)),
      commit(cell.cell, 'rollout.settled'),
    ]),
    commit(PROMOTION, 'promotion.ended'),
  ];
}

function stepSpots(cell: string, step: string, action: Action): readonly Spot[] {
  return [
    commit(cell, 'rollout.offered', step),
    commit(cell, 'rollout.leased', step),
    ...EFFECTS[action.kind].map((what): Spot => ({ where: 'effect', lane: cell, step, what })),
    commit(cell, 'rollout.step-done', step),
  ];
}

/** Every victim before and after every spot. A cell's spots kill that cell's stores, a promotion's those of all cells. */
export function pointsOf(promotion: string, spots: readonly Spot[], plan: Plan): readonly KillPoint[] {
  const storesOf = (lane: string): readonly string[] => {
    const cells = plan.cells.filter((c) => lane === PROMOTION || c.cell === lane);
    return [...new Set(cells.flatMap((c) => Object.keys(c.base.stores)))];
  };
  return spots.flatMap((spot) => {
    const stores = storesOf(spot.lane).map((store): StoreVictim => `store-postgres:${store}`);
    const victims: readonly Victim[] = ['server', 'agent', 'control-postgres', ...stores];
    return (['before', 'after'] as const).flatMap((when) =>
      victims.map(
        (victim): KillPoint => ({ ...spot, when, victim, id: `${promotion}: ${say(spot)}, ${when}: ${victim}` }),
      ),
    );
  });
}

export function say({ lane, step, what }: Spot): string {
  return [lane, ...(step === null ? [] : [step]), what].join(' ');
}

export function sameSpot(a: Spot, b: Spot): boolean {
  return a.where === b.where && a.lane === b.lane && a.step === b.step && a.what === b.what;
}
