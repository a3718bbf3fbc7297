/** The store that serves, by the configuration, and the one that was recovered beside it, by its folder. */
import { join, resolve } from 'node:path';
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import { physicalStore } from '@headgate/adapters/execution/restore-points/physical-store';
import type { Store } from '@headgate/adapters/execution/store/store-session';
import { Cluster } from '@headgate/adapters/postgres-cluster/cluster';
import { ensureDatabase } from '@headgate/adapters/postgres-cluster/database';
import { findPostmaster } from '@headgate/adapters/postgres-cluster/postmaster';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import { type TenantRowsSpec, tenantValue } from '@headgate/domain';
import { named } from '@headgate/domain/plan/render-words';
import type { AgentConfig } from '../config.ts';
import { type RecoveredStore, readRecovered } from './recovered-file.ts';

/** The cell with a store of that name whose PostgreSQL Headgate keeps. Throws, in words, when there is none or more than one. */
export function cellOfStore(
  { cells }: Pick<AgentConfig, 'cells'>,
  store: string,
  name: string | undefined,
): CellConfig {
  const found = cells.filter(
    (cell): cell is CellConfig & typeof cell =>
      cell.kind === 'process' && Object.hasOwn(cell.stores, store) && (name ?? cell.cell) === cell.cell,
  );
  const [cell] = found;
  if (cell === undefined)
    throw new Error(
      `${name === undefined ? 'no cell' : `the cell ${name}`} has no store ${store} whose PostgreSQL Headgate keeps`,
    );
  if (found.length > 1)
    throw new Error(
      `several cells have a store ${store}; name one: ${found.map((each) => `--cell ${each.cell}`).join(', ')}`,
    );
  return cell;
}

/** Throws where the store has no such tenant. */
export function expectTenant(cell: CellConfig, store: string, tenant: string): void {
  const there = tenantsOf(cell, store);
  if (there.includes(tenant)) return;
  throw new Error(`the store ${store} of the cell ${cell.cell} has no tenant ${tenant}; it has ${named(there)}`);
}

/** Names of all tenants of a store. */
export function tenantsOf({ tenants }: Pick<CellConfig, 'tenants'>, store: string): readonly string[] {
  return Object.entries(tenants).flatMap(([each, of]) => (of.store === store ? [each] : []));
}

/** Throws where each tenant has a schema of its own, and the rules don't say how it is named: it would be left out as a whole. */
export function expectTenancy({ cell, tenancy }: CellConfig, { schemas }: TenantRowsSpec): void {
  if (tenancy !== 'schema-per-tenant' || schemas !== undefined) return;
  throw new Error(
    `in the cell ${cell} each tenant has a schema of its own (tenancy: schema-per-tenant), and the rules don’t say how it is named: say so, as schemas: {named: "tenant_{tenant}"}; headgate-agent recover-tenant scan --config FILE --store STORE proposes it`,
  );
}

/** Names of the store's other tenants, and what stands for them by the rules, where there are any: nobody's rows are taken for the tenant's. */
export function othersOf(
  { tenants }: CellConfig,
  store: string,
  tenant: string,
  rules?: TenantRowsSpec,
): readonly string[] {
  const others = tenantsOf({ tenants }, store).filter((each) => each !== tenant);
  return [...new Set(others.flatMap((each) => (rules === undefined ? [each] : [each, tenantValue(rules, each)])))];
}

export async function liveStore(cell: CellConfig, store: string): Promise<Store> {
  return physicalStore(cell, store, await findPrograms(15, cell.dir));
}

/** What `recover` left running in a folder, of that very store. Its application's login is given the password of today. */
export async function recoveredStore(
  cell: CellConfig,
  store: string,
  dir: string,
): Promise<{ readonly store: Store; readonly recovered: RecoveredStore }> {
  const recovered = await readRecovered(dir);
  const again = `bring it back: headgate-agent recover --config FILE --store ${store} --to DIR`;
  if (recovered === undefined) throw new Error(`${dir} has no store that was recovered; ${again}`);
  if (recovered.store !== store || recovered.cell !== cell.cell || recovered.environment !== cell.environment)
    throw new Error(
      `${dir} has the store ${recovered.store} of the cell ${recovered.cell} (${recovered.environment}), and not ${store} of ${cell.cell} (${cell.environment})`,
    );
  const place = resolve(dir, 'cluster');
  const programs = await findPrograms(15, cell.dir);
  const running = await findPostmaster(join(place, 'data'));
  if (running?.ready !== true) throw new Error(`the store that was recovered in ${dir} doesn’t run any more; ${again}`);
  const cluster = new Cluster({ dir: place, port: running.port }, programs);
  const { database, user, passwordFile } = cell.stores[store]!;
  await ensureDatabase(cluster, { database, user, passwordFile });
  return { store: { name: store, cluster, database, user, passwordFile }, recovered };
}
