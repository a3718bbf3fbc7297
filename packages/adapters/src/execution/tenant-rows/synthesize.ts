/**
 * Makes tenants up in a masked copy: one tenant's rows, as many times as is asked, under new names and new keys. The database
 * writes them by itself, a statement for each table, all in one transaction; they are counted before it is committed.
 */
import {
  numberedColumns,
  planSynthesis,
  type Refusal,
  type RowsCatalogue,
  type RowsColumnId,
  refused,
  type SynthesisPlan,
  type TenantRowsSpec,
  type TenantTable,
  tenantValue,
} from '@headgate/domain';
import { copyMayBeAttached } from '@headgate/domain/masking/copy';
import type { RuleRefusal } from '@headgate/domain/masking/rule';
import { named } from '@headgate/domain/plan/render-words';
import type pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import { copyFacts } from '../masking/copy-mark.ts';
import { readRowsCatalogue } from './read-rows-catalogue.ts';
import { settle } from './rows-client.ts';
import { meanTenant } from './rows-sql.ts';
import {
  analyzeSql,
  hasRowsSql,
  indexesSql,
  lockSql,
  madeSql,
  type NumberFacts,
  outsideSql,
  rangeSql,
  sequenceSql,
} from './synthesis-sql.ts';
import { sumRows } from './tenant-side.ts';
import { triggersOffOf } from './triggers.ts';

const WHAT = 'making a tenant up';
/** Rows that one run makes at most: above that a copy of this machine's size is no load test's any more. */
export const MOST_MADE_ROWS = 200_000_000;
/** Waiting for whoever else works in the copy. Milliseconds. */
const LOCK_MS = 10_000;

export interface SynthesisAsk {
  /** A masked copy, with the rights of its tables' owner. */
  readonly database: pg.ClientConfig;
  readonly rules: TenantRowsSpec;
  /** Whose rows are taken. */
  readonly like: string;
  /** Who is made up, each of the same size. */
  readonly as: readonly string[];
  /** How often each row is made, in each of them; 1 or more. */
  readonly times: number;
  /** Says what would be made, and makes nothing. */
  readonly plan: boolean;
}

export interface MadeRows {
  readonly table: string;
  /** Of the tenant whose rows were taken. */
  readonly rows: number;
  /** Of each tenant that was made up. */
  readonly made: number;
  readonly once: boolean;
}

export type SynthesisOutcome =
  | { readonly ok: true; readonly tables: readonly MadeRows[]; readonly shared: readonly string[] }
  | { readonly ok: false; readonly refusals: readonly (Refusal | RuleRefusal)[] };

/** Throws what the database says; then nothing was made. */
export async function synthesizeTenants(ask: SynthesisAsk): Promise<SynthesisOutcome> {
  return withClient({ ...ask.database, application_name: 'headgate synthesize' }, async (client) => {
    // Made-up rows of rows that are somebody's would be more of somebody's.
    const verdict = copyMayBeAttached(await copyFacts(client), { maskedCopies: 'required' });
    if (!verdict.ok) return { ok: false, refusals: [{ ...verdict.refusal, what: WHAT }] };
    await settle(client, { lock_timeout: LOCK_MS });
    await client.query('begin');
    try {
      const outcome = await withinTransaction(client, ask);
      await client.query(outcome.ok && !ask.plan ? 'commit' : 'rollback');
      if (outcome.ok && !ask.plan) await afterwards(client, outcome.tables);
      return outcome;
    } catch (error) {
      await client.query('rollback').catch(() => {}); // a session that broke is told by the error itself
      throw error;
    }
  });
}

