/** Writes a difference's rows in the caller's transaction: one statement a table and kind, and each only where the row still is what was seen. */
import { WrongDifference } from '@headgate/documents';
import type { RowDifference, RowsForeignKey, TableDifference, TenantTable, TypedColumn } from '@headgate/domain';
import pg from 'pg';
import { type Tries, type Written, writtenSoFar } from './others-untouched.ts';
import { belongsSql, tableSql, textSql } from './rows-sql.ts';

const q = pg.escapeIdentifier;
const BATCH = 500;

/** Rows that lie in the session beside their table, as texts. */
interface LaidOut {
  readonly name: string;
  /** Columns that rows which come back have values for. */
  readonly inserted: readonly TypedColumn[];
}

export type Laid = ReadonlyMap<number, LaidOut>;

/** Lays all rows out in temporary tables, before anything is locked. */
export async function layOut(
  client: pg.Client,
  tables: readonly TableDifference[],
  rows: AsyncIterable<RowDifference>,
): Promise<Laid> {
  const laid = new Map<number, LaidOut>();
  let batch: RowDifference[] = [];
  const put = async (): Promise<void> => {
    const [first] = batch;
    if (first === undefined) return;
    const of = tables[first.table]!;
    const known = laid.get(first.table) ?? (await make(client, first.table, of));
    const wide = batch.filter(({ kind, was }) => kind === 'back' && was!.length > of.columns.length);
    const inserted = wide.length > 0 ? [...of.columns, ...of.liveOnly] : of.columns;
    const backs = batch.filter(({ kind }) => kind === 'back').length;
    const before = laid.get(first.table);
    if (wide.length > 0 && wide.length < backs) throw new WrongDifference(`rows of ${of.table} aren’t of one form`);
    laid.set(first.table, { ...known, inserted: backs > 0 ? inserted : (before?.inserted ?? of.columns) });
    await add(client, known.name, of, batch);
    batch = [];
  };
  for await (const row of rows) {
    if (batch.length >= BATCH || (batch[0] !== undefined && batch[0].table !== row.table)) await put();
    batch.push(row);
  }
  await put();
  for (const { name } of laid.values()) await client.query(`analyze ${name}`);
  return laid;
}

async function make(client: pg.Client, index: number, table: TenantTable): Promise<LaidOut> {
  const name = `pg_temp.headgate_rows_${index}`;
  const columns = ['live', 'was'].flatMap((side) => widthOf(table).map((i) => `${side}${i} text`));
  await client.query(`create temporary table headgate_rows_${index} (kind text, ${columns.join(', ')}) on commit drop`);
  return { name, inserted: table.columns };
}

async function add(client: pg.Client, name: string, table: TenantTable, rows: readonly RowDifference[]): Promise<void> {
  const arrays = [
    rows.map(({ kind }) => kind),
    ...widthOf(table).map((i) => rows.map(({ live }) => live?.[i] ?? null)),
    ...widthOf(table).map((i) => rows.map(({ was }) => was?.[i] ?? null)),
  ];
  await client.query(
    `insert into ${name} select * from unnest(${arrays.map((_, i) => `$${i + 1}::text[]`).join(', ')})`,
    arrays,
  );
}

function widthOf({ columns, liveOnly }: TenantTable): readonly number[] {
  return [...columns, ...liveOnly].map((_, i) => i);
}

/**
 * In which order rows go, change and come. What is unique wants rows to go first; a foreign key may want what referred to a
 * row to change before, or what it will refer to to come before. The first one that every constraint lets by is it. Where
 * none is, foreign keys are looked at when all is written: that takes a lock which readers wait for, too.
 */
const TRIES = [
  { order: ['away', 'changed', 'back'], deferred: false },
  { order: ['changed', 'away', 'back'], deferred: false },
  { order: ['away', 'back', 'changed'], deferred: false },
  { order: ['back', 'changed', 'away'], deferred: false },
  { order: ['away', 'changed', 'back'], deferred: true },
] as const;

/** A row wasn't what was seen any more, or a constraint says no. */
export class NotWritten extends Error {}

/**
 * Writes them all. Throws a `NotWritten` where no order lets all of them by: the transaction is of no use then. Answers what
 * had been written before the first of them, and before the one that did it.
 */
