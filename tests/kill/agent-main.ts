/** The shipped agent, with a trigger before and after each effect on its cells. Only kill tests start it. */
import { enableCompileCache } from 'node:module';
import { dirname, join } from 'node:path';
import type { CellPorts } from '@headgate/adapters/execution/cell';
import { decorate } from './decorate.ts';
import { EFFECTS, type Spot } from './points.ts';
import { argument, Trigger } from './trigger.ts';

enableCompileCache();
const { openAnyCell } = await import('@headgate/adapters/execution/cell-kinds');
const { cellOn, SHIPPED } = await import('@headgate/agent');
const { runProgram } = await import('@headgate/agent/program');

const trigger = new Trigger(join(dirname(argument('--config')), '..', 'kill'), 'agent');

/** `rollout/step`, wherever the method takes it; a method without it belongs to the step before it. */
function keyOf(args: readonly unknown[]): string | undefined {
  for (const each of args) {
    const { idempotencyKey } = (each ?? {}) as { readonly idempotencyKey?: unknown };
    if (typeof idempotencyKey === 'string') return idempotencyKey;
  }
  return undefined;
}

function decorated(ports: CellPorts): CellPorts {
  const lane = ports.config.cell;
  let last: string | undefined;
  const around = (what: string) => async (call: () => Promise<unknown>, args: readonly unknown[]) => {
    last = keyOf(args) ?? last;
    const spot: Spot = { where: 'effect', lane, step: last?.slice(last.indexOf('/') + 1) ?? null, what };
    await trigger.pass(spot, 'before');
    const answer = await call();
    await trigger.pass(spot, 'after');
    return answer;
  };
  const changed = { ...ports };
  for (const what of new Set(Object.values(EFFECTS).flat())) {
    const [port, method] = what.split('.') as [keyof CellPorts, string];
    const inner = changed[port] as object;
    Object.assign(changed, { [port]: decorate(inner, { [method]: around(what) }) });
  }
  return changed;
}

await runProgram(process.argv.slice(2), {
  ...SHIPPED,
  async openCell(config, report) {
    const ports = await openAnyCell(config, report);
    trigger.note({ where: 'effect', lane: config.cell, step: null, what: 'opened' });
    return cellOn(decorated(ports));
  },
});
