import { done, failed, overdue, type StepExecutor } from './step-executor.ts';

/** Takes a restore point of a store and reads all of it back. A restore point that wasn't verified is none. */
export const takeRestorePoint: StepExecutor<'restore-point'> = async ({ store }, ctx, ports) => {
  const late = overdue(ctx);
  if (late) return late;
  const taken = await ports.restorePoints.take(store, ctx);
  if (!taken.ok) return failed(taken.code, taken.why);
  ctx.log(`store ${store}: restore point ${taken.value.id} taken, ${taken.value.bytes} bytes`);
  const verified = await ports.restorePoints.verify(store, taken.value.id, ctx.signal);
  if (!verified.ok) return failed(verified.code, verified.why);
  ctx.log(`store ${store}: restore point ${taken.value.id} verified`);
  return done({ restorePoint: verified.value });
};
