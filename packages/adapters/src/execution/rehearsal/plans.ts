/** The plans that a server makes for an application's heaviest statements, without running them. */
import type { PlanRead, StatementPlan } from '@headgate/domain/rehearsal/plan-change';
import { loadParser } from '@headgate/migrations';
import { statementsOf } from '@headgate/migrations/parse/statements';
import pg from 'pg';

/** Most statements that are planned. */
export const MOST_STATEMENTS = 100;

/** Kinds that the server plans. */
const PLANNED = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);

/** Statements of a text, as pg_stat_statements or a person wrote them, with $1 for values. What isn't planned is left out. */
export async function heavyStatements(text: string): Promise<readonly string[]> {
  await loadParser();
  return statementsOf(text)
    .filter(({ node }) => node !== undefined && Object.keys(node).some((kind) => PLANNED.has(kind)))
    .map((each) => each.text)
    .slice(0, MOST_STATEMENTS);
}

/**
 * The statements that took longest in all, from the database that they ran in; undefined: it doesn't keep them, or doesn't
 * show them to us.
 */
export async function heaviestIn(client: pg.ClientBase): Promise<readonly string[] | undefined> {
  const { rows: there } = await client.query<{ view: string | null }>(
    `select (select quote_ident(n.nspname) || '.pg_stat_statements' from pg_extension e join pg_namespace n on n.oid = e.extnamespace
      where extname = 'pg_stat_statements') as view`,
  );
  const view = there[0]?.view;
  if (view === undefined || view === null) return undefined;
  try {
    const { rows } = await client.query<{ query: string }>(
      `select query from ${view} where dbid = (select oid from pg_database where datname = current_database())
         and query <> '<insufficient privilege>' and toplevel
       order by total_exec_time desc limit $1`,
      [MOST_STATEMENTS * 2],
    );
    const found: string[] = [];
    for (const { query } of rows) found.push(...(await heavyStatements(query)).slice(0, 1));
    return found.slice(0, MOST_STATEMENTS);
  } catch (error) {
    // Not loaded by the server (55000), an older form of the view (42703), or not ours to see (42501).
    if (error instanceof pg.DatabaseError && ['55000', '42703', '42501'].includes(error.code ?? '')) return undefined;
    throw error;
  }
}

interface PlanNode {
  readonly 'Node Type'?: string;
  readonly Schema?: string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Total Cost'?: number;
  readonly Plans?: readonly PlanNode[];
}

/**
 * Plans each in a transaction that is taken back. Values stay unknown (a generic plan), as a prepared statement's are: so
 * the same statement is planned alike before and after.
 */
export async function plansOf(client: pg.ClientBase, statements: readonly string[]): Promise<readonly StatementPlan[]> {
  const plans: StatementPlan[] = [];
  for (const text of statements) {
    await client.query('begin read only');
    try {
      await client.query(`set local plan_cache_mode = force_generic_plan; set local statement_timeout = 10000`);
      await client.query(`prepare headgate_planned as ${text}`);
      const { rows: known } = await client.query<{ count: number }>(
        `select coalesce(array_length(parameter_types, 1), 0) as count from pg_prepared_statements where name = 'headgate_planned'`,
      );
      const count = known[0]?.count ?? 0;
      const values = count === 0 ? '' : `(${Array.from({ length: count }, () => 'null').join(', ')})`;
      const { rows } = await client.query<{ 'QUERY PLAN': readonly { readonly Plan: PlanNode }[] }>(
        `explain (format json, verbose) execute headgate_planned${values}`,
      );
      const plan = rows[0]?.['QUERY PLAN'][0]?.Plan;
      if (plan === undefined) throw new Error('the server explained nothing');
      plans.push({ ok: true, cost: plan['Total Cost'] ?? 0, reads: readsOf(plan) });
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      // Of class 42 alone the message speaks of names; others may quote a value.
      const why = /^42/.test(error.code ?? '') ? error.message.slice(0, 200) : 'the server doesn’t plan it';
      plans.push({ ok: false, code: error.code ?? '', why });
    } finally {
      await client.query('rollback');
      await client.query('deallocate all');
    }
  }
  return plans;
}

/** Relations as they are read anywhere in a plan. */
function readsOf(plan: PlanNode): readonly PlanRead[] {
  const reads: PlanRead[] = [];
  const walk = (node: PlanNode, relation: string | undefined): void => {
    const name = node['Relation Name'];
    const own = name === undefined ? relation : planName(node.Schema ?? 'public', name);
    const kind = node['Node Type'] ?? '';
    const index = node['Index Name'];
    if (own !== undefined && kind === 'Seq Scan') reads.push({ relation: own, how: 'sequential', index: undefined });
    // An index below a bitmap scan stands without its table, which the node above has named.
    if (own !== undefined && index !== undefined) reads.push({ relation: own, how: 'index', index });
    for (const child of node.Plans ?? [])
      walk(child, kind === 'Bitmap Heap Scan' || kind.startsWith('Bitmap') ? own : undefined);
  };
  walk(plan, undefined);
  return reads;
}

/** A relation's name as it stands in what we make of a plan. */
export function planName(schema: string, name: string): string {
  const quoted = (part: string): string => (/^[a-z_][a-z0-9_]*$/.test(part) ? part : pg.escapeIdentifier(part));
  return `${quoted(schema)}.${quoted(name)}`;
}
