/**
 * Two copies of one store, row against row: how many of the one's rows the other doesn't have, and what else differs. Rows are compared
 * by a hash of all that is in them, in the columns that both have; what is told is counts and names, and no row.
 */
import { digestOfJson, MOST_OTHERS, oneLine } from '@headgate/documents';
import type { Digest, ProposedOther, ProposedSide, ProposedTable } from '@headgate/domain';
import pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import { timelineOf } from '../../postgres-cluster/timelines.ts';
import { SETTINGS } from '../census/application-tables.ts';
import { recordedVersion } from '../rehearsal/copy.ts';
import { controlConnection, type Store } from '../store/store-session.ts';
import { differencesIn, digestsOf, type Fact, factsOf } from './beside-rows.ts';
import { type Counted, type CountedTables, countedIn, hashed } from './counted-tables.ts';

type OneStore = Pick<Store, 'cluster' | 'database' | 'user'>;

export interface ComparedStores {
  readonly live: ProposedSide;
  readonly was: ProposedSide;
  readonly tables: readonly ProposedTable[];
  /** What differs beside rows, those that a proposal has room for, and how many there are. */
  readonly others: readonly ProposedOther[];
  readonly othersInAll: number;
  /** Other databases of the cluster, now and then. */
  readonly databases: readonly string[];
}

/** Hashes that are fetched at a time. */
const AT_A_TIME = 20_000;

/** Reads both, each as it is in one moment. */
export async function compareStores(live: OneStore, was: OneStore, signal: AbortSignal): Promise<ComparedStores> {
  return inOneMoment(live, (now) =>
    inOneMoment(was, async (then) => {
      const [a, b] = [await countedIn(now, signal), await countedIn(then, signal)];
      const tables = await comparedTables([now, a.tables], [then, b.tables], signal);
      const [besideNow, besideThen] = [await factsOf(live, now, a, signal), await factsOf(was, then, b, signal)];
      const [closed] = [...besideNow.closed, ...besideThen.closed];
      if (closed !== undefined)
        throw new Error(
          `the cluster’s database ${closed} goes back with the store, and takes no connections, so nobody can count what would be lost of it: let it (alter database … allow_connections true), or remove it`,
        );
      const others = differencesIn(besideNow.facts, besideThen.facts, toldBy(tables));
      return {
        live: await sideOf(now, a, besideNow.facts),
        was: await sideOf(then, b, besideThen.facts),
        ...{ tables, others: others.slice(0, MOST_OTHERS), othersInAll: others.length },
        databases: [
          ...new Set([...besideNow.databases, ...besideThen.databases].map((name) => oneLine(name, 200))),
        ].toSorted(),
      };
    }),
  );
}

type CountedDatabase = readonly [session: pg.Client, tables: ReadonlyMap<string, Counted>];

/** The tables that differ, in order of their names. Each session sees one moment. */
export async function comparedTables(
  [now, a]: CountedDatabase,
  [then, b]: CountedDatabase,
  signal: AbortSignal,
): Promise<readonly ProposedTable[]> {
  const tables: ProposedTable[] = [];
  for (const relation of [...new Set([...a.keys(), ...b.keys()])].toSorted()) {
    signal.throwIfAborted();
    const differs = await compared(now, then, relation, a.get(relation), b.get(relation), signal);
    if (differs !== undefined) tables.push(differs);
  }
  return tables;
}

/** A table that comes or goes takes what belongs to it along, and a column its own. */
export function toldBy(tables: readonly ProposedTable[]): (what: string) => boolean {
  const told = new Set<string>();
  const whole: string[] = [];
  for (const { table, rowsNow, rowsThen, lostColumns, backColumns } of tables) {
    if (rowsNow === undefined || rowsThen === undefined) whole.push(table);
    for (const column of [...lostColumns, ...backColumns])
      told.add(`column ${table}.${pg.escapeIdentifier(column)}`).add(`column ${table}.${column}`);
    if (lostColumns.length + backColumns.length > 0) told.add(`order of columns of ${table}`);
  }
  return (what) =>
    told.has(what) ||
    whole.some(
      (table) => what === `table ${table}` || what.startsWith(`column ${table}.`) || what.endsWith(` of ${table}`),
    );
}

/** What a store is like, by the rows and sums of all its tables. */
export async function lookAtStore(store: OneStore, signal: AbortSignal): Promise<ProposedSide> {
  return inOneMoment(store, async (client) => {
    const counted = await countedIn(client, signal);
    return sideOf(client, counted, (await factsOf(store, client, counted, signal)).facts);
  });
}

