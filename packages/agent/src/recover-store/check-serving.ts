/** Whether what serves a store works again on what was put back; its tenants are still held. */
import { setTimeout as pause } from 'node:timers/promises';
import type { CellPorts } from '@headgate/adapters/execution/cell';
import type { CheckContext } from '@headgate/execution';
import type { PlaceAsk } from './store-place.ts';

/** What serves has lost its sessions, and opens new ones. Milliseconds. */
const HEALTHY_MS = 30_000;
const LOOK_MS = 200;

/** Why it doesn't, in words; undefined: it does, and so do each tenant's business transactions, which the router lets in where customers are held. */
export async function checkServing(ask: PlaceAsk, ports: CellPorts, ctx: CheckContext): Promise<string | undefined> {
  const { proposal, verification, signal, say } = ask;
  const routes = (await ports.traffic.read()).filter(({ tenant }) => proposal.tenants.includes(tenant));
  const until = performance.now() + HEALTHY_MS;
  for (const slot of new Set(routes.flatMap(({ router }) => router ?? []))) {
    let ailment = await ports.target.ailment(slot);
    while (ailment !== undefined && performance.now() < until) {
      await pause(LOOK_MS, undefined, { signal });
      ailment = await ports.target.ailment(slot);
    }
    if (ailment !== undefined) return `slot ${slot}: ${ailment}`;
  }
  if (verification === undefined) return undefined;
  for (const { tenant, router } of routes) {
    if (router === undefined) continue;
    say(`Business transactions of ${verification.name}, tenant ${tenant} …`);
    const result = await ports.checks.run(verification.content, tenant, router, ctx);
    if (!result.ok)
      return `${verification.name}, tenant ${tenant}, ${result.check ?? 'before any check'}: ${result.why}`;
  }
  return undefined;
}
