/**
 * PostgreSQL's own tables, each as one sum: whatever a database can hold is a row of them, also kinds that nobody here names. Two
 * copies of one cluster have the same numbers in them.
 */
import type { StorePart } from '@headgate/domain';
import pg from 'pg';

/** Changed by PostgreSQL itself while nobody changes anything, or told of more exactly. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  ...['pg_statistic', 'pg_statistic_ext_data', 'pg_depend', 'pg_shdepend', 'pg_init_privs', 'pg_subscription_rel'],
  ...['pg_replication_origin', 'pg_largeobject', 'pg_largeobject_metadata', 'pg_authid', 'pg_database'],
]);

/** What is in these is told by name, as objects; the others are told as what they are. */
const TOLD_BY_NAME: ReadonlySet<string> = new Set([
  ...['pg_class', 'pg_attribute', 'pg_attrdef', 'pg_constraint', 'pg_index', 'pg_trigger', 'pg_rewrite', 'pg_policy'],
  ...['pg_proc', 'pg_type', 'pg_enum', 'pg_range', 'pg_namespace', 'pg_extension', 'pg_sequence', 'pg_inherits'],
  ...['pg_partitioned_table', 'pg_db_role_setting', 'pg_auth_members'],
]);

/** Columns that vacuum, a rebuilt index or a truncated table change. */
const CHANGING: Readonly<Record<string, readonly string[]>> = {
  pg_class: [
    ...[
      'relpages',
      'reltuples',
      'relallvisible',
      'relallfrozen',
      'relfrozenxid',
      'relminmxid',
      'relfilenode',
      'relrewrite',
    ],
    ...['relhasindex', 'relhasrules', 'relhastriggers', 'relhassubclass'],
  ],
  pg_index: ['indcheckxmin'],
  pg_attribute: ['attcacheoff'],
};

/** By which column a row is of a relation: those of a session's own, temporary ones are nobody's to lose. */
const OF_RELATION: ReadonlySet<string> = new Set([
  ...[
    'attrelid',
    'adrelid',
    'indrelid',
    'tgrelid',
    'ev_class',
    'polrelid',
    'inhrelid',
    'partrelid',
    'seqrelid',
    'stxrelid',
  ],
]);

/** Of the catalogues that all databases share, what they are part of; the others are settings. */
export const CATALOGUES_OF_CLUSTER: Readonly<Record<string, StorePart>> = {
  pg_auth_members: 'roles',
  pg_tablespace: 'databases',
};

/** In a transaction of a superuser's. */
export async function cataloguesIn(
  client: pg.Client,
  whose: 'database' | 'cluster',
): Promise<readonly { readonly name: string; readonly mark: string; readonly silent: boolean }[]> {
  const { rows: all } = await client.query<{ name: string; columns: readonly string[] }>(
    `select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
     from pg_catalog.pg_class c join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind = 'r' and c.relisshared = $1 group by 1 order by 1`,
    [whose === 'cluster'],
  );
  const found: { readonly name: string; readonly mark: string; readonly silent: boolean }[] = [];
  for (const { name, columns } of all.filter((each) => !LEFT_OUT.has(each.name))) {
    const compared = columns.filter((column) => CHANGING[name]?.includes(column) !== true);
    const values = compared.map((column) => `c.${pg.escapeIdentifier(column)}`).join(', ');
    const kept = columns.flatMap((column) => {
      if (name === 'pg_namespace' && column === 'nspname') return [`c.nspname !~ '^pg_(toast_)?temp_'`];
      if (column.endsWith('namespace'))
        return [`c.${column} not in (select oid from pg_catalog.pg_namespace where nspname ~ '^pg_(toast_)?temp_')`];
      if (OF_RELATION.has(column))
        return [`c.${column} not in (select oid from pg_catalog.pg_class where relpersistence = 't')`];
      return [];
    });
    const { rows } = await client.query<{ mark: string }>(
      `select count(*)::text || '/' || coalesce(sum(hashtextextended(row(${values})::text, 0)), 0)::text as mark
       from pg_catalog.${pg.escapeIdentifier(name)} c ${kept.length === 0 ? '' : `where ${kept.join(' and ')}`}`,
    );
    found.push({ name, mark: rows[0]!.mark, silent: TOLD_BY_NAME.has(name) });
  }
  return found;
}
