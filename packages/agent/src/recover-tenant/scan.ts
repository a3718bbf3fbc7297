/** What `scan` proposes of a store: how tenants' schemas are named where they have one each, and whose the rows of other tables are. */
import type { Store } from '@headgate/adapters/execution/store/store-session';
import { rowsConnection } from '@headgate/adapters/execution/store/store-session';
import { readRowsCatalogue } from '@headgate/adapters/execution/tenant-rows/read-rows-catalogue';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import {
  type ProposedSchemas,
  proposeSchemas,
  proposeTenantRows,
  type RowsCatalogue,
  schemaOfTenant,
} from '@headgate/domain';
import { type SchemasToRead, tenantRowsDocument } from './proposal.ts';

export interface ScanAsk {
  readonly store: Store;
  /** The store's tenants. */
  readonly tenants: readonly string[];
  /** Whether the cell says that each has a schema of its own. */
  readonly schemaPerTenant: boolean;
  readonly name: string;
  readonly column?: string;
}

/** The document. Throws where each tenant should have a schema, and none is named for any. */
export async function scanned({ store, tenants, schemaPerTenant, name, column }: ScanAsk): Promise<string> {
  const catalogue = await withClient(await rowsConnection(store), (client) => readRowsCatalogue(client));
  if (!schemaPerTenant) return tenantRowsDocument(name, proposeTenantRows(catalogue, column));
  const schemas = [...new Set(catalogue.tables.map(({ schema }) => schema))];
  const proposed = proposeSchemas(schemas, tenants);
  if (proposed === undefined)
    throw new Error(
      `the cell says that each tenant has a schema of its own (tenancy: schema-per-tenant), and no schema of the store ${store.name} is named for one`,
    );
  const own = new Set(tenants.map((tenant) => schemaOf(proposed, tenant)));
  const others: RowsCatalogue = {
    tables: catalogue.tables.filter(({ schema }) => !own.has(schema)),
    foreignKeys: catalogue.foreignKeys,
  };
  const toRead: SchemasToRead = { ...proposed, doubts: doubtsOf(catalogue, own) };
  return tenantRowsDocument(name, proposeTenantRows(others, column), toRead);
}

function schemaOf({ named, values }: ProposedSchemas, tenant: string): string {
  return schemaOfTenant(named, Object.hasOwn(values, tenant) ? values[tenant]! : tenant);
}

/** Tables of tenants' schemas whose rows can't be told one by one, each once. */
function doubtsOf({ tables }: RowsCatalogue, own: ReadonlySet<string>): SchemasToRead['doubts'] {
  const found = new Map<string, string>();
  for (const { schema, name, kind, key } of tables) {
    if (!own.has(schema) || found.has(name)) continue;
    if (kind !== 'plain') found.set(name, `${schema}.${name} is ${kind}, which is refused`);
    else if (key.length === 0) found.set(name, `${schema}.${name} has no primary key, which is refused`);
  }
  return [...found].map(([table, why]) => ({ table, why }));
}
