/**
 * The plan of a masking, as data: which tables, in which order, by which statements. It is made once from rules and
 * catalogue, stored in the copy when the work begins, and carried out without another choice, also by whoever goes on
 * after a kill.
 *
 * A table is masked in three moves. Its masked rows are put into a table beside it, range by range, on all connections;
 * one transaction counts them and empties the table; and they are brought in, range by range. Nothing is ever read that
 * was masked before, so each row is masked once, wherever a run is killed. The table keeps its identity: indexes, views,
 * rights and identities stay. Its old file goes with the second move, and no old row version lies in the new one.
 */
import { type MaskCatalogue, type MaskTable, nameOf, quoteName, quoteTable } from './catalogue.ts';
import { checkRules, type PlacedRule } from './check-rules.ts';
import { collectStatements } from './collect.ts';
import { maskedColumn, maskerOf } from './maskers.ts';
import { keepsTotal, noiseStatement } from './noise.ts';
import type { MaskingRule, RuleRefusal } from './rule.ts';
import { COPY_SCHEMA, type MaskStatement } from './statement.ts';

export interface TablePlan {
  /** `schema.table`. */
  readonly table: string;
  /** The same, as SQL takes it. */
  readonly own: string;
  /** Number of the table in the plan: its side tables are called by it. */
  readonly n: number;
  readonly rows: number;
  readonly bytes: number;
  readonly masked: readonly { readonly column: string; readonly mask: string }[];
  /** Read what must not be found afterwards, of pages $1 to $2 (as ctid). */
  readonly collect: readonly MaskStatement[];
  /** Makes the side tables. */
  readonly prepare: readonly MaskStatement[];
  /** Masks the rows of pages $1 to $2 (as ctid) into the side table. */
  readonly batch: MaskStatement;
  /** The side table with the masked rows. */
  readonly work: string;
  /** Empties the table, once all its masked rows stand beside it, and drops what is made quicker when they are in. */
  readonly empty: readonly string[];
  /** Makes that again: each by itself. */
  readonly rebuild: readonly string[];
  /** Brings the masked rows of pages $1 to $2 (as ctid) of the side table in. */
  readonly fill: string;
  /** Removes the side tables. */
  readonly clear: readonly string[];
  readonly analyze: string;
}

export interface MaskingPlan {
  readonly tables: readonly TablePlan[];
  /** Keys that are in the way of emptying tables: dropped before, added again after, which checks every row. */
  readonly foreignKeys: readonly { readonly name: string; readonly drop: string; readonly add: string }[];
  /** What was computed from masked tables, and statistics of it, made anew. */
  readonly refresh: readonly string[];
}

export type PlannedMasking =
  | { readonly ok: true; readonly plan: MaskingPlan }
  | { readonly ok: false; readonly refusals: readonly RuleRefusal[] };

/** The plan of rules in a database; or every reason why there is none. */
export function planMasking(rules: readonly MaskingRule[], catalogue: MaskCatalogue): PlannedMasking {
  const checked = checkRules(rules, catalogue);
  if (!checked.ok) return checked;
  const tables = catalogue.tables
    .filter((table) => !table.partitioned)
    .map((table) => ({ table, rules: rulesOf(table, checked.placed) }))
    .filter((each) => each.rules.length > 0)
    // The largest first: what is left at the end is short.
    .sort((a, b) => b.table.bytes - a.table.bytes || (nameOf(a.table) < nameOf(b.table) ? -1 : 1))
    .map((each, n) => tablePlan(each.table, each.rules, n));
  const touched = new Set(tables.map(({ table }) => table));
  for (const { table } of checked.placed) touched.add(nameOf(table));
  const foreignKeys = catalogue.foreignKeys
    .filter((key) => touched.has(key.table) || touched.has(key.references))
    .map(({ name, table, definition }) => {
      const on = catalogue.tables.find((each) => nameOf(each) === table);
      const alter = `alter table ${on === undefined ? table : quoteTable(on)}`;
      return {
        name: `${table}.${name}`,
        drop: `${alter} drop constraint if exists ${quoteName(name)}`,
        add: `${alter} add constraint ${quoteName(name)} ${definition}`,
      };
    });
  // Statistics hold values, too: those of a partitioned table are its own, beside its partitions'.
  const roots = catalogue.tables.filter((table) => table.partitioned && touched.has(nameOf(table)));
  const refresh = [
    ...catalogue.materializedViews
      .map(quoteTable)
      .flatMap((view) => [`refresh materialized view ${view}`, `analyze ${view}`]),
    ...roots.map((table) => `analyze ${quoteTable(table)}`),
  ];
  return { ok: true, plan: { tables, foreignKeys, refresh } };
}

