/** Reads of a store what comparing a tenant's rows is decided by: in one query, in the caller's snapshot. */
import type { RowsCatalogue } from '@headgate/domain';
import type pg from 'pg';
import { FOREIGN_SCHEMAS } from '../census/application-tables.ts';

const NAMES = (keys: string, relation: string): string =>
  `(select json_agg(m.attname order by u.place) from unnest(${keys}) with ordinality u(num, place) join pg_attribute m on m.attrelid = ${relation} and m.attnum = u.num)`;

const COLUMNS = `
  select json_agg(json_build_object(
      'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull,
      'filled', a.atthasdef and a.attgenerated = '' or a.attidentity <> '', 'generated', a.attgenerated <> '',
      'ownEquality', exists (
        with recursive below(type) as (
          select a.atttypid union all select t.typbasetype from below join pg_type t on t.oid = below.type where t.typbasetype <> 0)
        select from below join pg_operator e on e.oprleft = below.type and e.oprright = below.type
        where e.oprname = '=' and e.oprnamespace <> 'pg_catalog'::regnamespace),
      'exact', a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype)) order by a.attnum)
  from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped`;

const UNIQUE = `
  select json_agg(json_build_object('name', i.relname, 'columns', ${NAMES('(x.indkey::int2[])[0:x.indnkeyatts - 1]', 'c.oid')}) order by i.relname)
  from pg_index x join pg_class i on i.oid = x.indexrelid
  where x.indrelid = c.oid and x.indisunique and not x.indisprimary and x.indexprs is null and x.indpred is null`;

const TRIGGERS = `
  select json_agg(json_build_object('name', g.tgname, 'always', g.tgenabled = 'A') order by g.tgname)
  from pg_trigger g where g.tgrelid = c.oid and not g.tgisinternal and g.tgenabled in ('O', 'A')`;

const CATALOGUE = `
select json_build_object(
  'tables', (
    select coalesce(json_agg(json_build_object(
      'schema', n.nspname, 'name', c.relname,
      'kind', case when c.relkind = 'p' then 'partitioned' when c.relkind = 'f' then 'foreign'
        when exists (select from pg_inherits h where h.inhrelid = c.oid or h.inhparent = c.oid) then 'inheriting'
        when c.relpersistence = 'u' then 'unlogged' else 'plain' end,
      'columns', coalesce((${COLUMNS}), '[]'),
      'key', coalesce((select ${NAMES('x.indkey::int2[]', 'c.oid')} from pg_index x where x.indrelid = c.oid and x.indisprimary), '[]'),
      'unique', coalesce((${UNIQUE}), '[]'),
      'triggers', coalesce((${TRIGGERS}), '[]'),
      'rewrites', coalesce((select json_agg(r.rulename order by r.rulename) from pg_rewrite r where r.ev_class = c.oid), '[]')
    ) order by n.nspname, c.relname), '[]')
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'f') and not c.relispartition and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> all($1::text[]) and ${FOREIGN_SCHEMAS}),
  'foreignKeys', (
    select coalesce(json_agg(json_build_object(
      'name', k.conname, 'deferrable', k.condeferrable, 'table', n.nspname || '.' || c.relname, 'columns', ${NAMES('k.conkey', 'k.conrelid')},
      'references', rn.nspname || '.' || r.relname, 'referencedColumns', ${NAMES('k.confkey', 'k.confrelid')}
    ) order by n.nspname, c.relname, k.conname), '[]')
    from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
      join pg_class r on r.oid = k.confrelid join pg_namespace rn on rn.oid = r.relnamespace
    where k.contype = 'f' and k.conparentid = 0 and not c.relispartition and (n.nspname <> all($1::text[]) or rn.nspname <> all($1::text[])) and ${FOREIGN_SCHEMAS})
)::text as catalogue`;

/** In the session's own transaction. `without`: schemas whose tables are left out, and what leads from one to another of them. */
export async function readRowsCatalogue(
  client: pg.ClientBase,
  without: readonly string[] = [],
): Promise<RowsCatalogue> {
  const { rows } = await client.query<{ catalogue: string }>(CATALOGUE, [without]);
  return JSON.parse(rows[0]!.catalogue) as RowsCatalogue;
}
