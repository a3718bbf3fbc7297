/** How many rows each table of a store has, and what they sum up to: promised by a restore point, and compared by a drill. */

export interface RowSum {
  readonly rows: number;
  /** Over all rows, whatever order they are in. */
  readonly sum: string;
}

/** One table, as a restore point promises it. */
export interface CountedTable extends RowSum {
  /** `public.invoice`, quoted where it must be. */
  readonly relation: string;
  /** It was written to in the very moment that the restore point is of: it may also have been this. */
  readonly or?: RowSum;
}

/** All tables of the application's. */
export interface Census {
  readonly tables: readonly CountedTable[];
}

/** A table that isn't what was promised. */
export interface CensusDifference {
  readonly relation: string;
  /** `rows`: more or fewer; `values`: as many, with another sum. */
  readonly kind: 'gone' | 'new' | 'rows' | 'values';
  readonly promised?: number;
  readonly found?: number;
}

export interface CensusComparison {
  /** Tables that were promised. */
  readonly tables: number;
  /** Rows that came back. */
  readonly rows: number;
  readonly differences: readonly CensusDifference[];
  /** Tables of which it can't be told: they were written to meanwhile, and are neither as before nor as after. */
  readonly unsettled: readonly string[];
}

/** What came back against what was promised. */
export function compareCensus(promised: Census, found: Census): CensusComparison {
  const came = new Map(found.tables.map((table) => [table.relation, table]));
  const differences: CensusDifference[] = [];
  const unsettled: string[] = [];
  for (const table of promised.tables) {
    const { relation, or } = table;
    const is = came.get(relation);
    came.delete(relation);
    if (is === undefined) differences.push({ relation, kind: 'gone', promised: table.rows });
    else if (equal(table, is) || (or !== undefined && equal(or, is))) continue;
    else if (or !== undefined) unsettled.push(relation);
    else
      differences.push({
        relation,
        kind: table.rows === is.rows ? 'values' : 'rows',
        promised: table.rows,
        found: is.rows,
      });
  }
  for (const { relation, rows } of came.values()) differences.push({ relation, kind: 'new', found: rows });
  const rows = found.tables.reduce((sum, table) => sum + table.rows, 0);
  return { tables: promised.tables.length, rows, differences, unsettled };
}

/** One count before and one after the moment that a restore point is of, as one promise. */
export function censusBetween(before: Census, after: Census): Census {
  const earlier = new Map(before.tables.map((table) => [table.relation, table]));
  return {
    tables: after.tables.map(({ relation, rows, sum }) => {
      const was = earlier.get(relation);
      const now = { relation, rows, sum };
      return was === undefined || equal(was, now) ? now : { ...now, or: { rows: was.rows, sum: was.sum } };
    }),
  };
}

function equal(a: RowSum, b: RowSum): boolean {
  return a.rows === b.rows && a.sum === b.sum;
}