/** The rules that a table's rows are masked by: its own, or those of the table that it is a partition of. */
function rulesOf(table: MaskTable, placed: readonly PlacedRule[]): readonly MaskingRule[] {
  const name = table.partitionOf ?? nameOf(table);
  return placed.filter((each) => nameOf(each.table) === name).map(({ rule }) => rule);
}

function tablePlan(table: MaskTable, rules: readonly MaskingRule[], n: number): TablePlan {
  const own = quoteTable(table);
  const work = `${COPY_SCHEMA}.work_${n}`;
  const columns = table.columns.filter((column) => !column.generated);
  const list = columns.map(({ name }) => quoteName(name)).join(', ');
  const noise = rules.filter(keepsTotal).map((rule, i) => ({ rule, side: `noise_${n}_${i}` }));
  const keys = [
    ...new Set(rules.filter((rule) => !keepsTotal(rule)).flatMap((rule) => maskerOf(rule).functions(rule))),
  ];
  const values = columns.map((column) => {
    const rule = rules.find((each) => each.column === column.name);
    const value = `source.${quoteName(column.name)}`;
    if (rule === undefined) return value;
    const kept = noise.find((each) => each.rule === rule);
    if (kept !== undefined) return `(${value}::numeric + coalesce(${kept.side}.delta, 0))::${column.type}`;
    // Behind the two ends of the range.
    return maskedColumn(rule, column, (name) => `$${keys.indexOf(name) + 3}::bytea`);
  });
  const joins = noise.map(({ side }) => ` left join ${COPY_SCHEMA}.${side} on ${side}.at = source.ctid`).join('');
  const range = 'source.ctid >= $1::tid and source.ctid < $2::tid';
  return {
    table: nameOf(table),
    own,
    n,
    rows: table.rows,
    bytes: table.bytes,
    masked: rules.map(({ column, mask }) => ({ column, mask })),
    collect: collectStatements(table, rules),
    prepare: [
      { sql: `create table ${work} as select ${list} from only ${own} with no data`, keys: [] },
      ...noise.map(({ rule, side }) => noiseStatement(table, rule, side)),
    ],
    batch: {
      sql: `insert into ${work} select ${values.join(', ')} from only ${own} as source${joins} where ${range}`,
      keys,
    },
    work,
    empty: [
      `truncate only ${own}`,
      ...table.rebuildable.map(({ name, constraint }) =>
        constraint
          ? `alter table ${own} drop constraint ${quoteName(name)}`
          : `drop index ${quoteName(table.schema)}.${quoteName(name)}`,
      ),
    ],
    rebuild: table.rebuildable.map(({ name, definition, constraint }) =>
      constraint ? `alter table ${own} add constraint ${quoteName(name)} ${definition}` : definition,
    ),
    fill: `insert into ${own} (${list}) overriding system value select ${list} from ${work} as source where ${range}`,
    clear: ['work', ...noise.map((_, i) => i)].map(
      (which) => `drop table if exists ${which === 'work' ? work : `${COPY_SCHEMA}.noise_${n}_${which}`}`,
    ),
    analyze: `analyze ${own}`,
  };
}
