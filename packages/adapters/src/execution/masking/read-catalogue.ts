/** Reads of a database what masking is decided by. */
import type { MaskCatalogue, MaskForeignKey, MaskTable, MaskView } from '@headgate/domain/masking/catalogue';
import type pg from 'pg';

/** Schemas of PostgreSQL's and of ours. */
const OWN = `n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'headgate_copy')`;

/** Columns of a table or a view `c`. */
const COLUMNS = `(select json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
      'base', coalesce(e.typname, b.typname), 'array', e.oid is not null,
      'length', case when coalesce(e.typname, b.typname) in ('varchar', 'bpchar') and m.mod >= 4 then m.mod - 4 end,
      'generated', a.attgenerated <> '') order by a.attnum)
   from pg_attribute a join pg_type t on t.oid = a.atttypid
   join pg_type b on b.oid = case when t.typtype = 'd' then t.typbasetype else t.oid end
   left join pg_type e on e.oid = b.typelem and b.typcategory = 'A'
   cross join lateral (select case when t.typtype = 'd' and a.atttypmod < 0 then t.typtypmod else a.atttypmod end) as m(mod)
   where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)`;

const TABLES = `
select n.nspname as schema, c.relname as name, greatest(c.reltuples, 0)::int8 as rows, pg_table_size(c.oid) as bytes,
  c.relkind = 'p' as partitioned,
  case when c.relispartition then (select rn.nspname || '.' || r.relname from pg_class r join pg_namespace rn on rn.oid = r.relnamespace where r.oid = pg_partition_root(c.oid)) end as "partitionOf",
  coalesce((select array_agg(a.attname::text) from pg_partitioned_table p, unnest(p.partattrs::int2[]) k join pg_attribute a on a.attnum = k where p.partrelid = c.oid and a.attrelid = c.oid), '{}') as "partitionKey",
  exists (select 1 from pg_inherits i where (i.inhrelid = c.oid or i.inhparent = c.oid)) and not c.relispartition and c.relkind <> 'p' as inherits,
  ${COLUMNS} as columns,
  coalesce((select array_agg(a.attname::text order by k.i) from pg_index x, unnest(x.indkey::int2[]) with ordinality as k(n, i) join pg_attribute a on a.attnum = k.n where x.indrelid = c.oid and x.indisprimary and a.attrelid = c.oid), '{}') as "primaryKey",
  coalesce((select json_agg(json_build_object('name', i.relname, 'columns', (
      select coalesce(json_agg(distinct a.attname), '[]') from pg_attribute a where a.attrelid = c.oid and (a.attnum = any ((x.indkey::int2[])[0:x.indnkeyatts - 1]) or x.indexprs is not null and exists (
        select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = x.indexrelid and d.refobjid = c.oid and d.refobjsubid = a.attnum)))))
    from pg_index x join pg_class i on i.oid = x.indexrelid where x.indrelid = c.oid and x.indisunique), '[]') as "unique",
  coalesce((select json_agg(json_build_object('name', i.relname, 'constraint', k.oid is not null, 'definition', coalesce(pg_get_constraintdef(k.oid), pg_get_indexdef(i.oid))) order by i.oid)
    from pg_index x join pg_class i on i.oid = x.indexrelid left join pg_constraint k on k.conindid = i.oid and k.contype in ('p', 'u', 'x') and k.conrelid = c.oid
    where x.indrelid = c.oid and x.indisvalid and not x.indisclustered and not x.indisreplident and not i.relispartition and i.reltablespace = 0
      and not exists (select 1 from pg_description d where d.objoid in (i.oid, k.oid))
      and not exists (select 1 from pg_attribute a where a.attrelid = i.oid and a.attstattarget >= 0)
      and not exists (select 1 from pg_depend d left join pg_constraint f on d.classid = 'pg_constraint'::regclass and f.oid = d.objid
        where d.refobjid in (i.oid, k.oid) and d.refclassid in ('pg_class'::regclass, 'pg_constraint'::regclass) and d.objid not in (i.oid, coalesce(k.oid, i.oid)) and f.contype is distinct from 'f')), '[]') as rebuildable,
  coalesce((select json_agg(json_build_object('name', g.tgname, 'enabled', g.tgenabled)) from pg_trigger g where g.tgrelid = c.oid and not g.tgisinternal), '[]') as triggers,
  coalesce((select array_agg(r.rulename::text) from pg_rewrite r where r.ev_class = c.oid), '{}') as rules
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and c.relpersistence <> 't' and ${OWN}
order by 1, 2`;

const FOREIGN_KEYS = `
select k.conname as name, n.nspname || '.' || c.relname as "table", rn.nspname || '.' || r.relname as "references",
  (select array_agg(a.attname::text order by i) from unnest(k.conkey) with ordinality as x(n, i) join pg_attribute a on a.attnum = x.n and a.attrelid = k.conrelid) as columns,
  (select array_agg(a.attname::text order by i) from unnest(k.confkey) with ordinality as x(n, i) join pg_attribute a on a.attnum = x.n and a.attrelid = k.confrelid) as "referencedColumns",
  pg_get_constraintdef(k.oid) as definition
from pg_constraint k
join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
join pg_class r on r.oid = k.confrelid join pg_namespace rn on rn.oid = r.relnamespace
where k.contype = 'f' and k.conparentid = 0 and ${OWN}
order by 2, 1`;

/**
 * Those that hold rows, in the order in which they are computed: one that reads another one, through ordinary views as well, comes
 * after it. Numbers don't say it: a view that stands between the two may have been replaced since.
 */
const VIEWS = `
with recursive reads (reader, read) as (
  select distinct r.ev_class, d.refobjid from pg_rewrite r
  join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class),
deep (reader, read) as (select reader, read from reads union select deep.reader, reads.read from deep join reads on reads.reader = deep.read)
select n.nspname as schema, c.relname as name, ${COLUMNS} as columns
from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'm' and c.relispopulated and ${OWN}
order by (select count(*) from deep join pg_class m on m.oid = deep.read and m.relkind = 'm' where deep.reader = c.oid), c.oid`;

/** What is read on another server: its rows are none of this copy. */
const FOREIGN_TABLES = `
select n.nspname || '.' || c.relname as "table" from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'f' and ${OWN} order by 1`;

/** Reads it in one session. Names that other schemas' objects have are said with their schema. */
export async function readCatalogue(client: pg.Client): Promise<MaskCatalogue> {
  await client.query(`set search_path = pg_catalog`);
  const tables = await client.query<MaskTable>(TABLES);
  const foreignKeys = await client.query<MaskForeignKey>(FOREIGN_KEYS);
  const views = await client.query<MaskView>(VIEWS);
  const foreign = await client.query<{ table: string }>(FOREIGN_TABLES);
  return {
    tables: tables.rows.map((row) => ({ ...row, rows: Number(row.rows), bytes: Number(row.bytes) })),
    foreignKeys: foreignKeys.rows,
    materializedViews: views.rows,
    foreignTables: foreign.rows.map(({ table }) => table),
    mayTurnTriggersOff: await mayTurnTriggersOff(client),
  };
}

async function mayTurnTriggersOff(client: pg.Client): Promise<boolean> {
  const before = await client.query<{ role: string }>(`select current_setting('session_replication_role') as role`);
  try {
    await client.query(`select set_config('session_replication_role', 'replica', false)`);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === '42501') return false;
    throw error;
  } finally {
    if (before.rows[0]?.role !== 'replica')
      await client.query(`select set_config('session_replication_role', 'origin', false)`).catch(() => {});
  }
}
