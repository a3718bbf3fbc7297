/** Which columns of a table are compared where a migration may have changed them since. */
import { named } from '../plan/render-words.ts';
import type { RowsColumn, RowsTable } from './catalogue.ts';
import type { TypedColumn } from './plan.ts';

interface ColumnFault {
  readonly why: string;
  readonly unblock: string;
}

export type ComparedColumns =
  | { readonly columns: readonly TypedColumn[]; readonly liveOnly: readonly TypedColumn[] }
  | { readonly faults: readonly ColumnFault[] };

/**
 * `leave`: what the rule says of columns that aren't the same on both sides. `needed`: columns that can't be left.
 * `saying`: how the rule would say that columns stay out.
 */
export function compareColumns(
  table: string,
  now: RowsTable,
  was: RowsTable,
  leave: readonly string[],
  needed: readonly string[],
  saying: (columns: readonly string[]) => string,
): ComparedColumns {
  const [here, before] = [byName(now), byName(was)];
  const all = [...new Set([...here.keys(), ...before.keys()])].toSorted();
  const same = all.filter((name) => isSame(here.get(name), before.get(name)));
  const differing = all.filter((name) => !same.includes(name));
  const faults: ColumnFault[] = [];
  const undecided = differing.filter((name) => !leave.includes(name));
  if (undecided.length > 0)
    faults.push({
      why: `a migration changed ${table} since: ${named(undecided.map((name) => differenceWords(name, here.get(name), before.get(name))))}`,
      unblock: `recover to a moment after it; or say in the rule that these columns stay out: ${saying(undecided)}`,
    });
  const wrong = leave.filter((name) => same.includes(name) || !all.includes(name));
  if (wrong.length > 0)
    faults.push({
      why: `${table}: leave names ${named(wrong)}, which no migration changed`,
      unblock: 'only columns that aren’t the same on both sides can stay out; take these from the list',
    });
  const lost = needed.filter((name) => differing.includes(name));
  if (lost.length > 0)
    faults.push({
      why: `${table}: rows are told apart, and whose they are, by ${named(lost)}, which isn’t the same on both sides`,
      unblock: 'recover to a moment after the migration',
    });
  const liveOnly = differing.flatMap((name) => here.get(name) ?? []);
  const empty = liveOnly.filter(({ notNull, filled, generated }) => notNull && !filled && !generated);
  if (empty.length > 0)
    faults.push({
      why: `${table}: rows that come back would have no value in ${named(empty.map(({ name }) => name))}, which has to have one`,
      unblock: 'give the column a default, or recover to a moment after the migration',
    });
  if (faults.length > 0) return { faults };
  // What is computed follows from the others, and can't be written.
  const columns = same.flatMap((name) => here.get(name) ?? []).filter(({ generated }) => !generated);
  return { columns: columns.map(typed), liveOnly: liveOnly.filter(({ generated }) => !generated).map(typed) };
}

function byName({ columns }: RowsTable): ReadonlyMap<string, RowsColumn> {
  return new Map(columns.map((column) => [column.name, column]));
}

function isSame(a: RowsColumn | undefined, b: RowsColumn | undefined): boolean {
  return a !== undefined && b !== undefined && a.type === b.type && a.generated === b.generated;
}

function differenceWords(name: string, now: RowsColumn | undefined, was: RowsColumn | undefined): string {
  if (now === undefined) return `${name} is gone`;
  if (was === undefined) return `${name} is new`;
  return now.type === was.type ? `${name} is computed on one side` : `${name} was ${was.type} and is ${now.type}`;
}

function typed({ name, type }: RowsColumn): TypedColumn {
  return { name, type };
}
