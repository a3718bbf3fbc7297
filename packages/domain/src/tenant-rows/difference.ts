/** The difference between a tenant's rows as they are and as they were, in numbers: what people approve by its digest. */
import type { Digest, Instant } from '../model/identity.ts';
import type { TenantTable } from './plan.ts';
import type { RaisedSequence } from './sequences.ts';

/** How many rows, and two sums over them that are the same in whatever order they are read. */
export interface RowsSum {
  readonly rows: number;
  readonly sum: string;
}

export interface TableDifference extends TenantTable {
  /** Rows that come back: deleted since. */
  readonly back: number;
  /** Rows that are taken away: written since. */
  readonly away: number;
  readonly changed: number;
  /** Of the changed ones: in how many rows each column changes. */
  readonly changes: readonly { readonly column: string; readonly rows: number }[];
  readonly live: RowsSum;
  readonly was: RowsSum;
  /** Of the tenant's rows, by column of `sums`; null: nothing to add up. */
  readonly added: readonly { readonly column: string; readonly live: string | null; readonly was: string | null }[];
}

/** What a side was as it was read. */
export interface SideFacts {
  /** The cluster's own number, and the database's in it. */
  readonly database: string;
  /** By our own record; 0: there is none. */
  readonly schemaVersion: number;
  readonly lsn: string;
  readonly snapshot: string;
  readonly at: Instant;
}

export interface TenantDifference {
  readonly environment: string;
  readonly cell: string;
  readonly store: string;
  readonly tenant: string;
  /** What stands for the tenant in tenant columns. */
  readonly value: string;
  readonly rules: { readonly name: string; readonly digest: Digest };
  /** Where tenants have a schema each: how it is named, and those of other tenants, which nobody looked at. */
  readonly schemas?: { readonly named: string; readonly others: readonly string[] };
  /** Sequences of the tenant's schema that are yet to give out what comes back: they are raised behind it. Never set back. */
  readonly sequences?: readonly RaisedSequence[];
  /** Which moment the rows are brought back to, in words. */
  readonly moment: string;
  readonly live: SideFacts;
  readonly was: SideFacts;
  /** Of what the live store's tables are like, all that bears upon writing to them. */
  readonly schema: Digest;
  /** What is referred to comes before what refers to it. */
  readonly tables: readonly TableDifference[];
  readonly shared: readonly string[];
  /** Who made it: their own approval doesn't count. Of one that takes another back, who applied that one. */
  readonly by: string;
  readonly madeAt: Instant;
  /** The difference that this one takes back. */
  readonly undoes: Digest | null;
  /** The rows, which follow line by line. */
  readonly body: { readonly sha256: string; readonly bytes: number; readonly lines: number };
}

/** `back`: has `was`. `away`: has `live`. `changed`: has both. */
export type RowDifferenceKind = 'back' | 'away' | 'changed';

/** A row's values as PostgreSQL writes them, in the order of the table's columns; what is of one side alone comes after. */
export type RowValues = readonly (string | null)[];

export interface RowDifference {
  /** Index of the table. */
  readonly table: number;
  readonly kind: RowDifferenceKind;
  readonly live?: RowValues;
  readonly was?: RowValues;
}

/** How many rows would be written, all in all. */
export function rowsOf({ tables }: Pick<TenantDifference, 'tables'>): number {
  return tables.reduce((sum, { back, away, changed }) => sum + back + away + changed, 0);
}

export type Standing =
  | { readonly as: 'seen' }
  /** As it should become: it was applied before, or somebody did the same. */
  | { readonly as: 'wanted' }
  | { readonly as: 'otherwise'; readonly tables: readonly string[] };

/** How the tenant's rows stand now, by the sums of each table of the difference in its order. */
export function standingOf({ tables }: Pick<TenantDifference, 'tables'>, now: readonly RowsSum[]): Standing {
  const differing = (side: 'live' | 'was'): readonly string[] =>
    tables.flatMap((table, i) => (isEqual(table[side], now[i]) ? [] : [table.table]));
  if (differing('was').length === 0) return { as: 'wanted' };
  const otherwise = differing('live');
  return otherwise.length === 0 ? { as: 'seen' } : { as: 'otherwise', tables: otherwise };
}

export function isEqual(a: RowsSum, b: RowsSum | undefined): boolean {
  return b !== undefined && a.rows === b.rows && a.sum === b.sum;
}

/** What would take a difference back once it was applied; its rows come line by line, each reversed. */
export function reverseOf(
  difference: TenantDifference,
  digest: Digest,
  more: Pick<TenantDifference, 'by' | 'madeAt'>,
): TenantDifference {
  // A number that was given out is gone, whatever becomes of its row.
  const { sequences: _, ...rest } = difference;
  return {
    ...rest,
    ...more,
    undoes: digest,
    moment: `before ${digest} was applied`,
    tables: difference.tables.map(({ back, away, live, was, added, ...table }) => ({
      ...table,
      ...{ back: away, away: back, live: was, was: live },
      added: added.map((each) => ({ column: each.column, live: each.was, was: each.live })),
    })),
  };
}

/** The same of a row. */
export function reverseRow({ table, kind, live, was }: RowDifference): RowDifference {
  return {
    table,
    kind: kind === 'changed' ? kind : kind === 'back' ? 'away' : 'back',
    ...(was !== undefined && { live: was }),
    ...(live !== undefined && { was: live }),
  };
}
