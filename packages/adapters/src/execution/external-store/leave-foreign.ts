import type pg from 'pg';
import { OUR_FUNCTIONS, OUR_TABLES } from '../store/store-schema.ts';

/** So many things of somebody else's are named; the rest is counted. */
const MOST_NAMED = 5;

/**
 * What in our schema, or of the migrations' login, isn't ours, in words with what would unblock it: somebody put it there,
 * so somebody has to say what becomes of it. Types that go with our tables are ours.
 */
export async function foreignPartsOf(
  client: pg.ClientBase,
  database: string,
  login: string | undefined,
): Promise<readonly string[]> {
  const { rows: inSchema } = await client.query<{ what: string }>(
    `select pg_describe_object(classid, objid, 0) as what from (
       select 'pg_class'::regclass as classid, c.oid as objid from pg_class c
         where c.relnamespace = to_regnamespace('headgate') and c.relkind <> 'i'
           and not (c.relkind = 'r' and c.relname = any($1))
       union all
       select 'pg_proc'::regclass, p.oid from pg_proc p
         where p.pronamespace = to_regnamespace('headgate')
           and not p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' = any($2)
       union all
       select 'pg_type'::regclass, t.oid from pg_type t
         where t.typnamespace = to_regnamespace('headgate') and t.typrelid = 0 and t.typelem = 0
     ) found order by 1`,
    [OUR_TABLES, OUR_FUNCTIONS.map(signatureAsListed)],
  );
  const refused: string[] = [];
  if (inSchema.length > 0)
    refused.push(
      `database ${database}: in its schema headgate stands what Headgate didn’t make: ${named(inSchema.map(({ what }) => what))}. Move it elsewhere (alter … set schema …) or drop it`,
    );
  refused.push(...(await leaningOn(client, database)));
  if (login === undefined) return refused;
  const { rows: owned } = await client.query<{ place: string | null; what: string | null }>(
    `select d.datname as place,
       case when s.dbid = 0 or d.datname = current_database() then pg_describe_object(s.classid, s.objid, s.objsubid) end as what
     from pg_shdepend s left join pg_database d on d.oid = s.dbid
     where s.refclassid = 'pg_authid'::regclass and s.refobjid = (select oid from pg_roles where rolname = $1)
       and s.deptype = 'o' order by 1, 2`,
    [login],
  );
  if (owned.length > 0)
    refused.push(
      `database ${database}: the role ${login} owns what Headgate didn’t make: ${named(owned.map(({ place, what }) => what ?? `something in database ${place}`))}. Give it to whose it is: reassign owned by ${login} to …`,
    );
  const { rows: members } = await client.query<{ name: string }>(
    `select m.member::regrole::text as name from pg_auth_members m
     where m.roleid = (select oid from pg_roles where rolname = $1) order by 1`,
    [login],
  );
  if (members.length > 0)
    refused.push(
      `database ${database}: somebody made ${named(members.map(({ name }) => name))} a member of the role ${login}. Take that back: revoke ${login} from …`,
    );
  return refused;
}

/**
 * What of somebody else's, outside of our schema, stands on something of ours, so that PostgreSQL would refuse to drop that:
 * a view, a function, a foreign key on a table, on its rows' type, on a function.
 */
async function leaningOn(client: pg.ClientBase, database: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ what: string; on: string }>(
    `with tables as (
       select oid, reltype from pg_class where relnamespace = to_regnamespace('headgate') and relkind = 'r'
     ), ours(classid, objid) as (
       select 'pg_class'::regclass, oid from pg_class where relnamespace = to_regnamespace('headgate')
       union select 'pg_proc'::regclass, oid from pg_proc where pronamespace = to_regnamespace('headgate')
       union select 'pg_type'::regclass, t.oid from pg_type t
         where t.oid in (select reltype from tables) or t.typelem in (select reltype from tables)
       union select 'pg_constraint'::regclass, c.oid from pg_constraint c where c.conrelid in (select oid from tables)
       union select 'pg_attrdef'::regclass, d.oid from pg_attrdef d where d.adrelid in (select oid from tables)
     )
     select distinct coalesce(pg_describe_object('pg_class'::regclass, r.ev_class, 0), pg_describe_object(d.classid, d.objid, 0)) as what,
       pg_describe_object(d.refclassid, d.refobjid, 0) as on
     from pg_depend d join ours on (d.refclassid, d.refobjid) = (ours.classid, ours.objid)
       left join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
     where d.deptype = 'n' and (d.classid, d.objid) not in (select classid, objid from ours)
       and coalesce((select c.relnamespace from pg_class c where c.oid = r.ev_class), 0) is distinct from to_regnamespace('headgate')::oid
     order by 1, 2`,
  );
  if (rows.length === 0) return [];
  const found = named(rows.map(({ what, on }) => `${what} (on ${on})`));
  return [
    `database ${database}: somebody made what stands on Headgate’s own, which can’t go before it: ${found}. Drop that first, or have it read something else`,
  ];
}

/** A function as the catalogue lists it: with its arguments' names. */
function signatureAsListed(signature: string): string {
  return signature
    .replace('run_migration(text)', 'run_migration(sql text)')
    .replace('record_migration(text)', 'record_migration(secret text)');
}

function named(all: readonly string[]): string {
  const more = all.length - MOST_NAMED;
  return `${all.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