export async function writeRows(
  client: pg.Client,
  tables: readonly TableDifference[],
  laid: Laid,
  foreignKeys: readonly RowsForeignKey[],
): Promise<Tries> {
  let refusal: unknown;
  let first: Written | undefined;
  for (const { order, deferred } of TRIES) {
    const last = await writtenSoFar(client);
    first ??= last;
    await client.query('savepoint headgate_rows');
    try {
      const constraints = deferred ? await deferKeys(client, laid, tables, foreignKeys) : async () => {};
      await client.query('set constraints all deferred');
      for (const kind of order) await writeKind(client, tables, laid, kind);
      await client.query('set constraints all immediate');
      await constraints();
      await client.query('release savepoint headgate_rows');
      return { first, last };
    } catch (error) {
      if (!isConstraint(error) && !(error instanceof NotWritten)) throw error;
      refusal ??= error;
      await client.query('rollback to savepoint headgate_rows');
    }
  }
  throw refusal instanceof NotWritten ? refusal : new NotWritten(constraintWords(refusal));
}

/** Of the tables that are written to. Answers how to have them as they were. */
async function deferKeys(
  client: pg.Client,
  laid: Laid,
  tables: readonly TableDifference[],
  foreignKeys: readonly RowsForeignKey[],
): Promise<() => Promise<void>> {
  const written = new Set([...laid.keys()].map((index) => tables[index]!.table));
  const strict = foreignKeys.filter(({ table, deferrable }) => written.has(table) && !deferrable);
  const alter = async (how: string): Promise<void> => {
    for (const { table, name } of strict)
      await client.query(`alter table only ${tableSql(table)} alter constraint ${q(name)} ${how}`);
  };
  await alter('deferrable');
  return () => alter('not deferrable');
}

async function writeKind(
  client: pg.Client,
  tables: readonly TableDifference[],
  laid: Laid,
  kind: RowDifference['kind'],
): Promise<void> {
  const byName = new Map(tables.map((table) => [table.table, table]));
  // What refers goes before what it refers to, and comes after it.
  const indexes = [...laid.keys()].toSorted((a, b) => (kind === 'away' ? b - a : a - b));
  for (const index of indexes) {
    const table = tables[index]!;
    if (table[kind] === 0) continue;
    const { rowCount } = await client.query(sqlOf(kind, table, laid.get(index)!, byName));
    if (rowCount === table[kind]) continue;
    throw new NotWritten(
      `${table.table}: ${table[kind]} rows should have been ${VERB[kind]}, and only ${rowCount} still were what was seen`,
    );
  }
}

const VERB = { away: 'taken away', changed: 'changed', back: 'brought back' } as const;

function sqlOf(
  kind: RowDifference['kind'],
  table: TableDifference,
  { name, inserted }: LaidOut,
  byName: ReadonlyMap<string, TenantTable>,
): string {
  const { columns, key } = table;
  const at = (column: string): number => columns.findIndex((each) => each.name === column);
  const target = tableSql(table.table);
  if (kind === 'back') {
    const values = inserted.map(({ type }, i) => `x.was${i}::${type}`);
    return `insert into ${target} (${inserted.map((each) => q(each.name)).join(', ')}) overriding system value select ${values.join(', ')} from ${name} x where x.kind = 'back'`;
  }
  const seen = [
    `x.kind = '${kind}'`,
    ...key.map((column) => `t.${q(column)} = x.live${at(column)}::${columns[at(column)]!.type}`),
    `(${belongsSql(table, byName, 't')})`,
    ...columns.map((column, i) => `(${textSql(`t.${q(column.name)}`)}) is not distinct from x.live${i}`),
  ].join(' and ');
  if (kind === 'away') return `delete from only ${target} t using ${name} x where ${seen}`;
  const set = columns.flatMap((column, i) =>
    key.includes(column.name) ? [] : [`${q(column.name)} = x.was${i}::${column.type}`],
  );
  return `update only ${target} t set ${set.join(', ')} from ${name} x where ${seen}`;
}

function isConstraint(error: unknown): boolean {
  const { code } = error as { readonly code?: string };
  return code?.startsWith('23') === true;
}

/** No value stands in it: the server's own details have some. */
function constraintWords(error: unknown): string {
  const { constraint, table, schema } = error as { readonly [name: string]: string | undefined };
  const of = table === undefined ? '' : ` of ${schema}.${table}`;
  return `the constraint ${constraint ?? 'of a column'}${of} lets the tenant’s rows not be as they were`;
}
