/**
 * The catalog of executors: one for each kind of action, in the order in which a promotion meets them. Adding a kind is
 * one file and one line here; the type refuses a kind without an executor.
 */
import type { Action, ActionKind, Outcome } from '@headgate/domain';
import type { Ports } from '../ports/ports.ts';
import type { StepContext } from '../ports/step-context.ts';
import { deploy, retire } from './deployer.ts';
import { hold, open } from './holder.ts';
import { migrate, unmigrate } from './migrator.ts';
import { closeOperations, openOperations } from './operation-closer.ts';
import { reconcile } from './reconciler.ts';
import { takeRestorePoint } from './restore-point-taker.ts';
import { restore } from './restorer.ts';
import { soak } from './soaker.ts';
import type { StepExecutor } from './step-executor.ts';
import { route } from './traffic-mover.ts';
import { verify } from './verifier.ts';

export const EXECUTORS: { readonly [K in ActionKind]: StepExecutor<K> } = {
  'restore-point': takeRestorePoint,
  migrate,
  deploy,
  hold,
  'close-operations': closeOperations,
  'open-operations': openOperations,
  route,
  verify,
  open,
  soak,
  retire,
  unmigrate,
  restore,
  reconcile,
};

/** Carries out an action. Throws only for broken infrastructure; whoever called tries again, or asks. */
export function execute(action: Action, ctx: StepContext, ports: Ports): Promise<Outcome> {
  if (!Object.hasOwn(EXECUTORS, action.kind))
    throw new Error(`There is no executor for ${JSON.stringify(action.kind)}`);
  return (EXECUTORS[action.kind] as StepExecutor<ActionKind>)(action, ctx, ports);
}
