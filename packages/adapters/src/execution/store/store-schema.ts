import { createHash } from 'node:crypto';
import pg from 'pg';

/**
 * Our own tables in each store. The application's login may read routes and its version, and change nothing.
 * `fence`: the highest fence by scope (the cell). `migration`: what brought the schema where it is. `route`: the slot
 * whose workers may claim a tenant's jobs. `permit`: the one migration that may be recorded next, and by what secret.
 * `answer`: what the application's own version query says at that version, where a command migrates. `attempt`: the
 * command, or the statement outside of a transaction, that was begun and hasn't been seen to its end. `claim`: whose cell all
 * of it belongs to, in a database of somebody else's (../external-store/claim.ts).
 *
 * The functions are how a login without our rights does the two things around a migration that need them. They belong to
 * the superuser and run with its rights and with a search path of their own, decide nothing by what the caller says, and
 * change only what the permit allows: see ../sql-migrator/index.ts for the whole argument.
 */
const SCHEMA = `
create schema if not exists headgate;
create table if not exists headgate.fence(scope text primary key, epoch bigint not null, n bigint not null);
create table if not exists headgate.migration(version int primary key, id text not null, digest text not null, applied_by text not null, applied_at timestamptz not null default clock_timestamp());
alter table headgate.migration add column if not exists answer text;
create table if not exists headgate.attempt(
  one boolean primary key default true check (one),
  direction text not null check (direction in ('up', 'down')), version_from int not null, version_to int not null,
  digest text not null, goal text, key text not null, started_at timestamptz not null default clock_timestamp());
alter table headgate.attempt add column if not exists statement text;
alter table headgate.attempt add column if not exists found_before jsonb;
create table if not exists headgate.route(tenant text primary key, slot text not null, epoch bigint not null, n bigint not null);
create table if not exists headgate.claim(
  one boolean primary key default true check (one), id text not null, cell text not null, folder text not null,
  machine text not null, since timestamptz not null default clock_timestamp());
alter table headgate.claim add column if not exists place text;
create table if not exists headgate.permit(
  one boolean primary key default true check (one), secret bytea not null,
  scope text not null, epoch bigint not null, n bigint not null,
  direction text not null check (direction in ('up', 'down')),
  version_from int not null, version_to int not null, id text not null, digest text not null, applied_by text not null,
  transaction xid8);

create or replace function headgate.enter_migration() returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  permit headgate.permit%rowtype;
begin
  select * into permit from headgate.permit for update;
  if not found then
    raise exception 'no migration is permitted' using errcode = 'insufficient_privilege';
  end if;
  perform 1 from headgate.fence where scope = permit.scope and epoch = permit.epoch and n = permit.n for update;
  if not found then
    return false;
  end if;
  update headgate.permit set transaction = pg_current_xact_id();
  return true;
end $$;

create or replace function headgate.run_migration(sql text) returns void language plpgsql as $$
begin
  execute sql;
end $$;

create or replace function headgate.record_migration(secret text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  permit headgate.permit%rowtype;
  version_now int;
begin
  select * into permit from headgate.permit for update;
  if not found or permit.secret <> sha256(convert_to(record_migration.secret, 'UTF8'))
     or permit.transaction is distinct from pg_current_xact_id() then
    raise exception 'this is not the migration that was permitted' using errcode = 'insufficient_privilege';
  end if;
  select coalesce(max(version), 0) into version_now from headgate.migration;
  if permit.direction = 'up' and version_now = permit.version_from then
    insert into headgate.migration(version, id, digest, applied_by)
    values (permit.version_to, permit.id, permit.digest, permit.applied_by);
  elsif permit.direction = 'down' and version_now = permit.version_to then
    delete from headgate.migration where version = permit.version_to;
  else
    raise exception 'the store moved to version % meanwhile', version_now using errcode = 'insufficient_privilege';
  end if;
  delete from headgate.permit;
end $$;

revoke all on all functions in schema headgate from public;`;

/** How the comment on a schema of ours begins, of whatever version. Only the schema's owner can change it. */
const OURS = "Headgate's own; ";

/** What was ever in it, in an order in which it can be dropped. */
export const OUR_FUNCTIONS: readonly string[] = ['enter_migration()', 'run_migration(text)', 'record_migration(text)'];
export const OUR_TABLES: readonly string[] = ['permit', 'claim', 'route', 'attempt', 'migration', 'fence'];

/** Says that a store has exactly this. Kept as the schema's comment. */
const MARK = `${OURS}${createHash('sha256').update(SCHEMA).digest('hex').slice(0, 16)}`;

/** A schema of our name as it stands in a database. */
export interface StandingSchema {
  /** What it says that it has. */
  readonly mark: string | null;
  /** Why it isn't ours; then nothing in it may be read: a view of its owner's runs functions with the rights of whoever looks. */
  readonly foreign: string | undefined;
}

/** Undefined: there is none of our name. Reads PostgreSQL's own tables alone. */
export async function lookAtSchema(client: pg.ClientBase): Promise<StandingSchema | undefined> {
  const { rows } = await client.query<{ mark: string | null; owner: string | null }>(
    `select obj_description(n.oid, 'pg_namespace') as mark, case when not r.rolsuper then r.rolname end as owner
     from pg_namespace n join pg_roles r on r.oid = n.nspowner where n.nspname = 'headgate'`,
  );
  const [there] = rows;
  return there && { mark: there.mark, foreign: whyForeign(there) };
}

function whyForeign({ mark, owner }: { readonly mark: string | null; readonly owner: string | null }) {
  if (owner)
    return `The database has a schema headgate that belongs to ${owner}, who could change what we keep there; give it another name: alter schema headgate rename to …`;
  if (!mark?.startsWith(OURS))
    return 'The database has a schema headgate that Headgate didn’t make (ours says so in its comment); give it another name: alter schema headgate rename to …';
  return undefined;
}

/** Our schema, if there is one. Throws, in words, for one of that name which isn't ours. */
export async function requireOwnSchema(client: pg.ClientBase): Promise<StandingSchema | undefined> {
  const there = await lookAtSchema(client);
  if (there?.foreign !== undefined) throw new Error(there.foreign);
  return there;
}

/**
 * Creates our schema, or brings an older one to this version; does nothing when it is there. In the caller's transaction,
 * a superuser's.
 */
export async function prepareSchema(client: pg.ClientBase): Promise<void> {
  if ((await requireOwnSchema(client))?.mark === MARK) return;
  await client.query(SCHEMA);
  await client.query(`comment on schema headgate is ${pg.escapeLiteral(MARK)}`);
}