async function withinTransaction(client: pg.Client, ask: SynthesisAsk): Promise<SynthesisOutcome> {
  if (ask.rules.schemas !== undefined)
    return no(
      wrong(
        'schema-per-tenant',
        ask.like,
        'the rules give each tenant a schema of its own, and tenants are made up in shared tables alone',
        'copy the schema: pg_dump --schema, with its name changed',
      ),
    );
  const catalogue = await withOddIndexes(client, await readRowsCatalogue(client));
  const planned = planSynthesis(ask.rules.rules, catalogue);
  if (!planned.ok) return planned;
  const { plan } = planned;
  const tables = plan.tables.map(({ table }) => table);
  const byName = new Map(tables.map((table) => [table.table, table]));
  const value = tenantValue(ask.rules, ask.like);
  const misfit = await misfits(client, tables, [ask.like, ...ask.as], ask.rules);
  if (misfit !== undefined) return no(misfit);
  for (const { table } of tables) await client.query(lockSql(table));
  await meanTenant(client, value);
  const counts = new Map<string, Awaited<ReturnType<typeof sumRows>>>();
  for (const table of tables) counts.set(table.table, await sumRows(client, table, byName));
  const rows = (table: string): number => counts.get(table)!.rows;
  if (tables.every(({ table }) => rows(table) === 0))
    return no(wrong('tenant-empty', ask.like, 'it has no row in any table that the rules name', 'name one that has'));
  const strange = await outside(client, tables, byName, catalogue, ask.like);
  if (strange.length > 0) return { ok: false, refusals: strange };
  const made = plan.tables.map(({ table: { table }, once }) => ({
    ...{ table, rows: rows(table), made: once ? rows(table) : rows(table) * ask.times, once },
  }));
  const all = made.reduce((sum, each) => sum + each.made, 0) * ask.as.length;
  if (all > MOST_MADE_ROWS) {
    const why = `it would be ${all.toLocaleString('en-US')} rows, and ${MOST_MADE_ROWS.toLocaleString('en-US')} are made at most`;
    return no(wrong('too-many-rows', ask.like, why, 'ask for fewer --times, or fewer tenants at once'));
  }
  for (const tenant of ask.as) {
    await meanTenant(client, tenantValue(ask.rules, tenant));
    for (const table of tables)
      if ((await client.query(hasRowsSql(table, byName))).rowCount !== 0)
        return no(
          wrong('tenant-there', tenant, `it has rows in ${table.table} already`, 'choose a name that nobody has'),
        );
  }
  if (!ask.plan) await make(client, ask, { plan, byName, catalogue, counts, made });
  return { ok: true, tables: made, shared: plan.shared };
}

interface Making {
  readonly plan: SynthesisPlan;
  readonly byName: ReadonlyMap<string, TenantTable>;
  readonly catalogue: RowsCatalogue;
  readonly counts: ReadonlyMap<string, Awaited<ReturnType<typeof sumRows>>>;
  readonly made: readonly MadeRows[];
}

async function make(client: pg.Client, ask: SynthesisAsk, making: Making): Promise<void> {
  const { plan, byName, catalogue, made } = making;
  const names = plan.tables.map(({ table }) => table.table);
  const triggersOn = await triggersOffOf(client, names, catalogue);
  await client.query('set constraints all deferred');
  const once = new Set(plan.tables.flatMap((each) => (each.once ? [each.table.table] : [])));
  for (const tenant of ask.as) {
    // Anew for each: the one before moved what is greatest.
    const numbers = await numbersOf(client, plan, byName, tenantValue(ask.rules, ask.like));
    const value = tenantValue(ask.rules, tenant);
    for (const [i, table] of plan.tables.entries()) {
      await meanTenant(client, tenantValue(ask.rules, ask.like));
      const { text, values } = madeSql(table, byName, { value, times: ask.times, once, numbers });
      const { rowCount } = await client.query(text, [...values]);
      if (rowCount !== made[i]!.made)
        throw new Error(`${made[i]!.table}: ${rowCount} rows were made, and not ${made[i]!.made}`);
    }
    await meanTenant(client, value);
    await expectMade(client, tenant, making);
  }
  await triggersOn();
}

/** Counts what the new tenant has by the rules, and adds up what the old one's adds up to: at the table itself. */
async function expectMade(client: pg.Client, tenant: string, { plan, byName, counts, made }: Making): Promise<void> {
  for (const [i, { table, columns }] of plan.tables.entries()) {
    const found = await sumRows(client, table, byName);
    const { rows, made: expected } = made[i]!;
    if (found.rows !== expected)
      throw new Error(`${tenant} has ${found.rows} rows in ${table.table} after they were made, and not ${expected}`);
    const before = counts.get(table.table)!.added;
    const kept = new Set(columns.flatMap(({ name, value }) => (value.make === 'keep' ? [name] : [])));
    for (const [at, name] of table.sums.entries()) {
      if (!kept.has(name) || rows === 0) continue;
      const { rows: same } = await client.query<{ same: boolean }>(
        'select coalesce($1::numeric = $2::numeric * $3, $1::numeric is null and $2::numeric is null) as same',
        [found.added[at], before[at], expected / rows],
      );
      if (same[0]?.same !== true)
        throw new Error(
          `${table.table}: ${name} of ${tenant} adds up to ${found.added[at]}, and not to ${expected / rows} times ${before[at]}`,
        );
    }
  }
}

