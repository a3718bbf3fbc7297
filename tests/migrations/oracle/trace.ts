/** What a server says of a statement: the locks that the session holds after it, what was written again, what was read. */

import { LOCK_MODES, type LockMode } from '@headgate/migrations';
import type pg from 'pg';
import type { Case } from './statements.ts';
import { LARGE } from './tables.ts';

/** A relation at one moment. */
interface Seen {
  readonly key: string;
  readonly kind: string;
  readonly file: string;
  readonly bytes: number;
  readonly read: number;
  readonly changed: number;
  readonly inserted: number;
  readonly columns: readonly number[];
  readonly persistence: string;
  readonly row_security: boolean;
}

export interface Snapshot {
  readonly relations: ReadonlyMap<string, Seen>;
  readonly locks: ReadonlyMap<string, LockMode>;
}

const SNAPSHOT = `
  select c.oid::text as oid, n.nspname || '.' || c.relname as key, c.relkind as kind, c.relfilenode::text as file,
    case when c.relkind in ('r', 'm') then pg_relation_size(c.oid)::float8 else 0 end as bytes,
    pg_stat_get_xact_tuples_returned(c.oid)::float8 as read,
    (pg_stat_get_xact_tuples_updated(c.oid) + pg_stat_get_xact_tuples_deleted(c.oid))::float8 as changed,
    pg_stat_get_xact_tuples_inserted(c.oid)::float8 as inserted,
    array(select attnum from pg_attribute a where a.attrelid = c.oid and attnum > 0 and not attisdropped) as columns,
    c.relpersistence as persistence, c.relrowsecurity as row_security
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname in ('public', 'other') and c.relkind in ('r', 'p', 'v', 'm')`;

const LOCKS = `select relation::text as oid, mode from pg_locks where pid = $1 and locktype = 'relation'`;

export async function locksOf(client: pg.Client, pid: number): Promise<ReadonlyMap<string, LockMode>> {
  const locks = new Map<string, LockMode>();
  for (const { oid, mode } of (await client.query(LOCKS, [pid])).rows as { oid: string; mode: string }[]) {
    const name = modeOf(mode);
    const held = locks.get(oid);
    if (held === undefined || LOCK_MODES.indexOf(name) > LOCK_MODES.indexOf(held)) locks.set(oid, name);
  }
  return locks;
}

