/** Whether a store that was put back is what was proposed, and what stands on it works again; its tenants are still held. */
import { setTimeout as pause } from 'node:timers/promises';
import type { CellPorts } from '@headgate/adapters/execution/cell';
import { HttpChecks } from '@headgate/adapters/execution/http-checks/index';
import { lookAtStore } from '@headgate/adapters/execution/recover/compare-stores';
import type { BackedStore } from '@headgate/adapters/execution/restore-points/backed-store';
import { prepareStore } from '@headgate/adapters/execution/store/store-session';
import { ensureDatabase } from '@headgate/adapters/postgres-cluster/database';
import { changedIn } from '@headgate/domain';
import { named } from '@headgate/domain/plan/render-words';
import type { PlaceAsk } from './apply.ts';

/** What serves has lost its sessions, and opens new ones. Milliseconds. */
const HEALTHY_MS = 30_000;
const LOOK_MS = 200;

/** Why it isn't right, in words; undefined: it is. */
export async function checkPlaced(ask: PlaceAsk, ports: CellPorts, store: BackedStore): Promise<string | undefined> {
  const { cell, proposal, signal } = ask;
  const found = await lookAtStore(store, signal);
  const other = changedIn(found, proposal.was);
  if (other.length > 0) return `what stands there isn’t what was proposed: ${named(other)}`;
  if (found.schemaVersion !== proposal.was.schemaVersion)
    return `it has the schema ${found.schemaVersion}, and ${proposal.was.schemaVersion} was proposed`;
  // Of then are the login's password and our own schema, too.
  await ensureDatabase(store.cluster, cell.stores[store.name]!);
  await prepareStore(store);
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
  return business(ask, routes);
}

/** Of each tenant, through the router, which lets checks in where customers are held. */
async function business(
  { cell, verification, signal, say }: PlaceAsk,
  routes: readonly { readonly tenant: string; readonly router: string | undefined }[],
): Promise<string | undefined> {
  if (verification === undefined) return undefined;
  const { listenPort, tokenFile } = cell.router;
  const checks = new HttpChecks({
    baseUrl: `http://127.0.0.1:${listenPort}`,
    tenantTokensFile: cell.tenantTokensFile,
    routerTokenFile: tokenFile,
  });
  for (const { tenant, router } of routes) {
    if (router === undefined) continue;
    say(`Business transactions of ${verification.name}, tenant ${tenant} …`);
    const result = await checks.run(verification.content, tenant, router, { signal });
    if (!result.ok)
      return `${verification.name}, tenant ${tenant}, ${result.check ?? 'before any check'}: ${result.why}`;
  }
  return undefined;
}
