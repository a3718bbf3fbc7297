/** What a server is asked while a migration runs: relations as they are, and what the migrating session holds and did. */
import { LOCK_MODES, type LockMode, stronger } from '@headgate/migrations';
import type pg from 'pg';
import { FOREIGN_SCHEMAS } from '../census/application-tables.ts';

/** A relation before the migration. */
export interface Known {
  /** `public.invoice`, quoted where it must be. */
  readonly name: string;
  /** pg_class.relkind. */
  readonly kind: string;
  /** The file that its rows are in; another one after a rewrite. */
  readonly file: string;
  readonly bytes: number;
  /** PostgreSQL's estimate. */
  readonly rows: number;
  /** Of an index: its table's oid. */
  readonly table: string | undefined;
}

/** Relations by oid. */
export type Relations = ReadonlyMap<string, Known>;

const RELATIONS = `
  select c.oid::text as oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name, c.relkind::text as kind,
    c.relfilenode::text as file, case when c.relkind in ('r', 'm') then pg_relation_size(c.oid) else 0 end::float8 as bytes,
    greatest(c.reltuples, 0)::float8 as rows, i.indrelid::text as "table"
  from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_index i on i.indexrelid = c.oid
  where c.oid >= 16384 and c.relkind in ('r', 'p', 'm', 'v', 'i', 'I', 'f') and n.nspname <> 'pg_toast' and ${FOREIGN_SCHEMAS}`;

/** All relations that are there, in any session that sees them as committed. */
export async function relationsOf(client: pg.ClientBase): Promise<Relations> {
  const { rows } = await client.query<Known & { oid: string; table: string | null }>(RELATIONS);
  return new Map(rows.map(({ oid, table, ...rest }) => [oid, { ...rest, table: table ?? undefined }]));
}

/** One relation that a session has locked, as that session sees it. */
export interface Look {
  readonly mode: LockMode;
  /** Undefined: it isn't there any more. */
  readonly file: string | undefined;
  readonly bytes: number | undefined;
  /** Rows that this transaction read from end to end (of an index: entries). */
  readonly read: number;
  readonly changed: number;
}

/**
 * Only what the session has locked: whatever it read, wrote or rewrote is among it, so a look costs the same in a database
 * with ten tables and with ten thousand. Asked in the migrating session, whose search path is the file's.
 */
const LOOK = `
  select l.relation::text as oid, l.modes, c.relfilenode::text as file,
    case when 'AccessExclusiveLock' = any (l.modes) and c.relkind = 'r' then pg_catalog.pg_relation_size(c.oid) end::float8 as bytes,
    pg_catalog.pg_stat_get_xact_tuples_returned(l.relation)::float8 as read,
    (pg_catalog.pg_stat_get_xact_tuples_inserted(l.relation) + pg_catalog.pg_stat_get_xact_tuples_updated(l.relation)
      + pg_catalog.pg_stat_get_xact_tuples_deleted(l.relation))::float8 as changed
  from (
    select relation, pg_catalog.array_agg(distinct mode) as modes from pg_catalog.pg_locks
    where pid = pg_catalog.pg_backend_pid() and locktype = 'relation' and granted and relation >= 16384::oid
      and database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
    group by 1) l
  left join pg_catalog.pg_class c on c.oid = l.relation`;

interface LookRow {
  readonly oid: string;
  readonly modes: readonly string[];
  readonly file: string | null;
  readonly bytes: number | null;
  readonly read: number;
  readonly changed: number;
}

/** Counts of one relation. */
export type Counts = Pick<Look, 'read' | 'changed'>;

/**
 * What the session has counted and not yet handed in, as a transaction begins: the server goes on counting from there, so it
 * belongs to transactions before.
 */
export async function countsIn(client: pg.ClientBase): Promise<ReadonlyMap<string, Counts>> {
  const { rows } = await client.query<Counts & { oid: string }>(
    `select * from (
       select c.oid::text as oid, pg_catalog.pg_stat_get_xact_tuples_returned(c.oid)::float8 as read,
         (pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_xact_tuples_updated(c.oid)
           + pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid))::float8 as changed
       from pg_catalog.pg_class c where c.oid >= 16384::oid and c.relkind in ('r', 'm', 'i')) s
     where read > 0 or changed > 0`,
  );
  return new Map(rows.map(({ oid, read, changed }) => [oid, { read, changed }]));
}

/** What the session holds and did in its transaction so far, by oid. `since`: counts as the transaction began. */
export async function lookIn(
  client: pg.ClientBase,
  since: ReadonlyMap<string, Counts>,
): Promise<ReadonlyMap<string, Look>> {
  const { rows } = await client.query<LookRow>(LOOK);
  return new Map(
    rows.map(({ oid, modes, file, bytes, read, changed }) => {
      const before = since.get(oid);
      const counts = { read: read - (before?.read ?? 0), changed: changed - (before?.changed ?? 0) };
      return [oid, { mode: strongestOf(modes), file: file ?? undefined, bytes: bytes ?? undefined, ...counts }];
    }),
  );
}

/** Of names as pg_locks has them: `ShareRowExclusiveLock`. */
export function strongestOf(modes: readonly string[]): LockMode {
  const named = modes.map(lockModeOf);
  return named.reduce((held, mode) => stronger(mode, held), 'ACCESS SHARE' as LockMode);
}

function lockModeOf(mode: string): LockMode {
  const words = mode
    .replace(/Lock$/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toUpperCase();
  const known = LOCK_MODES.find((each) => each === words);
  // One that we don't know may be any: it is taken for the strongest.
  return known ?? 'ACCESS EXCLUSIVE';
}

/** Rows that were read of each relation since the statistics began: for what no transaction of ours can ask about. */
export async function readSoFar(client: pg.ClientBase): Promise<ReadonlyMap<string, number>> {
  const { rows } = await client.query<{ oid: string; read: number }>(
    `select c.oid::text as oid, pg_stat_get_tuples_returned(c.oid)::float8 as read
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.oid >= 16384 and c.relkind in ('r', 'm', 'i') and ${FOREIGN_SCHEMAS}`,
  );
  return new Map(rows.map(({ oid, read }) => [oid, read]));
}

/** Where the server's log of changes stands, in bytes. */
export async function walPosition(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ at: string }>(
    `select (pg_catalog.pg_current_wal_insert_lsn() operator(pg_catalog.-) '0/0'::pg_catalog.pg_lsn)::text as at`,
  );
  return Number(rows[0]?.at);
}
