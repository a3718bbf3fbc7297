/** What a person declares of one table of a shared store: whose its rows are. */

export type TenantRowsRule =
  /** Rows that carry their tenant in a column. */
  | {
      readonly table: string;
      readonly rows: 'tenant';
      readonly column: string;
      readonly leave?: readonly string[];
    }
  /** Rows that belong to whom the row belongs that a foreign key leads to. */
  | {
      readonly table: string;
      readonly rows: 'through';
      readonly by: readonly string[];
      readonly of: string;
      readonly leave?: readonly string[];
    }
  /** Nobody's alone: never read, never changed. */
  | { readonly table: string; readonly rows: 'shared' };

/** Where each tenant has a schema of its own: how it is named. All rows of all its tables are the tenant's. */
export interface TenantSchemas {
  /** With `{tenant}` in the place of what stands for the tenant. */
  readonly named: string;
  /** What of it stays as it is: columns of a table, or without any the whole table. */
  readonly leave?: readonly { readonly table: string; readonly columns?: readonly string[] }[];
}

export interface TenantRowsSpec {
  /** What stands for a tenant in tenant columns, and in its schema's name; of one that isn't here, its name. */
  readonly values?: Readonly<Record<string, string>>;
  readonly schemas?: TenantSchemas;
  /** Of tables outside of tenants' schemas. */
  readonly rules: readonly TenantRowsRule[];
}

/** What stands for this tenant in tenant columns, and in its schema's name. */
export function tenantValue({ values }: Pick<TenantRowsSpec, 'values'>, tenant: string): string {
  return values !== undefined && Object.hasOwn(values, tenant) ? values[tenant]! : tenant;
}
