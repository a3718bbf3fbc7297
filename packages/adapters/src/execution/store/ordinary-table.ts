import type pg from 'pg';
import { StoreFault } from './store-fault.ts';

/** A table of Odoo's, and the columns of text that are read of it. */
export interface OdooTable {
  readonly name: string;
  readonly columns: readonly string[];
}

/**
 * Holds a table for the rest of the transaction, and sees that reading it runs nothing of its owner's: it is an ordinary
 * table (a view has functions) without row security (policies have), its columns are text (another type has functions that
 * print it), and no index or statistics of it call anything that isn't PostgreSQL's or an extension's own (the planner
 * works out what is constant in them). `only` keeps tables out that inherit from it. Somebody could make such an index
 * between this and the reading: what runs then is in a transaction that can write nothing, in its own database. Throws a
 * `StoreFault` in fixed words.
 */
export async function requireOrdinary(client: pg.ClientBase, database: string, table: OdooTable): Promise<void> {
  try {
    await client.query(`lock table only public.${table.name} in access share mode`);
  } catch (error) {
    const why = NO_TABLE[(error as { readonly code?: string }).code ?? ''];
    if (why === undefined) throw error;
    throw new StoreFault(`the database ${database}${why(table.name)}`);
  }
  const seen = await lookAtTable(client, 'public', table.name);
  if (!seen?.ordinary || table.columns.some((name) => seen.columns.includes(name) && !seen.texts.includes(name)))
    throw new StoreFault(`the database ${database}: ${table.name} is no ordinary table of Odoo's`);
  if (!table.columns.every((name) => seen.columns.includes(name)))
    throw new StoreFault(`the database ${database} has a table ${table.name} that is none of Odoo's`);
}

/** What a table is, for whoever holds it already. */
export interface SeenTable {
  /** Reading it runs nothing of its owner's, as far as its columns are texts or whole numbers. */
  readonly ordinary: boolean;
  readonly columns: readonly string[];
  readonly texts: readonly string[];
  /** Columns of type int8. */
  readonly numbers: readonly string[];
}

/** Undefined: there is none of that name. */
export async function lookAtTable(client: pg.ClientBase, schema: string, name: string): Promise<SeenTable | undefined> {
  return (await client.query<SeenTable>(SEEN, [schema, name])).rows[0];
}

const NO_TABLE: Readonly<Record<string, (table: string) => string>> = {
  '42P01': (table) => ` has no table ${table}, so it is no database of Odoo`,
  '3F000': (table) => ` has no table ${table}, so it is no database of Odoo`,
  // It is there, and can't be locked as a table: an index, a foreign table, or whatever a view reaches.
  '42809': (table) => `: ${table} is no ordinary table of Odoo's`,
  '42501': (table) => `: ${table} is no ordinary table of Odoo's`,
};

/** The superuser that the cluster was made by owns what extensions bring; nobody can give a function away to it. */
const BY_OTHERS = `
  select from pg_catalog.pg_depend d
  where (d.classid, d.objid) in (
      select 'pg_catalog.pg_class'::regclass::oid, indexrelid from pg_catalog.pg_index where indrelid = c.oid
      union all
      select 'pg_catalog.pg_statistic_ext'::regclass::oid, oid from pg_catalog.pg_statistic_ext where stxrelid = c.oid)
    and d.refclassid in ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass,
      'pg_catalog.pg_type'::regclass, 'pg_catalog.pg_opclass'::regclass)
    and (d.refclassid, d.refobjid) not in (
      select 'pg_catalog.pg_proc'::regclass::oid, oid from pg_catalog.pg_proc where proowner = 10
      union all
      select 'pg_catalog.pg_operator'::regclass::oid, oid from pg_catalog.pg_operator where oprowner = 10
      union all
      select 'pg_catalog.pg_type'::regclass::oid, oid from pg_catalog.pg_type where typowner = 10
      union all
      select 'pg_catalog.pg_opclass'::regclass::oid, oid from pg_catalog.pg_opclass where opcowner = 10)`;

const SEEN = `
  select c.relkind = 'r' and not c.relrowsecurity and not exists (${BY_OTHERS}) as ordinary,
    array(select a.attname::text from pg_catalog.pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
    array(select a.attname::text from pg_catalog.pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        and a.atttypid in ('pg_catalog.text'::regtype, 'pg_catalog.varchar'::regtype)) as texts,
    array(select a.attname::text from pg_catalog.pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        and a.atttypid = 'pg_catalog.int8'::regtype) as numbers
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relname = $2`;
