/** Carries out the plan of a masking: side tables, ranges of pages, one transaction that brings them in. */
import type { MaskingPlan, TablePlan } from '@headgate/domain/masking/plan';
import type { MaskStatement } from '@headgate/domain/masking/statement';
import type pg from 'pg';
import type { MaskKeys } from './mask-keys.ts';
import { doneSteps, inTransaction, isDone, stepOnce } from './run-record.ts';
import { type Job, shareWork } from './share-work.ts';

/** Pages of one range: 8 MB, some ten thousand rows. */
const RANGE_PAGES = 1_024;

export interface MaskedTable {
  readonly table: string;
  readonly rows: number;
}

export type SayMasked = (masked: MaskedTable) => void;

/** Masks every table that isn't masked yet. Answers what was masked in all, also by a run before. */
export async function maskTables(
  clients: readonly pg.Client[],
  plan: MaskingPlan,
  keys: MaskKeys,
  say: SayMasked,
): Promise<readonly MaskedTable[]> {
  const [first] = clients as [pg.Client];
  const done = await doneSteps(first);
  const waiting = plan.tables.filter(({ n }) => !done.has(`mask ${n}`));
  await shareWork(
    clients,
    waiting.map((table) => prepareJob(table, keys, say)),
  );
  const after = await doneSteps(first);
  return plan.tables.map(({ table, n }) => ({ table, rows: after.get(`mask ${n}`) ?? 0 }));
}

/** Side tables, unless a run before made them; then a job for each range that isn't masked; then all that follows. */
function prepareJob(table: TablePlan, keys: MaskKeys, say: SayMasked): Job {
  const { n } = table;
  return async (client) => {
    if (!(await isDone(client, n, 'prepare')))
      await stepOnce(client, n, 'prepare', async () => {
        for (const each of table.prepare) await client.query(each.sql, [...keysOf(each, keys)]);
        return 0;
      });
    if (await isDone(client, n, 'empty')) return fillJobs(client, table, say);
    const given = keysOf(table.batch, keys);
    const ranges = await rangesLeft(client, n, 'mask', await pagesOf(client, table.own));
    return inRanges(
      ranges,
      (worker, from) => rangeOnce(worker, n, 'mask', from, table.batch.sql, given),
      emptyJob(table, say),
    );
  };
}

/** Empties the table, if as many masked rows stand beside it as it has. */
function emptyJob(table: TablePlan, say: SayMasked): Job {
  return async (client) => {
    await stepOnce(client, table.n, 'empty', async () => {
      await client.query(`lock table only ${table.own} in access exclusive mode`);
      const here = await client.query<{ n: string }>(`select count(*) as n from only ${table.own}`);
      const rows = Number(here.rows[0]?.n);
      const made = await madeRows(client, table.n, 'mask');
      if (rows !== made)
        throw new Error(
          `${table.table} has ${rows} rows and ${made} were masked: somebody wrote to the copy meanwhile`,
        );
      for (const sql of table.empty) await client.query(sql);
      return rows;
    });
    return fillJobs(client, table, say);
  };
}

/** Brings the masked rows in; when all are, the side tables go, and statistics are made that know no original. */
async function fillJobs(client: pg.Client, table: TablePlan, say: SayMasked): Promise<readonly Job[]> {
  const { n } = table;
  const ranges = await rangesLeft(client, n, 'fill', await pagesOf(client, table.work));
  const end: Job = async (worker) => {
    const rows = await stepOnce(worker, n, 'mask', async () => {
      const [made, filled] = [await madeRows(worker, n, 'mask'), await madeRows(worker, n, 'fill')];
      if (made !== filled) throw new Error(`${table.table}: ${made} rows were masked and ${filled} came in`);
      for (const sql of table.clear) await worker.query(sql);
      // In the same transaction: statistics of before hold originals, and nobody would come back for them.
      await worker.query(table.analyze);
      return filled;
    });
    say({ table: table.table, rows });
    return [];
  };
  const filled = rebuildJobs(table, await doneSteps(client), end);
  return inRanges(ranges, (worker, from) => rangeOnce(worker, n, 'fill', from, table.fill, []), filled);
}

