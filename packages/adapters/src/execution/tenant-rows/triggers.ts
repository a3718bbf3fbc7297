/** People's triggers are off while rows come back: what they did at the time is in the rows, and would be done again. */
import { type RowsCatalogue, type TableDifference, tablesByName } from '@headgate/domain';
import pg from 'pg';
import { tableSql } from './rows-sql.ts';

/** In the caller's transaction. Answers how to have them as they were. */
export async function triggersOff(
  client: pg.Client,
  tables: readonly TableDifference[],
  catalogue: RowsCatalogue,
): Promise<() => Promise<void>> {
  const touched = tables.filter(({ back, away, changed }) => back + away + changed > 0);
  return triggersOffOf(
    client,
    touched.map(({ table }) => table),
    catalogue,
  );
}

/** The same, of tables by name. */
export async function triggersOffOf(
  client: pg.Client,
  tables: readonly string[],
  catalogue: RowsCatalogue,
): Promise<() => Promise<void>> {
  const byName = tablesByName(catalogue);
  const all = tables.flatMap((table) => (byName.get(table)?.triggers ?? []).map((trigger) => ({ table, ...trigger })));
  for (const { table, name } of all)
    await client.query(`alter table only ${tableSql(table)} disable trigger ${pg.escapeIdentifier(name)}`);
  return async () => {
    for (const { table, name, always } of all)
      await client.query(
        `alter table only ${tableSql(table)} enable ${always ? 'always ' : ''}trigger ${pg.escapeIdentifier(name)}`,
      );
  };
}
