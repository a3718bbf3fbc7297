import {
  type ReconciliationContent,
  reconciliation as reconciliationKind,
} from '@headgate/documents/kinds/reconciliation';
import type { Effect } from '@headgate/domain';
import {
  type Answer,
  type Comparison,
  type Difference,
  denied,
  granted,
  type LedgerSides,
  type Looking,
  type Mended,
  type StepContext,
} from '@headgate/execution';
import type pg from 'pg';
import { z } from 'zod';
import { withClient } from '../../postgres-cluster/database.ts';
import { sqlRefusal } from '../sql-migrator/sql-refusal.ts';
import { controlConnection, ownersConnection, raiseFence, type Store } from '../store/store-session.ts';
import { classify } from './classify.ts';
import { missingColumns } from './left-columns.ts';
import { type Connection, type Row, readRightSide, type TenantRow } from './right-side.ts';
import { valuesOf } from './rule-values.ts';

/** How long a statement waits for a lock. Milliseconds. */
const LOCK_WAIT_MS = 5_000;

type Spec = ReconciliationContent['spec'];

/** The sides of one cell: its stores on the left, other systems by the agent's name for them on the right. */
export class StoreAndHttpSides implements LedgerSides {
  private readonly stores: ReadonlyMap<string, Store>;
  private readonly connections: Readonly<Record<string, Connection>>;
  private readonly storeOf: ReadonlyMap<string, string>;

  /** `storeOf`: store by tenant, for all tenants of the cell. */
  constructor(
    stores: ReadonlyMap<string, Store>,
    connections: Readonly<Record<string, Connection>>,
    storeOf: ReadonlyMap<string, string>,
  ) {
    this.stores = stores;
    this.connections = connections;
    this.storeOf = storeOf;
  }

  settleMs(reconciliation: unknown): number {
    return read(reconciliation).settleMs;
  }

  async compare(reconciliation: unknown, store: string, tenants: readonly string[], ctx: Looking): Promise<Comparison> {
    const spec = read(reconciliation);
    const { right, asked } = spec;
    const connection = this.connection(right.connection);
    const other = asked && this.connection(asked.connection);
    // A step names the cell's tenants; those of another store are another comparison.
    const here = tenants.filter((tenant) => this.storeOf.get(tenant) === store);
    // What was asked for is read first: what is done meanwhile is then no reason to say that it never happened.
    const wanted = asked && other ? await readRightSide(asked, undefined, other, here, ctx.signal) : [];
    const [ours, theirs] = await Promise.all([
      this.readLeft(spec, store, here, ctx),
      readRightSide(right, spec.tenant.right, connection, here, ctx.signal),
    ]);
    return classify(spec, { left: ours, right: theirs, asked: wanted });
  }

  async apply(
    reconciliation: unknown,
    store: string,
    differences: readonly Difference[],
    ctx: Looking & Pick<StepContext, 'cell' | 'fence'>,
  ): Promise<Answer<Mended>> {
    const spec = read(reconciliation);
    const leftMs = Math.max(1, Math.floor(ctx.remainingMs()));
    // The fence's row stays locked while the application's login works: no later decision comes between the two.
    return withClient(await controlConnection(this.find(store)), async (fence) => {
      await fence.query(`set lock_timeout = ${Math.min(LOCK_WAIT_MS, leftMs)}`);
      await fence.query('begin');
      if (!(await raiseFence(fence, ctx)))
        return denied('fenced', `the store ${store} has seen a later decision than this one`);
      const answer = await this.asOwner(store, ctx, 'read write', (client) => applyRules(client, spec, differences));
      await fence.query(answer.ok ? 'commit' : 'rollback');
      return answer;
    });
  }

  private async readLeft(spec: Spec, store: string, tenants: readonly string[], ctx: Looking): Promise<TenantRow[]> {
    const answer = await this.asOwner(store, ctx, 'read only', async (client) => {
      const { rows, fields } = await client.query<Row>(spec.left.sql, [tenants]);
      const names = fields.map(({ name }) => name);
      const missing = missingColumns(spec, names);
      if (missing.length > 0)
        throw new Error(
          `The left side's query gives no column ${missing.join(', ')}, by which the document goes; it gives ${names.join(', ')}`,
        );
      return granted(rows);
    });
    if (!answer.ok) throw new Error(`The left side of the reconciliation can't be read: ${answer.why}`);
    const asked = new Set(tenants);
    return answer.value.map((row) => {
      const tenant = row[spec.tenant.left];
      if (typeof tenant !== 'string' || !asked.has(tenant))
        throw new Error(`The left side has a fact of no tenant that was asked for`);
      return { tenant, row };
    });
  }

  /**
   * One transaction of the application's own login, bounded by the time that is left. A login of its own, since the
   * statements come from a document: a superuser's session that only took on the role would give it back on demand.
   */
  private async asOwner<T>(
    name: string,
    ctx: Looking,
    mode: 'read only' | 'read write',
    work: (client: pg.Client) => Promise<Answer<T>>,
  ): Promise<Answer<T>> {
    const store = this.find(name);
    const leftMs = Math.max(1, Math.floor(ctx.remainingMs()));
    return withClient(await ownersConnection(store), async (client) => {
      await client.query(`set statement_timeout = ${leftMs}`);
      await client.query(`set lock_timeout = ${Math.min(LOCK_WAIT_MS, leftMs)}`);
      await client.query(`begin ${mode}`);
      try {
        const answer = await work(client);
        await client.query(answer.ok ? 'commit' : 'rollback');
        return answer;
      } catch (error) {
        await client.query('rollback').catch(() => {});
        const refusal = sqlRefusal(error);
        if (!refusal) throw error;
        return refusal;
      }
    });
  }

  private connection(name: string): Connection {
    const connection = Object.hasOwn(this.connections, name) ? this.connections[name] : undefined;
    if (!connection) throw new Error(`This cell's configuration has no connection named ${name}`);
    return connection;
  }

  private find(name: string): Store {
    const store = this.stores.get(name);
    if (!store) throw new Error(`There is no store ${name} in this cell`);
    return store;
  }
}

const COUNTED: Readonly<Record<Effect, keyof Mended>> = {
  replay: 'replayed',
  acknowledge: 'acknowledged',
  cancel: 'cancelled',
  'post-difference': 'posted',
};

async function applyRules(client: pg.Client, spec: Spec, differences: readonly Difference[]): Promise<Answer<Mended>> {
  const counts = { replayed: 0, acknowledged: 0, cancelled: 0, posted: 0 };
  for (const difference of differences) {
    const action = spec.rules.find((rule) => rule.name === difference.rule)?.do;
    if (!action) continue;
    const { rowCount } = await client.query(action.sql, [...valuesOf(action, difference)]);
    if ((rowCount ?? 0) === 0) continue; // somebody was quicker, or an earlier attempt of ours
    counts[COUNTED[action.effect]]++;
  }
  return granted(counts);
}

function read(reconciliation: unknown): Spec {
  const parsed = reconciliationKind.document.safeParse(reconciliation);
  if (!parsed.success)
    throw new Error(`The reconciliation isn't one: ${z.prettifyError(parsed.error).slice(0, 1_000)}`);
  return (parsed.data as ReconciliationContent).spec;
}
