import type { Outcome, RestorePoint } from '@headgate/domain';
import type { Ports } from '../ports/ports.ts';
import type { StepContext } from '../ports/step-context.ts';
import type { Vault } from '../ports/vault.ts';
import { done, failed, overdue, type StepExecutor } from './step-executor.ts';

/** When a vault that is away or full is looked at again. Milliseconds. */
const VAULT_AGAIN_MS = 15_000;

/**
 * Takes a restore point of a store and reads all of it back. A restore point that wasn't verified is none; where the cell
 * has a vault that is required, one that wasn't sealed there is none either, and the step waits until it is.
 */
export const takeRestorePoint: StepExecutor<'restore-point'> = async ({ store }, ctx, ports) => {
  const late = overdue(ctx);
  if (late) return late;
  const taken = await ports.restorePoints.take(store, ctx);
  if (!taken.ok) return failed(taken.code, taken.why);
  ctx.log(`store ${store}: restore point ${taken.value.id} taken, ${taken.value.bytes} bytes`);
  return provePoint(store, taken.value.id, ctx, ports);
};

/** Reads one that was taken back, and has it sealed where that is asked for. */
export async function provePoint(store: string, id: string, ctx: StepContext, ports: Ports): Promise<Outcome> {
  const verified = await ports.restorePoints.verify(store, id, ctx.signal);
  if (!verified.ok) return failed(verified.code, verified.why);
  ctx.log(`store ${store}: restore point ${id} verified`);
  const unsealed = ports.vault && (await seal(ports.vault, verified.value, ctx));
  return unsealed ?? done({ restorePoint: verified.value });
}

/** What stands in the way when it couldn't be sealed and has to be. */
async function seal(vault: Vault, point: RestorePoint, ctx: StepContext): Promise<Outcome | undefined> {
  const vaulted = await vault.keep(point, ctx);
  const where = `store ${point.store}: restore point ${point.id}`;
  if (vaulted.kind === 'sealed') {
    ctx.log(`${where} sealed: ${vaulted.words}`);
    return undefined;
  }
  if (vaulted.kind === 'elsewhere') {
    ctx.log(`${where} is not copied to the vault: it lies in ${vaulted.words}`);
    return undefined;
  }
  ctx.log(`${where} not sealed: ${vaulted.why}`);
  if (!vault.required) return undefined;
  if (vaulted.kind === 'failed') return failed(vaulted.code, vaulted.why);
  return { kind: 'waiting', reason: vaulted.why.slice(0, 500), untilMs: VAULT_AGAIN_MS };
}
