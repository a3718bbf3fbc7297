/**
 * What stands in the way outside of a tenant's own rows, found before anybody approves: others' rows that refer to what would
 * be taken away, rows of others that what comes back needs and that are gone, and keys that others have taken since.
 */
import {
  type Refusal,
  type RowDifference,
  type RowsCatalogue,
  type RowValues,
  refused,
  type TableDifference,
  type TenantTable,
  tablesByName,
} from '@headgate/domain';
import pg from 'pg';
import { belongsSql, tableSql } from './rows-sql.ts';
import type { TenantSide } from './tenant-side.ts';

const q = pg.escapeIdentifier;
const BATCH = 500;

export interface OutsideAsk {
  readonly tables: readonly TableDifference[];
  readonly catalogue: RowsCatalogue;
  readonly tenant: string;
  readonly live: TenantSide;
  readonly was: TenantSide;
}

interface Blocking {
  readonly refusal: (rows: number, example: string) => Refusal;
  rows: number;
  example: string;
}

/** Every way in which applying the difference would meet others' rows, one refusal a constraint. */
export async function findOutside(ask: OutsideAsk, rows: AsyncIterable<RowDifference>): Promise<readonly Refusal[]> {
  const found = new Map<string, Blocking>();
  let batch: RowDifference[] = [];
  const look = async (): Promise<void> => {
    const [first] = batch;
    if (first !== undefined) await lookAt(ask, ask.tables[first.table]!, batch, found);
    batch = [];
  };
  for await (const row of rows) {
    if (batch.length >= BATCH || (batch[0] !== undefined && batch[0].table !== row.table)) await look();
    batch.push(row);
  }
  await look();
  return [...found.values()].map(({ refusal, rows: count, example }) => refusal(count, example));
}

async function lookAt(
  ask: OutsideAsk,
  table: TableDifference,
  batch: readonly RowDifference[],
  found: Map<string, Blocking>,
): Promise<void> {
  const { catalogue, tenant } = ask;
  const note = (key: string, seen: Seen, refusal: Blocking['refusal']): void => {
    if (seen.rows === 0) return;
    const known = found.get(key);
    if (known === undefined) found.set(key, { refusal, ...seen });
    else known.rows += seen.rows;
  };
  for (const key of catalogue.foreignKeys.filter(({ references }) => references === table.table)) {
    const gone = batch.flatMap((row) => leaving(row, table, key.referencedColumns));
    note(
      `from ${key.table} ${key.name}`,
      await referring(ask, key.table, key.columns, typesOf(table, key.referencedColumns), gone),
      (n, example) =>
        refused(
          'still-referenced',
          'bring a tenant’s rows back',
          key.table,
          `${rowsWord(n)} that ${n === 1 ? 'isn’t' : 'aren’t'} ${tenant}’s refer${n === 1 ? 's' : ''} to rows of ${table.table} that would be taken away (${key.name}, such as ${example})`,
          'have whoever they belong to let go of them, and make the difference anew',
        ).refusal,
    );
  }
  for (const key of catalogue.foreignKeys.filter((each) => each.table === table.table)) {
    const wanted = batch.flatMap((row) => coming(row, table, key.columns));
    note(
      `to ${key.table} ${key.name}`,
      await lacking(ask, key.references, key.referencedColumns, typesOf(table, key.columns), wanted),
      (n, example) =>
        refused(
          'reference-gone',
          'bring a tenant’s rows back',
          table.table,
          `${n === 1 ? 'a row' : `${n} rows`} of ${key.references} that ${n === 1 ? 'isn’t' : 'aren’t'} ${tenant}’s, and that rows of ${table.table} need (${key.name}, such as ${example}), ${n === 1 ? 'is' : 'are'} gone`,
          'bring them back first, from the recovered store, and make the difference anew',
        ).refusal,
    );
  }
  const unique = tablesByName(catalogue).get(table.table)?.unique ?? [];
  for (const { name, columns } of [{ name: 'the primary key', columns: table.key }, ...unique]) {
    const wanted = batch.flatMap((row) => coming(row, table, columns));
    note(
      `in ${table.table} ${name}`,
      await taken(ask, table, columns, wanted),
      (n, example) =>
        refused(
          'key-taken',
          'bring a tenant’s rows back',
          table.table,
          `${rowsWord(n)} that ${n === 1 ? 'isn’t' : 'aren’t'} ${tenant}’s ${n === 1 ? 'has' : 'have'} what rows that come back had (${name}, such as ${example})`,
          'have the others’ rows changed first, and make the difference anew',
        ).refusal,
    );
  }
}

interface Seen {
  rows: number;
  example: string;
}

const NOTHING: Seen = { rows: 0, example: '' };

/** Rows that aren't the tenant's and refer to what goes. */
async function referring(
  { tables, catalogue, live }: OutsideAsk,
  child: string,
  columns: readonly string[],
  types: readonly string[],
  gone: readonly (readonly string[])[],
): Promise<Seen> {
  if (gone.length === 0) return NOTHING;
  const join = columns.map((name, i) => `c.${q(name)} = k.c${i}::${types[i]}`).join(' and ');
  return seen(
    live,
    gone,
    `from ${fromSql(catalogue, child)} c join ${valuesSql(columns.length)} on ${join} where ${notTheirs(tables, child, 'c')}`,
  );
}

