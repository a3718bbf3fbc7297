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

export interface TenantRowsSpec {
  /** What stands for a tenant in tenant columns; of one that isn't here, its name. */
  readonly values?: Readonly<Record<string, string>>;
  readonly rules: readonly TenantRowsRule[];
}

/** What stands for this tenant in tenant columns. */
export function tenantValue({ values }: Pick<TenantRowsSpec, 'values'>, tenant: string): string {
  return values !== undefined && Object.hasOwn(values, tenant) ? values[tenant]! : tenant;
}
