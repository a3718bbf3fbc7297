/** What is ours to see: no schemas of PostgreSQL itself, no temporary tables. Placeholders are for no user's text: there is none. */
const OURS = `n.nspname <> 'information_schema' and n.nspname !~ '^pg_'`;

/** Asked under the search path that the database's owner set, since it tells that: every name is a qualified one. */
export const SETTINGS = `
  select pg_catalog.current_setting('server_version_num')::pg_catalog.int4 operator(pg_catalog./) 10000 as server,
    pg_catalog.current_setting('TimeZone') as time_zone, pg_catalog.current_schemas(false)::pg_catalog.text[] as search_path,
    pg_catalog.floor(pg_catalog.date_part('epoch', pg_catalog.now()) operator(pg_catalog.*) 1000::pg_catalog.float8) as read_at`;

export const RELATIONS = `
  select c.oid::text, n.nspname as schema, c.relname as name, c.relkind as kind, c.relpersistence = 'u' as unlogged,
    c.relrowsecurity as row_security, case when c.reltuples >= 0 then c.reltuples::float8 end as rows,
    case when c.relkind in ('r', 'm') then pg_table_size(c.oid)::float8 end as bytes,
    case when c.relkind in ('r', 'm') then pg_indexes_size(c.oid)::float8 end as index_bytes,
    coalesce(pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT', false) as default_partition, c.relreplident as identity,
    (select x.relname from pg_index i join pg_class x on x.oid = i.indexrelid where i.indrelid = c.oid and i.indisreplident) as identity_index,
    array(select p.polname::text from pg_policy p where p.polrelid = c.oid order by 1) as policies,
    array(select r.rulename::text from pg_rewrite r where r.ev_class = c.oid and r.ev_type <> '1' order by 1) as rules
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where ${OURS} and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and c.relpersistence <> 't'
  order by 2, 3`;

export const COLUMNS = `
  select a.attrelid::text as relation, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
    not a.attnotnull as nullable, a.attidentity <> '' as identity, a.attgenerated as generated,
    case when a.atthasdef and a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end as "default",
    case when a.attgenerated <> '' then (
      select array_agg(f.attname::text) from pg_depend p join pg_attribute f on f.attrelid = p.refobjid and f.attnum = p.refobjsubid
      where p.classid = 'pg_attrdef'::regclass and p.objid = d.oid and p.refobjid = a.attrelid and p.refobjsubid <> a.attnum
    ) end as "from"
  from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where ${OURS} and c.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0 and not a.attisdropped
  order by a.attrelid, a.attnum`;

const COLUMN_NAMES = (keys: string, relation: string): string =>
  `array(select k.attname::text from unnest(${keys}) with ordinality u(num, place) join pg_attribute k on k.attrelid = ${relation} and k.attnum = u.num order by u.place)`;

export const CONSTRAINTS = `
  select c.conrelid::text as relation, c.conname as name, c.contype as kind, c.convalidated as validated,
    c.contype = 'c' and c.connoinherit as no_inherit,
    ${COLUMN_NAMES('c.conkey', 'c.conrelid')} as columns,
    case when c.contype = 'c' then pg_get_expr(c.conbin, c.conrelid) end as expression,
    case when c.contype = 'f' then c.confrelid::text end as references_relation,
    case when c.contype = 'f' then ${COLUMN_NAMES('c.confkey', 'c.confrelid')} end as references_columns,
    nullif(c.confupdtype, ' ') as on_update, nullif(c.confdeltype, ' ') as on_delete
  from pg_constraint c join pg_namespace n on n.oid = c.connamespace
  where ${OURS} and c.conrelid <> 0 and c.contype in ('c', 'p', 'u', 'f', 'x', 'n')
  order by 1, 2`;

/** Where a sequence goes with a column, it goes when the column does. */
export const SEQUENCES = `
  select d.objid::text as relation, d.refobjid::text as used, array[a.attname::text] as columns
  from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S'
    join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
  where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i') order by 1`;

/** How many relations there are: of more than a catalogue holds none is read. */
export const HOW_MANY = `
  select count(*)::int as found from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where ${OURS} and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and c.relpersistence <> 't'`;

