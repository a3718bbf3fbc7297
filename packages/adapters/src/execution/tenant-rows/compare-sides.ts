/** What differs of a tenant's rows between two sides: both are read in the order of their keys, and never held as a whole. */
import type { RowDifference, TableDifference, TenantTable } from '@headgate/domain';
import { type KeyedRow, rowsInOrder, sumRows, type TenantSide } from './tenant-side.ts';

/** Takes a row that differs. */
export type Found = (row: RowDifference) => Promise<void>;

/** Compares all tables of a plan, in its order. */
export async function compareSides(
  tables: readonly TenantTable[],
  live: TenantSide,
  was: TenantSide,
  found: Found,
  signal: AbortSignal,
): Promise<readonly TableDifference[]> {
  const byName = new Map(tables.map((table) => [table.table, table]));
  const compared: TableDifference[] = [];
  for (const [index, table] of tables.entries()) {
    signal.throwIfAborted();
    compared.push(await compareTable(index, table, byName, live, was, found, signal));
  }
  return compared;
}

async function compareTable(
  index: number,
  table: TenantTable,
  byName: ReadonlyMap<string, TenantTable>,
  live: TenantSide,
  was: TenantSide,
  found: Found,
  signal: AbortSignal,
): Promise<TableDifference> {
  const counts = { back: 0, away: 0, changed: 0 };
  const changes = new Map<string, number>();
  const width = table.columns.length;
  const tell = async (row: Omit<RowDifference, 'table'>): Promise<void> => {
    counts[row.kind]++;
    await found({ table: index, ...row });
  };
  const here = rowsInOrder(live.client, table, byName, true);
  const before = rowsInOrder(was.client, table, byName, false);
  try {
    let [a, b] = await Promise.all([next(here), next(before)]);
    while (a !== undefined || b !== undefined) {
      signal.throwIfAborted();
      const order = a === undefined ? 1 : b === undefined ? -1 : compareKeys(a.key, b.key);
      if (order < 0) {
        await tell({ kind: 'away', live: a!.values });
        a = await next(here);
      } else if (order > 0) {
        await tell({ kind: 'back', was: b!.values });
        b = await next(before);
      } else {
        const values = a!.values.slice(0, width);
        const differing = table.columns.filter((_, i) => values[i] !== b!.values[i]);
        if (differing.length > 0) {
          for (const { name } of differing) changes.set(name, (changes.get(name) ?? 0) + 1);
          await tell({ kind: 'changed', live: values, was: b!.values });
        }
        [a, b] = await Promise.all([next(here), next(before)]);
      }
    }
  } finally {
    await Promise.all([here.return(undefined), before.return(undefined)]);
  }
  const [now, then] = await Promise.all([sumRows(live.client, table, byName), sumRows(was.client, table, byName)]);
  return {
    ...table,
    ...counts,
    changes: [...changes].map(([column, rows]) => ({ column, rows })),
    live: { rows: now.rows, sum: now.sum },
    was: { rows: then.rows, sum: then.sum },
    added: table.sums.map((column, i) => ({ column, live: now.added[i] ?? null, was: then.added[i] ?? null })),
  };
}

async function next(rows: AsyncGenerator<KeyedRow>): Promise<KeyedRow | undefined> {
  const { done, value } = await rows.next();
  return done === true ? undefined : value;
}

/** As the server ordered them: byte by byte. */
function compareKeys(a: readonly Buffer[], b: readonly Buffer[]): number {
  for (const [i, part] of a.entries()) {
    const order = Buffer.compare(part, b[i]!);
    if (order !== 0) return order;
  }
  return 0;
}
