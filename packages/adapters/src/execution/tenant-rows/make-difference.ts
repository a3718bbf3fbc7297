/** Makes a tenant's difference: the story in its order. Both sides are only read. */
import { digestOfJson } from '@headgate/documents';
import {
  type Digest,
  type FeedingSequence,
  isEqual,
  type OwnSchema,
  ownSchema,
  planTenantRows,
  type Refusal,
  type RowDifference,
  type RowsCatalogue,
  refused,
  sequencesToRaise,
  type TenantDifference,
  type TenantRowsPlan,
  type TenantRowsSpec,
  tenantValue,
} from '@headgate/domain';
import type { RuleRefusal } from '@headgate/domain/masking/rule';
import type { Store } from '../store/store-session.ts';
import { compareSides } from './compare-sides.ts';
import { type DifferenceLimits, DifferenceWriter } from './difference-writer.ts';
import { findOutside } from './outside.ts';
import { readRowsCatalogue } from './read-rows-catalogue.ts';
import { ComingNumbers, feedingSequences } from './sequences.ts';
import { openSide, sumRows, type TenantSide } from './tenant-side.ts';
import { valueRefusal } from './tenant-value.ts';

export interface DifferenceAsk {
  readonly of: Pick<TenantDifference, 'environment' | 'cell' | 'store' | 'tenant' | 'moment' | 'by'>;
  readonly rules: TenantRowsSpec & { readonly name: string; readonly digest: Digest };
  /** Names of the store's other tenants, and what stands for them by the rules. */
  readonly others: readonly string[];
  /** The store that serves, and the one that was recovered beside it. */
  readonly live: Store;
  readonly was: Store;
  /** Where the file will be. */
  readonly out: string;
  readonly limits?: DifferenceLimits;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

export type MadeDifference =
  | {
      readonly ok: true;
      readonly difference: TenantDifference;
      readonly digest: Digest;
      readonly examples: readonly RowDifference[];
      /** What stands in its way; then there is no file. */
      readonly outside: readonly Refusal[];
      /** Tables in which the tenant wrote while it was made: it can't be applied any more. */
      readonly writtenSince: readonly string[];
    }
  | { readonly ok: false; readonly refusals: readonly (Refusal | RuleRefusal)[] };

const WHAT = 'compare a tenant’s rows';
/** Of each kind, in each table. */
const EXAMPLES = 3;

/** Throws a `WrongDifference` above a limit, and what the database says otherwise. */
export async function makeDifference(ask: DifferenceAsk): Promise<MadeDifference> {
  const { of, rules } = ask;
  const value = tenantValue(rules, of.tenant);
  const named = rules.schemas && ownSchema(WHAT, rules.schemas, { tenant: of.tenant, value, others: ask.others });
  if (named?.ok === false) return { ok: false, refusals: [named.refusal] };
  const own = named?.own;
  const sides: TenantSide[] = [];
  try {
    // The recovered one first: what is written meanwhile is in the live one, and is a difference.
    const was = await openSide(ask.was, value);
    sides.push(was);
    const live = await openSide(ask.live, value);
    sides.push(live);
    const strange = otherStore(ask, live, was);
    if (strange !== undefined) return strange;
    const catalogue = await readRowsCatalogue(live.client, own?.others);
    const planned = planTenantRows(rules.rules, catalogue, await readRowsCatalogue(was.client, own?.others), own);
    if (!planned.ok) return planned;
    const misfit = await valueMisfit(ask, planned.plan, value);
    if (misfit !== undefined) return misfit;
    const feeding = own === undefined ? [] : await feedingSequences(live.client, own.name);
    return await written(ask, { value, own, plan: planned.plan, catalogue, feeding, live, was });
  } finally {
    await Promise.all(sides.map((side) => side.close()));
  }
}

interface Planned {
  readonly value: string;
  readonly own: OwnSchema | undefined;
  readonly plan: TenantRowsPlan;
  readonly catalogue: RowsCatalogue;
  readonly feeding: readonly FeedingSequence[];
  readonly live: TenantSide;
  readonly was: TenantSide;
}

async function written(ask: DifferenceAsk, planned: Planned): Promise<MadeDifference> {
  const { of, rules, out, limits, now, signal } = ask;
  const { value, own, plan, catalogue, feeding, live, was } = planned;
  const { shared } = plan;
  const coming = new ComingNumbers(plan.tables, feeding);
  const writer = await DifferenceWriter.open(out, limits);
  const examples: RowDifference[] = [];
  const kept = new Map<string, number>();
  try {
    const tables = await compareSides(
      plan.tables,
      live,
      was,
      async (row) => {
        const key = `${row.table} ${row.kind}`;
        const count = (kept.get(key) ?? 0) + 1;
        kept.set(key, count);
        if (count <= EXAMPLES) examples.push(row);
        coming.add(row);
        await writer.add(row);
      },
      signal,
    );
    const outside = await findOutside({ tables, catalogue, tenant: of.tenant, live, was }, writer.rows(tables));
    const { name, digest } = rules;
    const raised = sequencesToRaise(feeding, (table, column) => coming.of(table, column));
    const ended = await writer.end({
      ...(own !== undefined && { schemas: { named: own.named, others: own.others } }),
      ...(raised.length > 0 && { sequences: raised }),
      ...{ ...of, value, rules: { name, digest }, live: live.facts, was: was.facts },
      ...{ schema: schemaOf(catalogue), tables, shared, madeAt: now(), undoes: null },
    });
    if (outside.length > 0) await writer.remove();
    return { ok: true, ...ended, examples, outside, writtenSince: await writtenSince(ask.live, ended.difference) };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/** Read again: the comparison saw one moment, and may have taken long. */
async function writtenSince(store: Store, { value, tables }: TenantDifference): Promise<readonly string[]> {
  const now = await openSide(store, value);
  try {
    const byName = new Map(tables.map((table) => [table.table, table]));
    const written: string[] = [];
    for (const table of tables)
      if (!isEqual(table.live, await sumRows(now.client, table, byName))) written.push(table.table);
    return written;
  } finally {
    await now.close();
  }
}

/** What a store's tables are like, as a name: applying stands on it. */
export function schemaOf(catalogue: RowsCatalogue): Digest {
  return digestOfJson(catalogue);
}

/** Why the two aren't one store at two moments. */
function otherStore({ of }: DifferenceAsk, live: TenantSide, was: TenantSide): MadeDifference | undefined {
  const [system] = live.facts.database.split('/');
  if (was.facts.database.startsWith(`${system}/`)) return undefined;
  const why = `the recovered store is of another cluster (${was.facts.database}) than the live one (${live.facts.database})`;
  const { refusal } = refused(
    'other-store',
    WHAT,
    `${of.cell}/${of.store}`,
    why,
    'recover this store: `headgate-agent recover --config FILE --store STORE --to DIR`',
  );
  return { ok: false, refusals: [refusal] };
}

async function valueMisfit(
  { of: { tenant }, live: store, others }: DifferenceAsk,
  { tables }: TenantRowsPlan,
  value: string,
): Promise<MadeDifference | undefined> {
  // In a session of its own: what doesn't fit would end the comparison's transaction.
  const asking = await openSide(store, value);
  try {
    await asking.client.query('rollback');
    const refusal = await valueRefusal(asking.client, tables, {
      ...{ what: WHAT, tenant, value, others },
    });
    return refusal && { ok: false, refusals: [refusal] };
  } finally {
    await asking.close();
  }
}
