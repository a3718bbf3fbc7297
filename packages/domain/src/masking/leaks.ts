/** Where leaks are looked for: every column of a copy in which people's words can stand. */
import { type MaskCatalogue, nameOf, quoteName, quoteTable, quoteText } from './catalogue.ts';
import { TEXT_LIKE } from './maskers.ts';
import { type ExpectedFind, fullName } from './rule.ts';
import { COPY_SCHEMA, type MaskStatement } from './statement.ts';

/** What is looked through of one table. $1 and $2 are the ends of a range of pages, $3 the seed of the digests. */
export interface LeakSearch extends MaskStatement {
  /** `schema.table`. */
  readonly table: string;
  readonly columns: readonly string[];
}

/** One place in which original values stand. */
export interface Leak {
  readonly table: string;
  readonly column: string;
  /** Rows in which one stands at least. */
  readonly rows: number;
  /** Why it is expected, as the rules say; undefined: it is a leak. */
  readonly because?: string;
}

/**
 * The searches: a text is taken apart into words, and every run of as many words as an original has is compared by its
 * digest. So a value is found inside of a longer text, in JSON and in lists, whatever punctuation and case it has there.
 */
export function leakSearches(catalogue: MaskCatalogue): readonly LeakSearch[] {
  return catalogue.tables
    .filter((table) => !table.partitioned)
    .flatMap((table) => {
      const columns = table.columns.filter(({ base }) => TEXT_LIKE.has(base));
      if (columns.length === 0) return [];
      const words = columns.map(
        ({ name, base }) =>
          `(${quoteText(name)}, ${COPY_SCHEMA}.leak_words(source.${quoteName(name)}${base === 'json' ? '::jsonb' : ''}::text))`,
      );
      const run = `array_to_string(told.words[place.at:place.at + size.words - 1], ' ')`;
      const sql = `select told.column_name, count(distinct source.ctid)::int8 as rows
from only ${quoteTable(table)} as source
cross join lateral (values ${words.join(', ')}) as told(column_name, words)
cross join lateral generate_subscripts(told.words, 1) as place(at)
cross join ${COPY_SCHEMA}.original_size as size
join ${COPY_SCHEMA}.original as original on original.digest = hashtextextended(${run}, $3::int8) and original.words = size.words
where source.ctid >= $1::tid and source.ctid < $2::tid
  and place.at + size.words - 1 <= cardinality(told.words)
group by told.column_name`;
      return [{ table: nameOf(table), columns: columns.map(({ name }) => name), sql, keys: [] }];
    });
}

/** What was found, beside what the rules expect. */
export function judgeLeaks(found: readonly Omit<Leak, 'because'>[], expected: readonly ExpectedFind[]): readonly Leak[] {
  return found.map((leak) => {
    const why = expected.find(({ table, column }) => fullName(table) === leak.table && column === leak.column);
    return why === undefined ? leak : { ...leak, because: why.because };
  });
}

/** Those that nobody expects. */
export function unexpected(leaks: readonly Leak[]): readonly Leak[] {
  return leaks.filter(({ because }) => because === undefined);
}
