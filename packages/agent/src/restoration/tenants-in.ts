import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';

/** Whose data a store has, and how many they are; without a store: the whole cell's. */
export function tenantsIn(
  { tenants }: Pick<AnyCellConfig, 'tenants'>,
  store?: string,
): { readonly tenants: readonly string[]; readonly tenantCount: number } {
  const found = Object.entries(tenants)
    .flatMap(([name, of]) => (store === undefined || of.store === store ? [name] : []))
    .toSorted();
  return { tenants: found, tenantCount: found.length };
}
