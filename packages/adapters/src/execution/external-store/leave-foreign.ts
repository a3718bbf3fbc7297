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