async function numbersOf(
  client: pg.Client,
  plan: SynthesisPlan,
  byName: ReadonlyMap<string, TenantTable>,
  like: string,
): Promise<ReadonlyMap<string, NumberFacts>> {
  await meanTenant(client, like);
  const facts = new Map<string, NumberFacts>();
  for (const id of numberedColumns(plan)) {
    const { rows } = await client.query<NumberFacts>(rangeSql(id, byName));
    facts.set(keyOf(id), rows[0]!);
  }
  return facts;
}

/** References of the tenant's rows to rows that aren't its: in a copy they would lead to somebody else's, or nowhere. */
async function outside(
  client: pg.Client,
  tables: readonly TenantTable[],
  byName: ReadonlyMap<string, TenantTable>,
  { foreignKeys }: RowsCatalogue,
  like: string,
): Promise<readonly Refusal[]> {
  const found: Refusal[] = [];
  for (const key of foreignKeys) {
    const [from, to] = [tables.find(({ table }) => table === key.table), byName.get(key.references)];
    if (from === undefined || to === undefined) continue;
    const { rows } = await client.query<{ n: string }>(outsideSql(key, from, to, byName));
    const n = Number(rows[0]?.n);
    if (n === 0) continue;
    const why = `${n} ${n === 1 ? 'row' : 'rows'} of ${like} in ${key.table} (${named(key.columns)}) refer to rows of ${key.references} that aren’t ${like}’s`;
    found.push(wrong('outside-reference', key.table, why, 'correct the rules, or take another tenant'));
  }
  return found;
}

async function misfits(
  client: pg.Client,
  tables: readonly TenantTable[],
  tenants: readonly string[],
  rules: TenantRowsSpec,
): Promise<Refusal | undefined> {
  // The other way round, too: a type that cuts a name would make the rows of somebody of a shorter one.
  const types = new Map(
    tables.flatMap(({ table, belongs }) => (belongs.rows === 'tenant' ? [[belongs.type, table]] : [])),
  );
  for (const [type, table] of types)
    for (const tenant of tenants) {
      await client.query('savepoint fits');
      const fits = await client.query(`select $1::text::${type}::text = $1 as same`, [tenantValue(rules, tenant)]).then(
        ({ rows }) => rows[0]?.same === true,
        (error: { code?: string }) => {
          if (error.code?.startsWith('22') === true) return false;
          throw error;
        },
      );
      await client.query('rollback to savepoint fits');
      if (fits) continue;
      const why = `what stands for ${tenant} in tenant columns doesn’t fit the type ${type} of ${table}`;
      return wrong('value-unfit', table!, why, 'say in the rules what stands for it there: `values`');
    }
  return undefined;
}

/** Unique indexes of expressions and of parts of a table, by all columns that they look at. */
async function withOddIndexes(client: pg.Client, catalogue: RowsCatalogue): Promise<RowsCatalogue> {
  const { rows } = await client.query<{ table: string; name: string; columns: string[] }>(indexesSql);
  const tables = catalogue.tables.map((table) => {
    const own = rows.filter((index) => index.table === `${table.schema}.${table.name}`);
    return { ...table, unique: [...table.unique, ...own.map(({ name, columns }) => ({ name, columns }))] };
  });
  return { ...catalogue, tables };
}

/** Sequences go on behind what was made, and the planner knows of it. */
async function afterwards(client: pg.Client, tables: readonly MadeRows[]): Promise<void> {
  for (const { table } of tables) {
    await client.query(sequenceSql(table));
    await client.query(analyzeSql(table));
  }
}

export function keyOf({ table, column }: RowsColumnId): string {
  return `${table} ${column}`;
}

const no = (refusal: Refusal): SynthesisOutcome => ({ ok: false, refusals: [refusal] });
const wrong = (code: string, where: string, why: string, unblock: string): Refusal =>
  refused(code, WHAT, where, why, unblock).refusal;