/** `ShareRowExclusiveLock`, as pg_locks says it. */
function modeOf(mode: string): LockMode {
  const words = mode
    .replace(/Lock$/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toUpperCase();
  return LOCK_MODES.find((each) => each === words) ?? 'ACCESS EXCLUSIVE';
}

export async function snapshot(client: pg.Client, pid: number): Promise<Snapshot> {
  // Locks first: looking at sizes takes some, too.
  const locks = await locksOf(client, pid);
  const rows = (await client.query({ name: 'snapshot', text: SNAPSHOT })).rows as (Seen & { oid: string })[];
  return { relations: new Map(rows.map((row) => [row.oid, row])), locks };
}

/** What happened, as far as a server can tell. */
export interface Truth {
  /** Why it harms whoever uses the database; empty: it doesn't. */
  readonly harms: readonly string[];
  /** Statements of running code that fail or answer something else afterwards. */
  readonly breaks: readonly string[];
  /** The strongest locks on relations that were there before. */
  readonly locks: ReadonlyMap<string, LockMode>;
}

export interface Baseline {
  readonly rows: ReadonlyMap<string, number>;
  readonly answers: ReadonlyMap<string, readonly string[]>;
}

/** Runs a case in a transaction that is rolled back. `undefined`: the server refuses a statement of it. */
export async function traceCase(client: pg.Client, pid: number, each: Case, base: Baseline): Promise<Truth | string> {
  await client.query('begin');
  try {
    const first = await snapshot(client, pid);
    const harms: string[] = [];
    let before = first;
    for (const sql of each.statements) {
      try {
        await client.query(sql);
      } catch (error) {
        return (error as Error).message;
      }
      const after = await snapshot(client, pid);
      harms.push(...harmsOf(first, before, after, base, each, sql), ...(await passedOver(client, sql)));
      before = after;
    }
    const quiet = [...before.relations].every(([oid, { changed, inserted }]) => {
      const was = first.relations.get(oid);
      return was === undefined || (changed === was.changed && inserted === was.inserted);
    });
    const breaks: string[] = [];
    for (const name of [each.table.name, ...(each.others ?? [])])
      breaks.push(...(await breaksOf(client, name, base, quiet)));
    const locks = new Map(
      [...before.locks].flatMap(([oid, mode]) =>
        first.relations.has(oid) ? [[first.relations.get(oid)?.key ?? '', mode] as const] : [],
      ),
    );
    return { harms, breaks, locks };
  } finally {
    await client.query('rollback');
  }
}

/** An index or a column that was asked for IF NOT EXISTS, where another one has its name: what the migration counts on isn't there. */
async function passedOver(client: pg.Client, sql: string): Promise<readonly string[]> {
  const [, of, column, type] =
    /^alter table (\w+) add column if not exists (\w+) (text|bigint|integer)\b/.exec(sql) ?? [];
  if (of !== undefined) {
    const { rows } = await client.query(
      `select format_type(atttypid, atttypmod) = $3 and not attnotnull and atthasdef = ($4 ~ 'default') as same
       from pg_attribute where attrelid = $1::regclass and attname = $2`,
      [of, column, type, sql],
    );
    return rows[0]?.same === true ? [] : [`${column} of ${of} is not the column that was asked for`];
  }
  const [, name, table, columns] = /^create index if not exists (\w+) on (\w+)\((\w+)\)$/.exec(sql) ?? [];
  if (name === undefined) return [];
  const { rows } = await client.query('select pg_get_indexdef(to_regclass($1)) as made', [name]);
  const wanted = new RegExp(`^CREATE INDEX ${name} ON (ONLY )?public\\.${table} USING btree \\(${columns}\\)$`);
  return wanted.test(rows[0]?.made ?? '') ? [] : [`${name} is not the index that was asked for: ${rows[0]?.made}`];
}

function harmsOf(
  first: Snapshot,
  before: Snapshot,
  after: Snapshot,
  { rows }: Baseline,
  { table }: Case,
  sql: string,
): string[] {
  const named = /alter table (\w+)/.exec(sql)?.[1];
  const few =
    [...first.relations].every(([oid, { key }]) => key !== `public.${named}` || (rows.get(oid) ?? 0) < LARGE) &&
    !(named === table.name && table.rows >= LARGE);
  const harms: string[] = [];
  let work = '';
  for (const [oid, was] of before.relations) {
    if (!first.relations.has(oid)) continue;
    const many = rows.get(oid) ?? 0;
    const is = after.relations.get(oid);
    if (is === undefined) {
      if (many > 0 && was.kind !== 'v' && was.kind !== 'm') harms.push(`${was.key} and its rows are gone`);
      continue;
    }
    if (was.columns.some((column) => !is.columns.includes(column)) && many > 0)
      harms.push(`a column of ${was.key} is gone`);
    if (many > 0 && was.bytes > 0 && is.bytes === 0 && was.kind === 'r') harms.push(`the rows of ${was.key} are gone`);
    else if (is.file !== was.file && many >= LARGE) work = `${was.key} was written again`;
    // A key of few rows is looked up by its index where the other table is as large as it is said to be; here it isn't.
    if (was.key === 'public.parent' && few && /foreign key|references/.test(sql)) continue;
    // What tries that were rolled back left behind in an empty table is no size of it.
    if (is.read - was.read >= LARGE && many >= LARGE) work = `${was.key} was read`;
    const changed = is.changed - was.changed;
    if (changed >= LARGE) harms.push(`${changed} rows of ${was.key} were changed`);
    else if (changed > 1 && /\bdelete from\b/.test(sql)) harms.push(`${changed} rows of ${was.key} are gone`);
    if (was.persistence === 'p' && is.persistence === 'u') harms.push(`${was.key} is not logged any more`);
    if (was.row_security && !is.row_security) harms.push(`${was.key} shows all rows`);
  }
  const blocking = [...after.locks].filter(
    ([oid, mode]) =>
      first.relations.has(oid) &&
      // Nobody writes a materialized view, and who reads it goes on.
      !(first.relations.get(oid)?.kind === 'm' && mode === 'EXCLUSIVE') &&
      LOCK_MODES.indexOf(mode) >= LOCK_MODES.indexOf('SHARE'),
  );
  if (blocking.length > 0 && work !== '')
    harms.push(`${work} under ${blocking[0]?.[1]} of ${first.relations.get(blocking[0]?.[0] ?? '')?.key}`);
  const taken = blocking.some(([oid, mode]) => before.locks.get(oid) !== mode);
  if (taken && /^lock table/.test(sql)) harms.push('a lock is held for what comes after');
  return harms;
}

async function breaksOf(client: pg.Client, table: string, base: Baseline, quiet: boolean): Promise<string[]> {
  const after = await answersOf(client, table);
  const before = base.answers.get(table) ?? [];
  return after.flatMap((answer, i) => {
    const was = before[i] ?? '';
    if (was.startsWith('ERROR')) return [];
    if (answer.startsWith('ERROR')) return [`${i}: ${answer}`];
    // What a statement changed itself, running code finds changed; that breaks nothing.
    return quiet && answer !== was ? [`${i}: ${was} became ${answer}`.slice(0, 200)] : [];
  });
}

export async function answersOf(client: pg.Client, table: string): Promise<readonly string[]> {
  await client.query('savepoint old_code; set local role app');
  const { rows } = await client.query('select oracle.old_code($1) as answers', [table]);
  await client.query('rollback to savepoint old_code');
  return rows[0].answers as string[];
}
