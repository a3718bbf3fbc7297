import { join } from 'node:path';
import type { CellConfig } from '../cell-config.ts';
import type { OdooCellConfig } from '../odoo/odoo-cell-config.ts';
import type { VaultedStore } from './cell-vault.ts';

/** The stores of a cell of any kind, with the folders of their restore points. */
export function vaultedStores(config: CellConfig | OdooCellConfig): ReadonlyMap<string, VaultedStore> {
  const dirs =
    config.kind === 'odoo'
      ? Object.keys(config.stores).map((name) => [name, join(config.dir, 'odoo', name, 'restore-points')] as const)
      : Object.entries({ ...config.stores, ...config.externalStores }).map(
          ([name, store]) => [name, store.restorePointsDir] as const,
        );
  const tenants = new Map<string, string[]>(dirs.map(([name]) => [name, []]));
  for (const [tenant, { store }] of Object.entries(config.tenants)) tenants.get(store)?.push(tenant);
  return new Map(
    dirs.map(([name, restorePointsDir]) => [name, { restorePointsDir, tenants: tenants.get(name)!.toSorted() }]),
  );
}
