import { misfitOfStore } from './schema-fit.ts';
import { done, failed, overdue, type StepExecutor } from './step-executor.ts';

/**
 * Puts a whole store back to the restore point that this rollout took of it at that schema version. Only a plan that
 * counted the loss, approved for every tenant in the store, holds this step.
 */
export const restore: StepExecutor<'restore'> = async ({ store, to }, ctx, ports) => {
  const late = overdue(ctx);
  if (late) return late;
  const { kept, unreadable } = await ports.restorePoints.list(store);
  const newest = kept.find((each) => each.rollout === ctx.rollout && each.schemaVersion === to);
  if (!newest) {
    const lost = unreadable.find((each) => each.rollout === undefined || each.rollout === ctx.rollout);
    const none = `there is no restore point of the store ${store} at schema version ${to} that this rollout took`;
    return failed(
      'rejected',
      lost ? `${none} and that can be read: ${lost.id}: manifest unreadable: ${lost.why}` : none,
    );
  }
  const misfit = await misfitOfStore(ports, store, to);
  if (misfit) return failed('rejected', misfit);
  const answer = await ports.restorePoints.restore(store, newest.point.id, { kind: 'restore-point' }, ctx);
  if (!answer.ok) return failed(answer.code, answer.why);
  const version = await ports.migrator.version(store);
  ctx.log(`store ${store}: put back to ${newest.point.id}, at schema version ${version}`);
  return done({ schemaVersion: version });
};
