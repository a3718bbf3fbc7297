/** Carries out the plan of a masking: side tables, ranges of pages, one transaction that brings them in. */
import type { MaskingPlan, TablePlan } from '@headgate/domain/masking/plan';
import type { MaskStatement } from '@headgate/domain/masking/statement';
import type pg from 'pg';
import type { MaskKeys } from './mask-keys.ts';
import { doneSteps, inTransaction, setPhase, stepOnce } from './run-record.ts';
import { type Job, shareWork } from './share-work.ts';

/** Pages of one range: 8 MB, some ten thousand rows. */
const RANGE_PAGES = 1_024;

/** The number in `batch` that says: the side tables of this table are whole. No range begins there. */
const PREPARED = -1;

export interface MaskedTable {
  readonly table: string;
  readonly rows: number;
}

export type SayMasked = (masked: MaskedTable) => void;

/** Puts the digests of originals aside, before any of them goes. */
export async function collectOriginals(
  clients: readonly pg.Client[],
  plan: MaskingPlan,
  keys: MaskKeys,
): Promise<void> {
  const [first] = clients as [pg.Client];
  const done = await doneSteps(first);
  const jobs = plan.tables
    .filter(({ n }) => !done.has(`collect ${n}`))
    .map((table): Job => async (client) => {
      await stepOnce(client, table.n, 'collect', async () => {
        let rows = 0;
        for (const each of table.collect)
          rows += (await client.query(each.sql, [keys.seed(), ...keysOf(each, keys)])).rowCount ?? 0;
        return rows;
      });
      return [];
    });
  await shareWork(clients, jobs);
  await inTransaction(first, async () => {
    await first.query('create index if not exists original_digest on headgate_copy.original (digest)');
    await first.query('create index if not exists original_mask on headgate_copy.original (mask)');
    await first.query(
      'insert into headgate_copy.original_size select distinct words from headgate_copy.original on conflict do nothing',
    );
    for (const { drop } of plan.foreignKeys) await first.query(drop);
    await setPhase(first, 'mask');
  });
  await first.query('analyze headgate_copy.original');
}

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

/** Side tables, unless a run before made them and they are whole; then a job for each range that isn't masked. */
function prepareJob(table: TablePlan, keys: MaskKeys, say: SayMasked): Job {
  return async (client) => {
    const whole = await client.query('select 1 from headgate_copy.batch where n = $1 and first = $2', [
      table.n,
      PREPARED,
    ]);
    if (whole.rowCount === 0)
      await inTransaction(client, async () => {
        await clear(client, table);
        for (const each of table.prepare) await client.query(each.sql, keysOf(each, keys));
        await client.query('insert into headgate_copy.batch (n, first, rows) values ($1, $2, 0)', [table.n, PREPARED]);
      });
    const pages = await pagesOf(client, table.table);
    const { rows } = await client.query<{ first: string }>('select first from headgate_copy.batch where n = $1', [
      table.n,
    ]);
    const masked = new Set(rows.map((row) => Number(row.first)));
    const ranges = Array.from({ length: Math.ceil(pages / RANGE_PAGES) }, (_, i) => i * RANGE_PAGES).filter(
      (from) => !masked.has(from),
    );
    let left = ranges.length;
    const swap = swapJob(table, say);
    if (left === 0) return [swap];
    return ranges.map((from): Job => async (worker) => {
      await inTransaction(worker, async () => {
        const ends = [`(${from},0)`, `(${from + RANGE_PAGES},0)`];
        const made = await worker.query(table.batch.sql, [...ends, ...keysOf(table.batch, keys)]);
        await worker.query('insert into headgate_copy.batch (n, first, rows) values ($1, $2, $3)', [
          table.n,
          from,
          made.rowCount,
        ]);
      });
      left--;
      return left === 0 ? [swap] : [];
    });
  };
}

/** The masked rows in the place of the table's: as many as there are, or nothing happens. */
function swapJob(table: TablePlan, say: SayMasked): Job {
  return async (client) => {
    const rows = await stepOnce(client, table.n, 'mask', async () => {
      const [empty, fill] = table.swap as [string, string];
      await client.query(`lock table only ${table.own} in access exclusive mode`);
      const counted = await client.query<{ here: string; made: string }>(
        `select (select count(*) from only ${table.own}) as here,
                (select coalesce(sum(rows), 0) from headgate_copy.batch where n = $1) as made`,
        [table.n],
      );
      const { here, made } = counted.rows[0]!;
      if (here !== made)
        throw new Error(`${table.table} has ${here} rows and ${made} were masked: somebody wrote to the copy meanwhile`);
      await client.query(empty);
      const filled = await client.query(fill);
      if (String(filled.rowCount) !== here)
        throw new Error(`${table.table} had ${here} rows and ${filled.rowCount} came in`);
      await clear(client, table);
      return filled.rowCount ?? 0;
    });
    await client.query(table.analyze);
    say({ table: table.table, rows });
    return [];
  };
}

async function clear(client: pg.Client, table: TablePlan): Promise<void> {
  for (const sql of table.clear) await client.query(sql);
  await client.query('delete from headgate_copy.batch where n = $1', [table.n]);
}

/** Keys again, which checks every row; what was computed from masked tables, again; statistics without originals. */
export async function restoreKeys(clients: readonly pg.Client[], plan: MaskingPlan): Promise<void> {
  const [first] = clients as [pg.Client];
  const done = await doneSteps(first);
  const jobs = plan.foreignKeys
    .map((key, n) => ({ ...key, n }))
    .filter(({ n }) => !done.has(`key ${n}`))
    .map(({ add, n }): Job => async (client) => {
      await stepOnce(client, n, 'key', async () => {
        await client.query(add);
        return 1;
      });
      return [];
    });
  // One after the other: two keys of one table wait for each other's locks.
  await shareWork([first], jobs);
  for (const sql of plan.refresh) await first.query(sql);
}

/** Pages of a table of `schema.table`. */
export async function pagesOf(client: pg.Client, table: string): Promise<number> {
  const [schema, name] = [table.slice(0, table.indexOf('.')), table.slice(table.indexOf('.') + 1)];
  const { rows } = await client.query<{ pages: string }>(
    `select pg_relation_size(c.oid) / current_setting('block_size')::int8 as pages
     from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2`,
    [schema, name],
  );
  return Number(rows[0]?.pages ?? 0);
}

export function keysOf({ keys: names }: MaskStatement, keys: MaskKeys): readonly Buffer[] {
  return names.map((name) => keys.of(name));
}
