/** Whether what a difference says of its tables is what the store says of them: a file's own word for a type is none. */
import { named } from '../plan/render-words.ts';
import { otherwiseEqual, type RowsCatalogue, type RowsTable, tablesByName } from './catalogue.ts';
import type { TenantDifference } from './difference.ts';
import { decidingColumns, sumsOf, type TenantTable, type TypedColumn } from './plan.ts';
import { schemaOfTenant } from './schema.ts';

/**
 * Why tables of a file aren't those of the store that it would be applied to, in words; undefined: they are, so that every name
 * and type in them is the catalogue's own and may stand in a statement. To be asked before any of them does.
 */
export function misfitOf(
  { tables, shared, schemas, value }: Pick<TenantDifference, 'tables' | 'shared' | 'schemas' | 'value'>,
  catalogue: RowsCatalogue,
): string | undefined {
  const known = tablesByName(catalogue);
  const own = schemas && `${schemaOfTenant(schemas.named, value)}.`;
  const byName = new Map(tables.map((table) => [table.table, table]));
  if (byName.size < tables.length) return 'it has a table twice';
  const isOwn = (table: string): boolean => own !== undefined && table.startsWith(own);
  const lacking = [...known.keys()].find((table) => isOwn(table) && !byName.has(table) && !shared.includes(table));
  if (lacking !== undefined) return `it leaves out a table of the tenant’s schema (${lacking})`;
  for (const table of tables) {
    // A table of everybody's that passes for the tenant's schema would be all of everybody's rows.
    if ((table.belongs.rows === 'schema') !== isOwn(table.table))
      return `what it says of ${table.table} isn’t so: by what a row of it is somebody’s`;
    const live = known.get(table.table);
    if (live?.kind !== 'plain') return `it has a table that the store hasn’t (${table.table})`;
    const odd = otherwiseEqual(live, [...table.key, ...decidingColumns(table.belongs)]);
    if (odd.length > 0) return `rows of ${table.table} can’t be told by ${named(odd)}, whose type has an = of its own`;
    const what =
      columnMisfit(table, live) ?? belongsMisfit(table, live, byName, catalogue) ?? sumsMisfit(table, live, catalogue);
    if (what !== undefined) return `what it says of ${table.table} isn’t so in the store: ${what}`;
  }
  return undefined;
}

/** Every column that can be written is told, in one of the two lists, as what it is. */
function columnMisfit({ key, columns, liveOnly }: TenantTable, live: RowsTable): string | undefined {
  const told = [...columns, ...liveOnly].map(textOf);
  const there = live.columns.filter(({ generated }) => !generated).map(textOf);
  if (told.toSorted().join('\0') !== there.toSorted().join('\0')) return 'its columns, or their types';
  if (key.join('\0') !== live.key.join('\0')) return 'its primary key';
  const lacking = key.filter((name) => !has(columns, name));
  return lacking.length === 0 ? undefined : `the key’s ${named(lacking)} is left out`;
}

function belongsMisfit(
  { table, belongs, columns }: TenantTable,
  live: RowsTable,
  byName: ReadonlyMap<string, TenantTable>,
  { foreignKeys }: RowsCatalogue,
): string | undefined {
  if (belongs.rows === 'schema') return undefined;
  const wrong = 'by what a row of it is somebody’s';
  if (belongs.rows === 'tenant') {
    const own = live.columns.find(({ name }) => name === belongs.column);
    return own?.type === belongs.type && has(columns, own.name) ? undefined : wrong;
  }
  const key = foreignKeys.some(
    (each) =>
      each.table === table &&
      each.references === belongs.of &&
      each.columns.join('\0') === belongs.by.join('\0') &&
      each.referencedColumns.join('\0') === belongs.ofColumns.join('\0'),
  );
  return key && belongs.by.every((name) => has(columns, name)) && leadsToTenant(belongs.of, byName) ? undefined : wrong;
}

/** What people are shown sums of isn't for whoever makes the file to choose. */
function sumsMisfit(table: TenantTable, live: RowsTable, catalogue: RowsCatalogue): string | undefined {
  const same = sumsOf(table, live, catalogue).join('\0') === table.sums.join('\0');
  return same ? undefined : 'what of it is added up';
}

function leadsToTenant(from: string, byName: ReadonlyMap<string, TenantTable>): boolean {
  const seen = new Set<string>();
  for (let at = byName.get(from); at !== undefined && !seen.has(at.table); ) {
    if (at.belongs.rows === 'tenant') return true;
    seen.add(at.table);
    at = at.belongs.rows === 'through' ? byName.get(at.belongs.of) : undefined;
  }
  return false;
}

function has(columns: readonly TypedColumn[], name: string): boolean {
  return columns.some((each) => each.name === name);
}

function textOf({ name, type }: TypedColumn): string {
  return JSON.stringify([name, type]);
}