/** Which cluster a store is, and on which course: both change when it is replaced. */
export async function courseOf(store: OneStore): Promise<Pick<ProposedSide, 'system' | 'timeline'>> {
  return withClient(await controlConnection(store), async (client) => {
    const { system, segment } = await standOf(client);
    return { system, timeline: timelineOf(segment) };
  });
}

async function inOneMoment<T>(store: OneStore, work: (client: pg.Client) => Promise<T>): Promise<T> {
  return withClient(await controlConnection(store), async (client) => {
    await client.query(SETTINGS);
    await client.query('begin isolation level repeatable read, read only');
    return work(client);
  });
}

async function compared(
  now: pg.Client,
  then: pg.Client,
  table: string,
  a: Counted | undefined,
  b: Counted | undefined,
  signal: AbortSignal,
): Promise<ProposedTable | undefined> {
  if (a === undefined) return { table, rowsThen: b!.rows, lost: 0, back: b!.rows, lostColumns: [], backColumns: [] };
  if (b === undefined) return { table, rowsNow: a.rows, lost: a.rows, back: 0, lostColumns: [], backColumns: [] };
  const lostColumns = a.columns.filter((column) => !b.columns.includes(column));
  const backColumns = b.columns.filter((column) => !a.columns.includes(column));
  const same = lostColumns.length + backColumns.length === 0;
  if (same && a.rows === b.rows && a.sum === b.sum) return undefined;
  const both = a.columns.filter((column) => b.columns.includes(column));
  const rows = await onlyInOne(hashesOf(now, table, both, signal), hashesOf(then, table, both, signal));
  return { table, rowsNow: a.rows, rowsThen: b.rows, lost: rows.left, back: rows.right, lostColumns, backColumns };
}

/** Of each row, in order. */
async function* hashesOf(
  client: pg.Client,
  table: string,
  columns: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<bigint> {
  await client.query(
    `declare hashes no scroll cursor for select ${hashed(columns)}::text as h from only ${table} t order by ${hashed(columns)}`,
  );
  for (;;) {
    signal.throwIfAborted();
    const { rows } = await client.query<{ h: string }>(`fetch ${AT_A_TIME} from hashes`);
    for (const { h } of rows) yield BigInt(h);
    if (rows.length < AT_A_TIME) break;
  }
  await client.query('close hashes');
}

/** How many of each side's values the other one doesn't have, counted as often as they stand there. */
export async function onlyInOne(
  left: AsyncIterator<bigint>,
  right: AsyncIterator<bigint>,
): Promise<{ readonly left: number; readonly right: number }> {
  const only = { left: 0, right: 0 };
  let [a, b] = [await left.next(), await right.next()];
  while (a.done !== true || b.done !== true) {
    if (b.done === true || (a.done !== true && a.value < b.value)) {
      only.left += 1;
      a = await left.next();
    } else if (a.done === true || b.value < a.value) {
      only.right += 1;
      b = await right.next();
    } else [a, b] = [await left.next(), await right.next()];
  }
  return only;
}

async function sideOf(client: pg.Client, { tables }: CountedTables, facts: readonly Fact[]): Promise<ProposedSide> {
  return {
    ...(await placeOf(client)),
    schemaVersion: (await recordedVersion(client)) ?? 0,
    census: censusOf(tables),
    tables: tables.size,
    beside: digestsOf(facts),
  };
}

/** Two that are equal have the same rows. */
export function censusOf(tables: ReadonlyMap<string, Counted>): Digest {
  return digestOfJson([...tables].toSorted(([x], [y]) => (x < y ? -1 : 1)).map(([relation, each]) => [relation, each]));
}

/** Which cluster a superuser's session is in, and how far it has come. */
export async function placeOf(client: pg.Client): Promise<Pick<ProposedSide, 'system' | 'timeline' | 'lsn' | 'at'>> {
  const { system, segment, lsn, at } = await standOf(client);
  return { system, lsn, timeline: timelineOf(segment), at: Number(at) };
}

async function standOf(
  client: pg.Client,
): Promise<{ readonly system: string; readonly segment: string; readonly lsn: string; readonly at: string }> {
  const { rows } = await client.query<{ system: string; segment: string; lsn: string; at: string }>(
    `select (select system_identifier::text from pg_control_system()) as system, pg_current_wal_lsn()::text as lsn,
       pg_walfile_name(pg_current_wal_lsn()) as segment, (extract(epoch from now()) * 1000)::bigint::text as at`,
  );
  return rows[0]!;
}
