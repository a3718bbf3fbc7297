/** What of a cell works on a store, and on which schema versions it runs. */
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { readSlot, slotDir } from '@headgate/adapters/execution/process/slot-record';
import { RouterClient } from '@headgate/adapters/execution/router/router-client';
import type { StoreProposal } from '@headgate/domain';

export interface InSlots {
  readonly serving: StoreProposal['serving'];
  /** In a slot to which nobody of the store is led. */
  readonly idle: StoreProposal['serving'];
}

/**
 * By where the router leads the store's tenants; where it doesn't answer every slot counts as one that serves. A slot whose manifest isn't
 * its release's says nothing.
 */
export async function inSlots(
  { dir, slots, router, tenants }: Pick<AnyCellConfig, 'dir' | 'slots' | 'router' | 'tenants'>,
  store: string,
): Promise<InSlots> {
  const routes = await new RouterClient(router.adminPort, router.tokenFile).routes().catch(() => undefined);
  const own = Object.keys(tenants).filter((tenant) => tenants[tenant]!.store === store);
  const isLedTo = (slot: string): boolean =>
    routes === undefined || own.some((tenant) => Object.hasOwn(routes, tenant) && (routes[tenant]?.[slot] ?? 0) > 0);
  const found: { serving: StoreProposal['serving'][number][]; idle: StoreProposal['serving'][number][] } = {
    serving: [],
    idle: [],
  };
  for (const slot of Object.keys(slots)) {
    const record = await readSlot(slotDir(dir, slot));
    if (record?.schemaRange === undefined) continue;
    const { version } = record.release;
    (isLedTo(slot) ? found.serving : found.idle).push({ slot, version, ...record.schemaRange });
  }
  return found;
}