export const INDEXES = `
  select i.indrelid::text as relation, x.relname as name, i.indisunique as "unique", i.indisvalid as valid,
    i.indexprs is not null or i.indpred is not null as computed, i.indnatts - i.indnkeyatts as included,
    (select m.amname from pg_am m where m.oid = x.relam) as method,
    not exists (select from unnest(i.indoption::int2[]) o where o <> 0)
      and not exists (select from pg_opclass o where o.oid = any (i.indclass::oid[]) and not o.opcdefault)
      and not exists (
        select from unnest(i.indkey::int2[], i.indcollation::oid[]) as k(num, coll)
          join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.num
        where coalesce(k.coll, 0) not in (0, a.attcollation))
      and coalesce(to_jsonb(i) ->> 'indnullsnotdistinct', 'false') = 'false' as plain,
    ${COLUMN_NAMES('i.indkey::int2[]', 'i.indrelid')} as columns,
    array(select a.attname::text from pg_depend p join pg_attribute a on a.attrelid = p.refobjid and a.attnum = p.refobjsubid
      where p.classid = 'pg_class'::regclass and p.objid = i.indexrelid and p.refobjid = i.indrelid and p.refobjsubid > 0) as reads
  from pg_index i join pg_class x on x.oid = i.indexrelid join pg_class c on c.oid = i.indrelid
    join pg_namespace n on n.oid = c.relnamespace
  where ${OURS} order by 1, 2`;

export const TRIGGERS = `
  select t.tgrelid::text as relation, t.tgname as name, n.nspname || '.' || p.proname as calls, t.tgtype::int as type,
    t.tgenabled in ('D', 'R') as off, t.tgqual is not null as conditional, ${COLUMN_NAMES('t.tgattr::int2[]', 't.tgrelid')} as columns
  from pg_trigger t join pg_proc p on p.oid = t.tgfoid join pg_namespace n on n.oid = p.pronamespace
  where not t.tgisinternal order by 1, 2`;

/** Our own record of the schema's version, where there is one that may be read. */
/**
 * Read only where that runs nothing with more rights than its owner has: a plain table, whose owner and whose schema's is a
 * superuser, or whoever reads.
 */
export const RECORD = `
  select coalesce(has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select'), false) as readable
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'headgate' and c.relname = 'migration' and c.relkind = 'r'
    and not exists (select from pg_roles r where r.oid in (c.relowner, n.nspowner) and not r.rolsuper and r.rolname <> current_user)`;

export const SCHEMA_VERSION = `select coalesce(max(version), 0)::int as version from headgate.migration`;

/** FOR TABLES IN SCHEMA there is from 15 on. */
export const PUBLICATIONS = (server: number): string => `
  select p.pubname as name, p.puballtables as all_tables, p.pubinsert as insert, p.pubupdate as update, p.pubdelete as delete,
    coalesce((to_jsonb(p) ->> 'pubtruncate')::boolean, false) as truncate,
    ${server < 15 ? "'{}'::text[]" : 'array(select n.nspname::text from pg_publication_namespace s join pg_namespace n on n.oid = s.pnnspid where s.pnpubid = p.oid order by 1)'} as schemas
  from pg_publication p order by 1`;

/** Row filters and lists of columns there are from 15 on. */
export const PUBLISHED = (server: number): string => `
  select r.prrelid::text as relation, p.pubname as by,
    ${server < 15 ? 'null::text[]' : `case when r.prattrs is not null then ${COLUMN_NAMES('r.prattrs::int2[]', 'r.prrelid')} end`} as columns,
    ${
      server < 15
        ? 'null::text[]'
        : `case when r.prqual is not null then array(
      select distinct a.attname::text from pg_depend d join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
      where d.classid = 'pg_publication_rel'::regclass and d.objid = r.oid and d.refobjid = r.prrelid
        and strpos(pg_get_expr(r.prqual, r.prrelid), quote_ident(a.attname)) > 0 order by 1) end`
    } as filters
  from pg_publication_rel r join pg_publication p on p.oid = r.prpubid order by 1, 2`;

export const PARENTS = `
  select inhrelid::text as relation, inhparent::text as parent from pg_inherits order by 1, inhseqno`;

export const VIEW_USES = `
  select r.ev_class::text as relation, d.refobjid::text as used,
    array(select a.attname::text from pg_attribute a where a.attrelid = d.refobjid and a.attnum = any (array_agg(d.refobjsubid))) as columns
  from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
  where d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class group by 1, d.refobjid`;

