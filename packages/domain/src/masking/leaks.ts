/** Where leaks are looked for: every column of a copy in which people's words can stand. */
import { type MaskCatalogue, nameOf, quoteName, quoteTable } from './catalogue.ts';
import { TEXT_LIKE } from './maskers.ts';
import { type ExpectedFind, meansTable } from './rule.ts';
import type { MaskStatement } from './statement.ts';

/** What is looked through of one table: the texts of a row, in the order of `columns`. $1 and $2 are the ends of a range of pages. */
export interface LeakSearch extends MaskStatement {
  /** `schema.table`. */
  readonly table: string;
  readonly columns: readonly string[];
}

/** Stands behind a column's name where not its rows, but the statistics that the server keeps of it hold originals. */
export const IN_STATISTICS = ' (statistics)';

/** One place in which original values stand. */
export interface Leak {
  readonly table: string;
  readonly column: string;
  /** Rows in which one stands at least. */
  readonly rows: number;
  /** Why it is expected, as the rules say; undefined: it is a leak. */
  readonly because?: string;
}

/** The searches: each row's columns as texts. */
export function leakSearches(catalogue: MaskCatalogue): readonly LeakSearch[] {
  return catalogue.tables
    .filter((table) => !table.partitioned)
    .flatMap((table) => {
      const columns = table.columns.filter(({ base }) => TEXT_LIKE.has(base));
      if (columns.length === 0) return [];
      // As jsonb, in which nothing is spelled out that a letter could say.
      const texts = columns.map(
        ({ name, base, array }) => `source.${quoteName(name)}${base === 'json' && !array ? '::jsonb' : ''}::text`,
      );
      const sql = `select ${texts.join(', ')} from only ${quoteTable(table)} as source where source.ctid >= $1::tid and source.ctid < $2::tid`;
      return [{ table: nameOf(table), columns: columns.map(({ name }) => name), sql, keys: [] }];
    });
}

/** What was found, beside what the rules expect. */
export function judgeLeaks(
  found: readonly Omit<Leak, 'because'>[],
  expected: readonly ExpectedFind[],
): readonly Leak[] {
  return found.map((leak) => {
    const why = expected.find(
      ({ table, column }) => meansTable(table, leak.table) && column === leak.column.replace(IN_STATISTICS, ''),
    );
    return why === undefined ? leak : { ...leak, because: why.because };
  });
}

/** Those that nobody expects. */
export function unexpected(leaks: readonly Leak[]): readonly Leak[] {
  return leaks.filter(({ because }) => because === undefined);
}
