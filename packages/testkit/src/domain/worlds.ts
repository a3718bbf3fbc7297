/** Worlds in the states that promotions' tests are about. */

import type { Plan, RollbackScope } from '@headgate/domain';
import { aCell, aPlan, aPolicy, brokenChecks } from './builders.ts';
import { type Carry, sound, World } from './world.ts';

/** Two cells: a shared one with a tenant in each ring, and a dedicated one whose first tenant comes in the second wave. */
export function twoCells(scope: RollbackScope = 'all'): Plan {
  return aPlan({
    policy: aPolicy({ rollbackScope: scope }),
    cells: [aCell(), aCell({ cell: 'dedicated', tenants: { zoe: 'pilot', yan: 'broad' } })],
  });
}

/** A promotion that is approved. */
export function begun(plan = twoCells()): World {
  const world = new World(plan);
  world.approve();
  return world;
}

/** Checks of a step in a cell fail for a tenant. */
export function breaking(cell: string, step: string, tenant: string): Carry {
  return (c, s, action, now) => (c === cell && s === step ? brokenChecks(tenant, now) : sound(c, s, action, now));
}

/** Which release serves each tenant: `ada:new bob:old`. */
export function served(world: World): string {
  const all = [...world.cells.values()].flatMap((c) => Object.entries(c.tenants));
  return all.map(([name, t]) => `${name}:${t.slot === 'green' ? 'new' : 'old'}`).join(' ');
}

/** How it ended, or the phase that it is in. */
export function endOf(world: World): string {
  return world.promotion.phase === 'ended' ? world.promotion.result : world.promotion.phase;
}

export function resultsOf(world: World): readonly string[] {
  return [...world.rollouts.values()].map((r) => (r.phase === 'settled' ? r.result : r.phase));
}

/** Stops a run when the promotion asks and nothing runs. */
export function held(world: World): () => boolean {
  return () => world.promotion.phase === 'held' && [...world.rollouts.values()].every((r) => r.phase !== 'leased');
}

/** Stops a run when a cell is offered its step number `cursor`. */
export function offered(world: World, cursor: number, cell = 'shared'): () => boolean {
  return () => {
    const rollout = world.rollouts.get(cell);
    return rollout?.phase === 'offered' && rollout.cursor === cursor && rollout.undo === null;
  };
}

/** Stops a run when a cell is in a phase. */
export function reached(world: World, phase: string, cell = 'shared'): () => boolean {
  return () => world.rollouts.get(cell)?.phase === phase;
}
