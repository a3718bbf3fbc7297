/** What is known of a database before it is masked: read once, and decided upon without asking again. */

export interface MaskColumn {
  readonly name: string;
  /** As a cast writes it: `character varying(40)`. */
  readonly type: string;
  /** The type below domains and arrays: `varchar`, `int4`, `timestamptz` … */
  readonly base: string;
  readonly array: boolean;
  /** The most characters that it takes; null: as many as there are. */
  readonly length: number | null;
  readonly generated: boolean;
}

export interface MaskTable {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly MaskColumn[];
  /** Estimated. */
  readonly rows: number;
  readonly bytes: number;
  /** It holds no rows itself; its partitions do. */
  readonly partitioned: boolean;
  /** `schema.table` of the table that it is a partition of, the topmost one. */
  readonly partitionOf: string | null;
  readonly partitionKey: readonly string[];
  /** It takes part in inheritance that is no partitioning. */
  readonly inherits: boolean;
  readonly primaryKey: readonly string[];
  readonly unique: readonly { readonly name: string; readonly columns: readonly string[] }[];
  /** Indexes and constraints on them that can be made again as they are: nothing else stands on them, or says something of them. */
  readonly rebuildable: readonly { readonly name: string; readonly definition: string; readonly constraint: boolean }[];
  /** Triggers of people's, with `tgenabled`; those of constraints left out. */
  readonly triggers: readonly { readonly name: string; readonly enabled: 'O' | 'D' | 'R' | 'A' }[];
  /** Rewrite rules. */
  readonly rules: readonly string[];
}

/** A materialized view: rows that were computed. */
export type MaskView = Pick<MaskTable, 'schema' | 'name' | 'columns'>;

export interface MaskForeignKey {
  readonly name: string;
  readonly table: string;
  readonly columns: readonly string[];
  readonly references: string;
  readonly referencedColumns: readonly string[];
  /** As `pg_get_constraintdef` says it. */
  readonly definition: string;
}

export interface MaskCatalogue {
  readonly tables: readonly MaskTable[];
  readonly foreignKeys: readonly MaskForeignKey[];
  /** Those that hold rows, in an order in which they can be refreshed: one that reads another one comes after it. */
  readonly materializedViews: readonly MaskView[];
  /** Tables that stand on other servers, and are read there: `schema.table`. */
  readonly foreignTables: readonly string[];
  /** Whether this login may set session_replication_role, which turns triggers off. */
  readonly mayTurnTriggersOff: boolean;
}

/** `schema.table` of a table. */
export function nameOf({ schema, name }: Pick<MaskTable, 'schema' | 'name'>): string {
  return `${schema}.${name}`;
}

/** An identifier as SQL takes it, whatever is in it. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A table's name as SQL takes it. */
export function quoteTable({ schema, name }: Pick<MaskTable, 'schema' | 'name'>): string {
  return `${quoteName(schema)}.${quoteName(name)}`;
}

/** A text as SQL takes it, whatever the server's settings. */
export function quoteText(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