export const TYPES = `
  select n.nspname as schema, t.typname as name, t.typtype as kind,
    case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end as base,
    t.typnotnull or exists (select from pg_constraint k where k.contypid = t.oid) as constrained,
    case when t.typtype = 'd' then pg_get_expr(t.typdefaultbin, 0) end as "default",
    t.typtype = 'b' and exists (select from pg_proc p where p.oid in (t.typinput, t.typoutput) and p.provolatile = 'v') as volatile_text,
    t.oid::text as relation, case when t.typtype = 'e' then array(select e.enumlabel::text from pg_enum e where e.enumtypid = t.oid order by e.enumsortorder) end as values,
    case when t.typtype = 'c' then (
      select coalesce(json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) order by a.attnum), '[]')
      from pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped) end as attributes
  from pg_type t join pg_namespace n on n.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid
  where ${OURS} and (t.typtype in ('e', 'd', 'r', 'm') or (t.typtype = 'c' and c.relkind = 'c') or (t.typtype = 'b' and t.typelem = 0))
  order by 1, 2`;

export const ROUTINES = `
  select n.nspname as schema, p.proname as name, p.pronargs::int as arguments, p.provolatile as volatility, l.lanname as language,
    case when l.lanname in ('plpgsql', 'sql') and p.prokind in ('f', 'p') then left(pg_get_functiondef(p.oid), 1000000) end as source
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
  where ${OURS} order by 1, 2, 3`;

export const BINARY_CASTS = `
  select s.typname || '>' || t.typname as "cast" from pg_cast c join pg_type s on s.oid = c.castsource
    join pg_type t on t.oid = c.casttarget
  where c.castmethod = 'b' and c.castcontext in ('i', 'a') and (s.oid >= 16384 or t.oid >= 16384) order by 1`;

/**
 * People's own functions that a view's query, or a domain's CHECKs, call: by themselves, by operators, and by the domains that
 * they cast to or stand on. PostgreSQL notes each that isn't its own.
 */
export const CALLS = `
  with recursive needed(relation, class, object) as (
    select r.ev_class, d.refclassid, d.refobjid from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
      join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace
    where ${OURS} and c.relkind in ('v', 'm') and r.ev_type = '1'
    union select t.oid, 'pg_type'::regclass, t.oid from pg_type t join pg_namespace n on n.oid = t.typnamespace where ${OURS} and t.typtype = 'd'
    union select need.relation, next.class, next.object from needed need cross join lateral (
      select 'pg_proc'::regclass::oid as class, o.oprcode::oid as object from pg_operator o where need.class = 'pg_operator'::regclass and o.oid = need.object
      union all select 'pg_type'::regclass, t.typbasetype from pg_type t where need.class = 'pg_type'::regclass and t.oid = need.object and t.typtype = 'd'
      union all select d.refclassid, d.refobjid from pg_constraint k join pg_depend d on d.classid = 'pg_constraint'::regclass and d.objid = k.oid
        where need.class = 'pg_type'::regclass and k.contypid = need.object and d.refobjid <> need.object) as next)
  select need.relation::text as relation, n.nspname || '.' || p.proname as calls
  from needed need join pg_proc p on need.class = 'pg_proc'::regclass and p.oid = need.object join pg_namespace n on n.oid = p.pronamespace
  where ${OURS} group by 1, 2 order by 1, 2`;

export const OPERATORS = `
  select n.nspname as schema, o.oprname as name, f.nspname || '.' || p.proname as calls, p.provolatile as volatility,
    case when o.oprleft <> 0 then format_type(o.oprleft, null) end as "left", case when o.oprright <> 0 then format_type(o.oprright, null) end as "right"
  from pg_operator o join pg_namespace n on n.oid = o.oprnamespace join pg_proc p on p.oid = o.oprcode
    join pg_namespace f on f.oid = p.pronamespace
  where ${OURS} order by 1, 2, 5, 6`;

export const CASTS = `
  select format_type(c.castsource, null) as "from", format_type(c.casttarget, null) as "to", n.nspname || '.' || p.proname as calls,
    case c.castcontext when 'i' then 'implicit' when 'a' then 'assignment' else 'explicit' end as applies, p.provolatile as volatility
  from pg_cast c join pg_proc p on p.oid = c.castfunc join pg_namespace n on n.oid = p.pronamespace
  where c.castmethod = 'f' and c.oid >= 16384 order by 1, 2`;
