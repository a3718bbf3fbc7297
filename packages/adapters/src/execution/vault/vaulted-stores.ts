import { join } from 'node:path';
import type { CellConfig } from '../cell-config.ts';
import type { OdooCellConfig } from '../odoo/odoo-cell-config.ts';
import { repositoryText } from '../pgbackrest/pgbackrest-config.ts';
import type { StoreElsewhere, VaultedStore } from './cell-vault.ts';

/** The stores of a cell of any kind whose restore points are copied to its vault, with their folders. */
export function vaultedStores(config: CellConfig | OdooCellConfig): ReadonlyMap<string, VaultedStore> {
  const dirs =
    config.kind === 'odoo'
      ? Object.keys(config.stores).map((name) => [name, join(config.dir, 'odoo', name, 'restore-points')] as const)
      : Object.entries({ ...config.stores, ...config.externalStores })
          .filter(([name]) => config.stores[name]?.pgbackrest === undefined)
          .map(([name, store]) => [name, store.restorePointsDir] as const);
  const tenants = new Map<string, string[]>(dirs.map(([name]) => [name, []]));
  for (const [tenant, { store }] of Object.entries(config.tenants)) tenants.get(store)?.push(tenant);
  return new Map(
    dirs.map(([name, restorePointsDir]) => [name, { restorePointsDir, tenants: tenants.get(name)!.toSorted() }]),
  );
}

/** The stores of a cell whose restore points lie in repositories of their own, and where. */
export function storesElsewhere(config: CellConfig | OdooCellConfig): ReadonlyMap<string, StoreElsewhere> {
  if (config.kind === 'odoo') return new Map();
  return new Map(
    Object.entries(config.stores).flatMap(([name, { pgbackrest, clusterDir }]) =>
      pgbackrest === undefined
        ? []
        : [[name, { words: repositoryText(pgbackrest), repository: pgbackrest.repository, clusterDir }] as const],
    ),
  );
}
