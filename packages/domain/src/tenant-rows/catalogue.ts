/** What is known of a store's tables before anybody's rows are compared: read once on each side, and judged without asking again. */

export interface RowsColumn {
  readonly name: string;
  /** As a cast writes it. */
  readonly type: string;
  readonly notNull: boolean;
  /** A default, or an identity: it has a value where none is given. */
  readonly filled: boolean;
  /** Computed from others. */
  readonly generated: boolean;
  /** Of a type, or a domain over one, with an `=` of its own that isn't PostgreSQL's (citext's): another one compares in our sessions. */
  readonly ownEquality: boolean;
  /** Whole numbers and exact decimals: what can be added up in any order. */
  readonly exact: boolean;
}

/** `plain` is what can be compared and written row by row. */
export type RowsTableKind = 'plain' | 'partitioned' | 'inheriting' | 'unlogged' | 'foreign';

export interface RowsTable {
  readonly schema: string;
  readonly name: string;
  readonly kind: RowsTableKind;
  readonly columns: readonly RowsColumn[];
  readonly key: readonly string[];
  /** Unique indexes of plain columns and whole tables, the key's own left out. */
  readonly unique: readonly { readonly name: string; readonly columns: readonly string[] }[];
  /** People's triggers that fire in a session like ours; `always`: in any. */
  readonly triggers: readonly { readonly name: string; readonly always: boolean }[];
  /** Rewrite rules. */
  readonly rewrites: readonly string[];
}

export interface RowsForeignKey {
  readonly name: string;
  /** `schema.table` of whose rows refer. */
  readonly table: string;
  readonly columns: readonly string[];
  /** `schema.table` of what they refer to. */
  readonly references: string;
  readonly referencedColumns: readonly string[];
  readonly deferrable: boolean;
}

export interface RowsCatalogue {
  /** Without partitions, which are rows of their table. */
  readonly tables: readonly RowsTable[];
  readonly foreignKeys: readonly RowsForeignKey[];
}

/** Tables by `schema.table`. */
export function tablesByName({ tables }: RowsCatalogue): ReadonlyMap<string, RowsTable> {
  return new Map(tables.map((table) => [`${table.schema}.${table.name}`, table]));
}

/** Of these columns, those by which no row can be told: what the application takes for equal isn't equal for us. */
export function otherwiseEqual({ columns }: RowsTable, names: readonly string[]): readonly string[] {
  return columns.flatMap(({ name, type, ownEquality }) =>
    ownEquality && names.includes(name) ? [`${name} (${type})`] : [],
  );
}
