/** The application's tables, and how the values in their rows become texts: whatever counts or compares rows asks here. */

/** Schemas of PostgreSQL's and of ours are nobody's tables. */
export const FOREIGN_SCHEMAS = `n.nspname not in ('pg_catalog', 'information_schema', 'headgate', 'headgate_copy') and n.nspname !~ '^pg_(toast_)?temp_'`;

/** A relation's name, quoted where it must be. */
export const NAMED = `quote_ident(n.nspname) || '.' || quote_ident(c.relname)`;

/** Columns of a table that can be put into a text: all. In the order of their names, so that where they stand changes no sum. */
export const TABLES = `
  select ${NAMED} as relation, array_agg(a.attname::text order by a.attname) as columns,
    c.relpersistence = 'u' as unlogged, c.relkind = 'm' as view
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
    left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relkind in ('r', 'm') and n.nspname <> 'pg_toast' and ${FOREIGN_SCHEMAS} and c.relispopulated
  group by c.oid, 1 order by max(c.relpages) desc, 1`;

/** How values are written as texts here, whatever the database says: or equal ones had different sums. */
export const SETTINGS = `set search_path = ''; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; set timezone = 'UTC';
  set extra_float_digits = 1; set bytea_output = 'hex'; set row_security = off; set xmloption = 'content'; set statement_timeout = 0; set lock_timeout = 0`;
