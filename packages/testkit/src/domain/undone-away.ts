import { type Scope, type UndoneAway, undoSteps } from '@headgate/domain';
import { soundOutcome } from './builders.ts';
import { effectOf } from './effects.ts';
import type { World } from './world.ts';

export const WHOLE: Scope = { kind: 'all', wave: 1 };

/** What an agent would tell that carried out the first `count` steps of its undo by itself; their effects happen. */
export function toldUndo(world: World, more: Partial<UndoneAway> & { readonly count?: number } = {}): UndoneAway {
  const { count = 99, ...rest } = more;
  const cell = world.cellPlan('shared');
  const own = { scope: WHOLE, begun: world.rollout('shared').begun, ...rest };
  const steps = undoSteps(cell, own.scope, own.begun).slice(0, count);
  for (const { action } of steps) world.cells.set('shared', effectOf(world.plan, world.cells.get('shared')!, action));
  const done = steps.map(({ id, action }) => {
    const outcome = soundOutcome(action, world.now);
    return { id, result: outcome.kind === 'done' ? outcome.result : {} };
  });
  const { planDigest: plan, n } = world.rollout('shared');
  return { plan, steps: done, n: n + done.length, by: 'usr_op', because: 'it hurts', since: world.now, ...own };
}
