import { beforeWayBack, type Outcome, type RestorePoint } from '@headgate/domain';
import type { Ports } from '../ports/ports.ts';
import type { StepContext } from '../ports/step-context.ts';
import { provePoint, takeRestorePoint } from './restore-point-taker.ts';

/** What is kept, or what stands in the way: then nothing may be taken away. */
export type Kept = { readonly point: RestorePoint } | { readonly stands: Outcome };

/**
 * Keeps all of a store before a program takes something away from it of which nobody knows what it is: a restore point that no
 * retention removes. One that an earlier attempt took is it, however old: what came after may be half way.
 */
export async function keepBefore(store: string, ctx: StepContext, ports: Ports): Promise<Kept> {
  const rollout = beforeWayBack(ctx.rollout, ctx.step);
  const own: StepContext = { ...ctx, rollout, idempotencyKey: `${rollout}/${ctx.step}` };
  const { kept, unreadable } = await ports.restorePoints.list(store);
  const before = kept.findLast((each) => each.rollout === rollout);
  const lost = unreadable.find((each) => each.rollout === rollout);
  if (before === undefined && lost !== undefined)
    return {
      stands: {
        kind: 'failed',
        code: 'check-failed',
        why: `restore point ${lost.id} of store ${store}, which has what the way back takes away, can't be read: ${lost.why}; put it right, or move it away if the program has not begun`,
      },
    };
  const outcome =
    before === undefined
      ? await takeRestorePoint({ kind: 'restore-point', store }, own, ports)
      : await provePoint(store, before.point.id, own, ports);
  if (outcome.kind !== 'done') return { stands: outcome };
  const point = outcome.result.restorePoint!;
  ctx.log(
    `store ${store}: what the program takes away is kept in restore point ${point.id}, until a person lets it go`,
  );
  return { point };
}