/** What was dropped for the filling is made again, each once; then the end. */
function rebuildJobs({ n, rebuild }: TablePlan, done: ReadonlyMap<string, number>, end: Job): Job {
  const left = rebuild.flatMap((sql, i) => (done.has(`rebuild ${i} ${n}`) ? [] : [{ sql, i }]));
  return async () =>
    inRanges(
      left.map((_, i) => i),
      async (client, at) => {
        const { sql, i } = left[at] as (typeof left)[number];
        await stepOnce(client, n, `rebuild ${i}`, async () => {
          await client.query(sql);
          return 0;
        });
      },
      end,
    );
}

/** A job for each range, and one more when all of them are done. */
function inRanges(
  ranges: readonly number[],
  work: (client: pg.Client, from: number) => Promise<void>,
  then: Job,
): readonly Job[] {
  let left = ranges.length;
  if (left === 0) return [then];
  return ranges.map(
    (from): Job =>
      async (client) => {
        await work(client, from);
        left--;
        return left === 0 ? [then] : [];
      },
  );
}

/** One range's statement and the note that it is done, both or neither. */
async function rangeOnce(
  client: pg.Client,
  n: number,
  what: string,
  from: number,
  sql: string,
  keys: readonly Buffer[],
): Promise<void> {
  await inTransaction(client, async () => {
    const made = await client.query(sql, [`(${from},0)`, `(${from + RANGE_PAGES},0)`, ...keys]);
    await client.query('insert into headgate_copy.batch (n, what, first, rows) values ($1, $2, $3, $4)', [
      n,
      what,
      from,
      made.rowCount,
    ]);
  });
}

async function rangesLeft(client: pg.Client, n: number, what: string, pages: number): Promise<readonly number[]> {
  const { rows } = await client.query<{ first: string }>(
    'select first from headgate_copy.batch where n = $1 and what = $2',
    [n, what],
  );
  const done = new Set(rows.map(({ first }) => Number(first)));
  return Array.from({ length: Math.ceil(pages / RANGE_PAGES) }, (_, i) => i * RANGE_PAGES).filter(
    (from) => !done.has(from),
  );
}

async function madeRows(client: pg.Client, n: number, what: string): Promise<number> {
  const { rows } = await client.query<{ rows: string }>(
    'select coalesce(sum(rows), 0) as rows from headgate_copy.batch where n = $1 and what = $2',
    [n, what],
  );
  return Number(rows[0]?.rows);
}

/** Keys again, which checks every row; what was computed from masked tables, again; statistics without originals. */
export async function restoreKeys(clients: readonly pg.Client[], plan: MaskingPlan): Promise<void> {
  const [first] = clients as [pg.Client];
  const done = await doneSteps(first);
  const jobs = plan.foreignKeys
    .map((key, n) => ({ ...key, n }))
    .filter(({ n }) => !done.has(`key ${n}`))
    .map(
      ({ add, n }): Job =>
        async (client) => {
          await stepOnce(client, n, 'key', async () => {
            await client.query(add);
            return 1;
          });
          return [];
        },
    );
  // One after the other: two keys of one table wait for each other's locks.
  await shareWork([first], jobs);
  for (const sql of plan.refresh) await first.query(sql);
}

/** Pages of a table, by its name as SQL takes it. Throws where there is none: what isn't found would count as empty. */
export async function pagesOf(client: pg.Client, table: string): Promise<number> {
  const { rows } = await client.query<{ pages: string | null }>(
    `select pg_relation_size(to_regclass($1)) / current_setting('block_size')::int8 as pages`,
    [table],
  );
  const pages = rows[0]?.pages ?? null;
  if (pages === null) throw new Error(`There is no table ${table}: was it removed meanwhile?`);
  return Number(pages);
}

export function keysOf({ keys: names }: MaskStatement, keys: MaskKeys): readonly Buffer[] {
  return names.map((name) => keys.of(name));
}
