/**
 * What a way back takes away is kept first. The file is run behind a savepoint, and PostgreSQL's own catalogues and counts say
 * what it dropped, emptied, wrote anew or changed; then that is undone, the tables are locked against writers, what would be
 * lost is written to files, and the file is run again. All in the migration's one transaction, with its owner's rights.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Answer, denied, granted, type StepContext } from '@headgate/execution';
import pg from 'pg';
import { syncFolder, writeDurably } from '../../machine/durable-file.ts';

/** Where what a way back takes away is kept, and what of. */
export interface KeepLost {
  /** The store's folder for it. */
  readonly dir: string;
  readonly store: string;
  readonly migration: string;
  readonly file: { readonly name: string; readonly digest: string };
  readonly from: number;
  readonly to: number;
}

interface Column {
  readonly n: number;
  readonly name: string;
  readonly type: string;
  readonly computed: boolean;
}

interface Table {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  /** Another one once the table was emptied by TRUNCATE, or written anew. */
  readonly node: string | null;
  /** Rows that this transaction deleted or updated. */
  readonly touched: string;
  /** Columns of its primary key, by number; null: it has none. */
  readonly key: readonly number[] | null;
  readonly columns: readonly Column[] | null;
}

interface Lost {
  readonly table: Table;
  readonly why: 'dropped' | 'columns' | 'rows';
  /** What is kept of each row. */
  readonly columns: readonly Column[];
  /** Only rows that have a value in one of these are kept; empty: every row. */
  readonly valued: readonly Column[];
}

const TABLES = `select c.oid::text as oid, n.nspname as schema, c.relname as name,
    pg_catalog.pg_relation_filenode(c.oid)::text as node,
    (pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) + pg_catalog.pg_stat_get_xact_tuples_updated(c.oid))::text as touched,
    (select pg_catalog.array_agg(k.n::int) from pg_catalog.pg_index i, pg_catalog.unnest(i.indkey::pg_catalog.int2[]) as k(n)
      where i.indrelid = c.oid and i.indisprimary) as key,
    (select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('n', a.attnum, 'name', a.attname,
        'type', a.atttypid::pg_catalog.text || ':' || a.atttypmod, 'computed', a.attgenerated <> '') order by a.attnum)
      from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and c.relpersistence <> 't'
    and n.nspname not in ('headgate', 'information_schema') and n.nspname !~ '^pg_'
  order by n.nspname, c.relname`;

/** Rows that are read, and written, at a time: few, since each may be large. */
const BATCH = 50;

/**
 * Runs the file by `run`, in the caller's transaction, having kept what it takes away. Answers where that lies; undefined: it
 * took nothing away. What can't be kept is a refusal, and the caller's transaction is over.
 */
export async function runKeeping(
  client: pg.ClientBase,
  run: () => Promise<unknown>,
  keep: KeepLost,
  ctx: StepContext,
): Promise<Answer<string | undefined>> {
  // Without counts nobody could tell what was changed.
  const { rows } = await client.query<{ on: string }>(`select pg_catalog.current_setting('track_counts') as on`);
  if (rows[0]?.on !== 'on')
    return denied('rejected', 'what a way back changes can’t be seen while track_counts is off');
  const before = await tablesOf(client);
  await client.query('savepoint headgate_keep');
  await run();
  const lost = lostBetween(before, await tablesOf(client));
  if (lost.length === 0) {
    await client.query('release savepoint headgate_keep');
    return granted(undefined);
  }
  await client.query('rollback to savepoint headgate_keep');
  // Until the commit nobody writes what would be lost unkept; who reads goes on.
  const named = lost.map(({ table }) => `only ${tableSql(table)}`).join(', ');
  await client.query(`lock table ${named} in share row exclusive mode`);
  const kept = await keepAll(client, lost, keep, ctx);
  if (!kept.ok) return kept;
  const again = await tablesOf(client);
  await run();
  const more = lostBetween(again, await tablesOf(client)).find((each) => !covers(lost, each));
  if (more === undefined) return kept;
  return denied('transient', `others wrote into ${more.table.name} while what the way back takes away was kept`);
}

/** Whether what is lost now was kept before: between the two others may have written into tables that lost nothing at first. */
function covers(kept: readonly Lost[], { table, why, columns }: Lost): boolean {
  const before = kept.find((each) => each.table.oid === table.oid);
  if (before === undefined) return false;
  return before.why === why ? before.columns.length >= columns.length : before.valued.length === 0;
}

async function tablesOf(client: pg.ClientBase): Promise<readonly Table[]> {
  return (await client.query<Table>(TABLES)).rows;
}

