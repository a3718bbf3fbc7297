/** Where leaks are looked for: every column of a copy in which people's words or long numbers can stand, of whatever type. */
import { type MaskCatalogue, type MaskColumn, type MaskView, nameOf, quoteName, quoteTable } from './catalogue.ts';
import { isLong, LONG_NUMBERS } from './maskers.ts';
import { type ExpectedFind, meansTable } from './rule.ts';
import type { MaskStatement } from './statement.ts';

/** What is looked through of one table: the texts of a row, in the order of `columns`. $1 and $2 are the ends of a range of pages. */
export interface LeakSearch extends MaskStatement {
  /** `schema.table`. */
  readonly table: string;
  /** The same, as SQL takes it. */
  readonly own: string;
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

/** Stands behind what isn't a column's rows, but what the database is defined by: a comment, a default, a view's query. */
export const IN_DEFINITION = ' (definition)';

/** In what nothing of a person's can be told from anything else: days, amounts, flags, and numbers of a few digits. */
const SAYS_NOTHING: ReadonlySet<string> = new Set(
  [
    'bool',
    'int2',
    'money',
    'date',
    'time',
    'timetz',
    'timestamp',
    'timestamptz',
    'interval',
    'oid',
    'xid',
    'xid8',
  ].concat([
    'cid',
    'tid',
    'pg_lsn',
    'pg_snapshot',
    'txid_snapshot',
    'point',
    'line',
    'lseg',
    'box',
    'path',
    'polygon',
    'circle',
  ]),
);

/** Bytes, which aren't taken apart. */
const BYTES = 'bytea';

/** The searches: each row's columns as texts; of whatever type that can hold somebody's words or a long number. */
export function leakSearches(catalogue: MaskCatalogue): readonly LeakSearch[] {
  return withRows(catalogue).flatMap((table) => {
    const columns = table.columns.filter(({ base }) => base !== BYTES && !SAYS_NOTHING.has(base));
    if (columns.length === 0) return [];
    const own = quoteTable(table);
    const sql = `select ${columns.map(asText).join(', ')} from only ${own} as source where source.ctid >= $1::tid and source.ctid < $2::tid`;
    return [{ table: nameOf(table), own, columns: columns.map(({ name }) => name), sql, keys: [] }];
  });
}

/** Columns that no search reads although anything may stand there: `schema.table.column`; of a table on another server all of it. */
export function unreadColumns(catalogue: MaskCatalogue): readonly string[] {
  return [
    ...withRows(catalogue).flatMap((table) =>
      table.columns.filter(({ base }) => base === BYTES).map(({ name }) => `${nameOf(table)}.${name}`),
    ),
    ...catalogue.foreignTables,
  ];
}

/** What was computed from masked tables was so in an order that only seems right, or from what nobody masks: it is looked through, too. */
function withRows({ tables, materializedViews }: MaskCatalogue): readonly MaskView[] {
  return [...tables.filter((table) => !table.partitioned), ...materializedViews];
}

function asText({ name, base, array }: MaskColumn): string {
  const own = `source.${quoteName(name)}`;
  if (LONG_NUMBERS.has(base))
    return array
      ? `(select string_agg(each.value::text, ' ') from unnest(${own}) as each(value) where ${isLong('each.value')})`
      : `case when ${isLong(own)} then ${own}::text end`;
  // Lexemes without their places, which would stand between them.
  if (base === 'tsvector' && !array) return `array_to_string(tsvector_to_array(${own}), ' ')`;
  // As jsonb, in which nothing is spelled out that a letter could say.
  return `${own}${base === 'json' && !array ? '::jsonb' : ''}::text`;
}

/** What was found, beside what the rules expect. */
export function judgeLeaks(
  found: readonly Omit<Leak, 'because'>[],
  expected: readonly ExpectedFind[],
): readonly Leak[] {
  return found.map((leak) => {
    const why = expected.find(
      ({ table, column }) =>
        meansTable(table, leak.table) && column === leak.column.replace(IN_STATISTICS, '').replace(IN_DEFINITION, ''),
    );
    return why === undefined ? leak : { ...leak, because: why.because };
  });
}

/** Those that nobody expects. */
export function unexpected(leaks: readonly Leak[]): readonly Leak[] {
  return leaks.filter(({ because }) => because === undefined);
}