/** Of rows that come back: what they refer to that wasn't the tenant's even then, and isn't there now. */
async function lacking(
  { tables, catalogue, live, was }: OutsideAsk,
  parent: string,
  columns: readonly string[],
  types: readonly string[],
  wanted: readonly (readonly string[])[],
): Promise<Seen> {
  if (wanted.length === 0) return NOTHING;
  const join = columns.map((name, i) => `p.${q(name)} = k.c${i}::${types[i]}`).join(' and ');
  const from = `from ${fromSql(catalogue, parent)} p where ${join}`;
  const keys = columns.map((_, i) => `k.c${i}`).join(', ');
  const { rows } = await was.client.query<string[]>({
    text: `select distinct ${keys} from ${valuesSql(columns.length)} where exists (select ${from} and ${notTheirs(tables, parent, 'p')})`,
    values: [...arraysOf(wanted)],
    rowMode: 'array',
  });
  if (rows.length === 0) return NOTHING;
  return seen(live, rows, `from ${valuesSql(columns.length)} where not exists (select ${from})`);
}

/** Rows that aren't the tenant's and have the values that rows which come back want for themselves. */
async function taken(
  { tables, live }: OutsideAsk,
  { table }: TenantTable,
  columns: readonly string[],
  wanted: readonly (readonly string[])[],
): Promise<Seen> {
  const own = tables.find((each) => each.table === table)!;
  const types = typesOf(own, columns);
  if (wanted.length === 0 || types.length < columns.length) return NOTHING;
  const join = columns.map((name, i) => `t.${q(name)} = k.c${i}::${types[i]}`).join(' and ');
  return seen(
    live,
    wanted,
    `from only ${tableSql(table)} t join ${valuesSql(columns.length)} on ${join} where ${notTheirs(tables, table, 't')}`,
  );
}

async function seen({ client }: TenantSide, keys: readonly (readonly string[])[], from: string): Promise<Seen> {
  const shown = (keys[0] ?? []).map((_, i) => `k.c${i}`).join(', ');
  const { rows } = await client.query<{ n: string; example: string | null }>(
    `select count(*)::text as n, min(left(concat_ws('/', ${shown}), 100)) as example ${from}`,
    [...arraysOf(keys)],
  );
  return { rows: Number(rows[0]!.n), example: rows[0]!.example ?? '' };
}

/** Whether a row isn't the tenant's, as a condition. */
function notTheirs(tables: readonly TenantTable[], table: string, alias: string): string {
  const byName = new Map(tables.map((each) => [each.table, each]));
  const own = byName.get(table);
  return own === undefined ? 'true' : `(${belongsSql(own, byName, alias)}) is not true`;
}

function fromSql(catalogue: RowsCatalogue, table: string): string {
  const kind = tablesByName(catalogue).get(table)?.kind;
  return `${kind === 'plain' ? 'only ' : ''}${tableSql(table)}`;
}

function valuesSql(width: number): string {
  const all = Array.from({ length: width }, (_, i) => i);
  return `unnest(${all.map((i) => `$${i + 1}::text[]`).join(', ')}) as k(${all.map((i) => `c${i}`).join(', ')})`;
}

function arraysOf(rows: readonly (readonly string[])[]): readonly string[][] {
  return (rows[0] ?? []).map((_, i) => rows.map((row) => row[i]!));
}

function typesOf({ columns, liveOnly }: TenantTable, names: readonly string[]): readonly string[] {
  const typed = [...columns, ...liveOnly];
  return names.flatMap((name) => typed.find((each) => each.name === name)?.type ?? []);
}

/** What would no longer be there of these columns: of a row that goes, or that has another value then. */
function leaving({ kind, live, was }: RowDifference, table: TenantTable, names: readonly string[]): string[][] {
  if (kind === 'back') return [];
  const now = pick(table, live, names);
  if (now === undefined) return [];
  return kind === 'changed' && now.join('\0') === pick(table, was, names)?.join('\0') ? [] : [now];
}

/** What would newly be there of these columns. */
function coming({ kind, live, was }: RowDifference, table: TenantTable, names: readonly string[]): string[][] {
  if (kind === 'away') return [];
  const then = pick(table, was, names);
  if (then === undefined) return [];
  return kind === 'changed' && then.join('\0') === pick(table, live, names)?.join('\0') ? [] : [then];
}

/** Undefined: one of them is null, or isn't kept. */
function pick(
  { columns, liveOnly }: TenantTable,
  values: RowValues | undefined,
  names: readonly string[],
): string[] | undefined {
  const all = [...columns, ...liveOnly];
  const picked = names.flatMap((name) => values?.[all.findIndex((each) => each.name === name)] ?? []);
  return picked.length === names.length ? picked : undefined;
}

function rowsWord(n: number): string {
  return n === 1 ? '1 row' : `${n.toLocaleString('en-US')} rows`;
}