/** What is gone or changed of tables that were there before. */
function lostBetween(before: readonly Table[], after: readonly Table[]): readonly Lost[] {
  const now = new Map(after.map((table) => [table.oid, table]));
  return before.flatMap((table): readonly Lost[] => {
    const columns = table.columns ?? [];
    const is = now.get(table.oid);
    if (is === undefined) return [{ table, why: 'dropped', columns, valued: [] }];
    if (is.node !== table.node || is.touched !== table.touched) return [{ table, why: 'rows', columns, valued: [] }];
    const gone = columns.filter(
      ({ n, type, computed }) => !computed && is.columns?.some((each) => each.n === n && each.type === type) !== true,
    );
    if (gone.length === 0) return [];
    // By its key each value finds its row again; a table without one is kept whole.
    const { key } = table;
    if (key === null) return [{ table, why: 'columns', columns, valued: gone }];
    return [
      { table, why: 'columns', columns: columns.filter((c) => key.includes(c.n) || gone.includes(c)), valued: gone },
    ];
  });
}

async function keepAll(
  client: pg.ClientBase,
  lost: readonly Lost[],
  keep: KeepLost,
  ctx: StepContext,
): Promise<Answer<string>> {
  // The same for every attempt at this step: what one that didn't commit left is replaced.
  const name = `${ctx.rollout}.${ctx.step}.schema-${keep.to}`.replace(/[^\w.-]/g, '_').slice(-200);
  const dir = join(keep.dir, name);
  const partial = `${dir}.partial`;
  try {
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true, mode: 0o700 });
    // Rows that a policy hides from their owner would be lost unkept: that is an error instead.
    await client.query('set local row_security = off');
    const tables: object[] = [];
    const told: string[] = [];
    for (const [i, each] of lost.entries()) {
      const file = `${i + 1}.jsonl`;
      const written = await writeRows(client, each, join(partial, file), ctx);
      if (written === undefined) {
        await rm(partial, { recursive: true, force: true });
        return denied('expired', 'the time ran out while what the way back takes away was kept');
      }
      const { schema, name: table } = each.table;
      const columns = each.columns.map((column) => column.name);
      tables.push({ schema, table, why: each.why, columns, file, ...written });
      told.push(`${schema}.${table} (${written.rows} ${written.rows === 1 ? 'row' : 'rows'})`);
    }
    await client.query('set local row_security = on');
    const { dir: _dir, ...about } = keep;
    const { cell, environment, application, rollout, step } = ctx;
    const head = {
      v: 1,
      application,
      environment,
      cell,
      rollout,
      step,
      ...about,
      at: new Date().toISOString(),
      tables,
    };
    await writeDurably(join(partial, 'taken-back.json'), `${JSON.stringify(head, null, 2)}\n`, 0o600);
    await rm(dir, { recursive: true, force: true });
    await rename(partial, dir);
    await syncFolder(dirname(dir));
    ctx.log(
      `store ${keep.store}: what ${keep.file.name} takes away is kept in ${dir}: ${told.slice(0, 20).join(', ')}`,
    );
    return granted(dir);
  } catch (error) {
    await rm(partial, { recursive: true, force: true }).catch(() => {});
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    return denied('transient', `what ${keep.file.name} takes away can’t be kept in ${keep.dir}: ${code ?? syscall}`);
  }
}

/** One row a line, as PostgreSQL's own JSON of it. Undefined: the time ran out. */
async function writeRows(
  client: pg.ClientBase,
  { table, columns, valued }: Lost,
  path: string,
  ctx: StepContext,
): Promise<{ readonly rows: number; readonly sha256: string } | undefined> {
  const names = columns.map(({ name }) => `t.${pg.escapeIdentifier(name)}`).join(', ');
  const some = valued.map(({ name }) => `t.${pg.escapeIdentifier(name)} is not null`).join(' or ');
  const where = some === '' ? '' : ` where ${some}`;
  await client.query(
    `declare headgate_kept no scroll cursor for
     select pg_catalog.row_to_json(k)::pg_catalog.text as line from (select ${names} from only ${tableSql(table)} t${where}) k`,
  );
  const file = await open(path, 'wx', 0o600);
  const hash = createHash('sha256');
  let count = 0;
  try {
    for (;;) {
      if (ctx.signal.aborted || ctx.remainingMs() <= 0) return undefined;
      const { rows } = await client.query<{ line: string }>(`fetch ${BATCH} from headgate_kept`);
      if (rows.length === 0) break;
      const text = rows.map(({ line }) => `${line}\n`).join('');
      hash.update(text);
      await file.writeFile(text);
      count += rows.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await client.query('close headgate_kept');
  return { rows: count, sha256: hash.digest('hex') };
}

function tableSql({ schema, name }: Table): string {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
}
