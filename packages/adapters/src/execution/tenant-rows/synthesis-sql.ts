/** The statements that make a tenant's rows up. Names are quoted; values are parameters. */
import type { MadeTable, MadeValue, RowsColumnId, RowsForeignKey, TenantTable } from '@headgate/domain';
import pg from 'pg';
import { FOREIGN_SCHEMAS } from '../census/application-tables.ts';
import { belongsSql, tableSql } from './rows-sql.ts';

const q = pg.escapeIdentifier;
type Tables = ReadonlyMap<string, TenantTable>;

/** The least and the greatest number of the tenant's rows, and the greatest of all; null where there is none. */
export interface NumberFacts {
  readonly least: string | null;
  readonly most: string | null;
  readonly all: string | null;
}

export interface Making {
  /** What stands for the new tenant. */
  readonly value: string;
  readonly times: number;
  /** Tables whose rows are made once. */
  readonly once: ReadonlySet<string>;
  /** By `table column`. */
  readonly numbers: ReadonlyMap<string, NumberFacts>;
}

export function rangeSql({ table, column }: RowsColumnId, byName: Tables): string {
  const name = `t.${q(column)}`;
  const own = belongsSql(byName.get(table)!, byName, 't');
  return `select min(${name}) filter (where ${own})::text as least, max(${name}) filter (where ${own})::text as most, max(${name})::text as "all" from only ${tableSql(table)} t`;
}

/** One row when the tenant has any. */
export function hasRowsSql(table: TenantTable, byName: Tables): string {
  return `select from only ${tableSql(table.table)} t where ${belongsSql(table, byName, 't')} limit 1`;
}

/** How many rows of the tenant refer to a row that isn't its own. */
export function outsideSql(key: RowsForeignKey, from: TenantTable, to: TenantTable, byName: Tables): string {
  const given = key.columns.map((name) => `t.${q(name)} is not null`);
  const joined = key.columns.map((name, i) => `r.${q(key.referencedColumns[i]!)} = t.${q(name)}`);
  return `select count(*)::text as n from only ${tableSql(from.table)} t where ${belongsSql(from, byName, 't')} and ${given.join(' and ')}
    and not exists (select from only ${tableSql(to.table)} r where ${joined.join(' and ')} and ${belongsSql(to, byName, 'r')})`;
}

export const indexesSql = `
  select n.nspname || '.' || c.relname as "table", i.relname as name,
    (select json_agg(distinct a.attname) from pg_depend d join pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
      where d.classid = 'pg_class'::regclass and d.objid = i.oid and d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid and d.refobjsubid > 0) as columns
  from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class c on c.oid = x.indrelid join pg_namespace n on n.oid = c.relnamespace
  where x.indisunique and (x.indexprs is not null or x.indpred is not null) and c.relkind = 'r' and not c.relispartition and n.nspname !~ '^pg_' and ${FOREIGN_SCHEMAS}
    and exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = i.oid and d.refobjid = c.oid and d.refobjsubid > 0)
  order by 1, 2`;

/** Sequences that fill columns of a table go on behind the greatest value. */
export function sequenceSql(table: string): string {
  return `do $$ declare one record; most int8; last int8; begin
    for one in select a.attname as name, pg_get_serial_sequence(${pg.escapeLiteral(tableSql(table))}, a.attname) as sequence
      from pg_attribute a where a.attrelid = ${pg.escapeLiteral(tableSql(table))}::regclass and a.attnum > 0 and not a.attisdropped
    loop
      continue when one.sequence is null;
      execute format('select max(%I)::int8 from only %s', one.name, ${pg.escapeLiteral(tableSql(table))}) into most;
      execute format('select last_value from %s', one.sequence) into last;
      if most > last then perform setval(one.sequence, most); end if;
    end loop; end $$`;
}

/** Nobody else writes meanwhile. */
export const lockSql = (table: string): string => `lock table only ${tableSql(table)} in share row exclusive mode`;

/** The planner knows of what was made. */
export const analyzeSql = (table: string): string => `analyze ${tableSql(table)}`;

/** Makes the rows of one table. The session means the tenant whose rows are taken. */
export function madeSql(
  { table, columns, once }: MadeTable,
  byName: Tables,
  making: Making,
): { readonly text: string; readonly values: readonly string[] } {
  const values: string[] = [];
  const given = (value: string): string => `$${values.push(value)}`;
  const from = columns.map(({ name, type, value }) => columnSql(`t.${q(name)}`, type, value, making, given));
  const text = `insert into ${tableSql(table.table)} (${columns.map(({ name }) => q(name)).join(', ')}) overriding system value
      select ${from.join(', ')} from only ${tableSql(table.table)} t cross join generate_series(1, ${once ? '1' : `${given(String(making.times))}::int`}) as k(n)
      where ${belongsSql(table, byName, 't')}`;
  return { text, values };
}

function columnSql(
  column: string,
  type: string,
  value: MadeValue,
  { value: tenant, once, numbers }: Making,
  given: (value: string) => string,
): string {
  if (value.make === 'keep') return column;
  if (value.make === 'tenant') return `case when ${column} is not null then ${given(tenant)}::text::${type} end`;
  const n = once.has(value.of.table) ? '1' : 'k.n';
  if (value.make === 'uuid')
    return `case when ${column} is not null then md5(${column}::text || ' ' || ${n} || ' ' || ${given(tenant)}::text)::uuid end`;
  if (value.make === 'number') {
    const { least, most, all } = numbers.get(`${value.of.table} ${value.of.column}`)!;
    // No number there, none to move: the column is null in every row.
    if (least === null || most === null || all === null) return column;
    const base = value.scoped ? '0' : `(${given(all)}::numeric + 1 - ${given(least)}::numeric)`;
    const span = `(${given(most)}::numeric - ${given(least)}::numeric + 1)`;
    return `(${column}::numeric + ${base} + (${n} - 1) * ${span})::${type}`;
  }
  // In front, so that what ends in a domain or a check digit's place still looks like one.
  const mark = `to_hex(${n}) || substr(md5(${given(tenant)}::text), 1, 6) || '-'`;
  const most = /\((\d+)\)$/.exec(type)?.[1];
  const long = `${mark} || ${column}`;
  const text =
    most === undefined
      ? long
      : `case when length(${long}) <= ${most} then ${long} else left(${mark} || md5(${column}), ${most}) end`;
  const made = `case when ${column} is not null then (${text})::${type} end`;
  return value.scoped ? `case when ${n} = 1 then ${column} else ${made} end` : made;
}
