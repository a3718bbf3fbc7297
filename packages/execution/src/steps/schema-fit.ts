import { fits, type SchemaRange } from '@headgate/domain';
import type { Ports } from '../ports/ports.ts';
import type { TenantRoute } from '../ports/traffic.ts';

/**
 * The invariant that holds whatever a plan says: the schema range of everything that runs contains its store's version.
 * Looked up at the target itself, right before a step that could break it. Returns what stands against it, in words.
 * Where a store serves one tenant alone, only the slot that serves that tenant runs on it, and none while it is held.
 */
export async function misfitOfStore(ports: Ports, store: string, version: number): Promise<string | undefined> {
  const running = ports.tenancy === 'store-per-tenant' ? await slotsServing(ports, store) : ports.target.slots;
  for (const slot of running) {
    const seen = await ports.target.observe(slot);
    if (seen.phase === 'empty' || !seen.schemaRange || !seen.release) continue;
    if (!fits(seen.schemaRange, version)) {
      return `release ${seen.release.version} in slot ${slot} runs on schema ${say(seen.schemaRange)}, and the store ${store} would be at ${version}`;
    }
  }
  return undefined;
}

async function slotsServing({ traffic }: Ports, store: string): Promise<readonly string[]> {
  const serving = (await traffic.read()).filter((route) => route.store === store && !route.held);
  return [...new Set(serving.flatMap(({ router, workers }) => [router, workers].filter((slot) => slot !== undefined)))];
}

/** The same from a tenant's side: whether what runs in the slot may serve these tenants' stores as they are. */
export async function misfitOfTenants(
  ports: Ports,
  routes: readonly TenantRoute[],
  slot: string,
): Promise<string | undefined> {
  if (ports.tenancy !== 'store-per-tenant' || routes.length === 0) return undefined;
  const { schemaRange, release } = await ports.target.observe(slot);
  if (schemaRange === undefined || release === undefined) return `nothing runs in slot ${slot}`;
  for (const store of new Set(routes.map((route) => route.store))) {
    const at = await ports.migrator.version(store);
    if (!fits(schemaRange, at))
      return `release ${release.version} in slot ${slot} runs on schema ${say(schemaRange)}, and the store ${store} is at ${at}`;
  }
  return undefined;
}

/**
 * The same from the code's side: whether this release may run beside the cell's stores as they are. Where each tenant has
 * a store of its own, that is asked when a tenant comes to it.
 */
export async function misfitOfRelease(ports: Ports, version: string, range: SchemaRange): Promise<string | undefined> {
  if (ports.tenancy === 'store-per-tenant') return undefined;
  for (const store of ports.migrator.stores) {
    const at = await ports.migrator.version(store);
    if (!fits(range, at)) return `release ${version} runs on schema ${say(range)}, and the store ${store} is at ${at}`;
  }
  return undefined;
}

function say(range: SchemaRange): string {
  return `${range.min} to ${range.max}`;
}
