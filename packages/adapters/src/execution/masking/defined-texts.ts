/** What a database is defined by, as texts: people's words stand in comments, defaults, enumerations and queries of views, too. */
import type pg from 'pg';

/** Schemas of PostgreSQL's and of ours. */
const OWN = `n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'headgate_copy')`;
/** Objects from here on are people's, not PostgreSQL's. */
const FIRST_OF_PEOPLE = 16_384;

/** Each as: the table (or whatever stands for it), the thing of it, its text. Names of objects themselves aren't among them. */
const TEXTS = `
select n.nspname || '.' || c.relname as "table", a.attname::text as part, pg_get_expr(d.adbin, d.adrelid) as said, false as foreign
from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
join pg_class c on c.oid = d.adrelid join pg_namespace n on n.oid = c.relnamespace where ${OWN}
union all
select n.nspname || '.' || coalesce(c.relname, t.typname), k.conname::text, pg_get_constraintdef(k.oid), false
from pg_constraint k left join pg_class c on c.oid = k.conrelid left join pg_type t on t.oid = k.contypid
join pg_namespace n on n.oid = k.connamespace where k.contype in ('c', 'x') and ${OWN}
union all
select n.nspname || '.' || c.relname, 'query', pg_get_viewdef(c.oid), false
from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('v', 'm') and ${OWN}
union all
select n.nspname || '.' || c.relname, 'bounds', pg_get_expr(c.relpartbound, c.oid), false
from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relpartbound is not null and ${OWN}
union all
select n.nspname || '.' || c.relname, i.relname::text, pg_get_indexdef(i.oid), false
from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class c on c.oid = x.indrelid
join pg_namespace n on n.oid = c.relnamespace where (x.indpred is not null or x.indexprs is not null) and ${OWN}
union all
select n.nspname || '.' || c.relname, g.tgname::text, pg_get_triggerdef(g.oid), false
from pg_trigger g join pg_class c on c.oid = g.tgrelid join pg_namespace n on n.oid = c.relnamespace
where not g.tgisinternal and ${OWN}
union all
select n.nspname || '.' || c.relname, r.rulename::text, pg_get_ruledef(r.oid), false
from pg_rewrite r join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace
where r.rulename <> '_RETURN' and ${OWN}
union all
select n.nspname || '.' || c.relname, p.polname::text, concat_ws(' ', pg_get_expr(p.polqual, c.oid), pg_get_expr(p.polwithcheck, c.oid)), false
from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace where ${OWN}
union all
select n.nspname || '.' || f.proname, 'body', concat_ws(' ', f.prosrc, pg_get_function_sqlbody(f.oid), pg_get_expr(f.proargdefaults, 0)),
  l.lanname not in ('sql', 'plpgsql')
from pg_proc f join pg_namespace n on n.oid = f.pronamespace join pg_language l on l.oid = f.prolang
where ${OWN} and not exists (select 1 from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = f.oid and d.deptype = 'e')
union all
select n.nspname || '.' || t.typname, 'labels', string_agg(e.enumlabel, ' | ' order by e.enumsortorder), false
from pg_enum e join pg_type t on t.oid = e.enumtypid join pg_namespace n on n.oid = t.typnamespace where ${OWN} group by 1
union all
select n.nspname || '.' || t.typname, 'default', t.typdefault, false
from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.typdefault is not null and ${OWN}
union all
select n.nspname || '.' || c.relname, 'partition key', pg_get_partkeydef(c.oid), false
from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'p' and ${OWN}
union all
select n.nspname || '.' || s.stxname, 'statistics', pg_get_statisticsobjdef(s.oid), false
from pg_statistic_ext s join pg_namespace n on n.oid = s.stxnamespace where ${OWN}
union all
select n.nspname || '.' || c.relname, 'options', concat_ws(' ', f.ftoptions::text,
  (select string_agg(a.attfdwoptions::text, ' ') from pg_attribute a where a.attrelid = c.oid)), true
from pg_foreign_table f join pg_class c on c.oid = f.ftrelid join pg_namespace n on n.oid = c.relnamespace where ${OWN}
union all
select s.srvname::text, 'options', concat_ws(' ', s.srvoptions::text, w.fdwoptions::text,
  (select string_agg(u.umoptions::text, ' ') from pg_user_mappings u where u.srvid = s.oid)), true
from pg_foreign_server s join pg_foreign_data_wrapper w on w.oid = s.srvfdw
union all
select 'this database', 'settings', string_agg(array_to_string(setconfig, ' | '), ' | '), true
from pg_db_role_setting where setdatabase = (select oid from pg_database where datname = current_database())
union all
select left(pg_describe_object(d.classoid, d.objoid, d.objsubid), 200), 'comment', d.description, false
from pg_description d where d.objoid >= ${FIRST_OF_PEOPLE} or d.classoid = 'pg_namespace'::regclass
union all
select 'this database', 'comment', shobj_description(oid, 'pg_database'), false from pg_database where datname = current_database()`;

/** What is told in words; all else is code, of which strings and remarks are somebody's words alone. */
const IN_WORDS: ReadonlySet<string> = new Set(['comment', 'labels']);
/** Strings and remarks of SQL and PL/pgSQL; one that isn't closed reaches to the end. */
const WORDS_IN_CODE = /'(?:[^']|'')*(?:'|$)|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g;

/** One text by which something is defined, and where it stands. */
export interface DefinedText {
  readonly table: string;
  readonly part: string;
  readonly said: string;
}

/** Reads them all: as many as there are objects. Of code the words alone, so that nobody called Case is found in every query. */
export async function definedTexts(client: pg.Client): Promise<readonly DefinedText[]> {
  const { rows } = await client.query<DefinedText & { foreign: boolean }>(
    `select * from (${TEXTS}) as each where said is not null`,
  );
  return rows.map(({ table, part, said, foreign }) => {
    const code = !foreign && !IN_WORDS.has(part);
    return { table, part, said: code ? (said.match(WORDS_IN_CODE) ?? []).join(' | ') : said };
  });
}

/** How many large objects there are, which nobody reads. */
export async function largeObjects(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ n: string }>('select count(*) as n from pg_largeobject_metadata');
  return Number(rows[0]?.n ?? 0);
}
