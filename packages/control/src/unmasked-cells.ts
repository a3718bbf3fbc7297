import { movedTenants, type Plan, type PolicySpec, type Refusal } from '@headgate/domain';
import { unmaskedStores } from '@headgate/domain/masking/copy';
import { loadDeclared } from './documents-in-store.ts';
import type { ControlStore, Read, Row, StreamId } from './ports/store.ts';
import { type CellRecord, type DocumentRecord, streams } from './records.ts';

/** An agent tells what stays the same each five minutes (what changes, at once): one that was silent for longer may know better. */
const SEEN_WITHIN_MS = 360_000;

export interface UnmaskedCells {
  readonly refusals: readonly Refusal[];
  /** The rows that say so. */
  readonly reads: readonly Read[];
}

/**
 * The stores of a plan that may not be promoted to, as they were seen lately, where the policy in force asks for masked copies:
 * asked before each wave, since a store may be exchanged while a promotion waits. `rows`: the environment's and its policy's.
 */
export async function unmaskedCells(
  store: ControlStore,
  plan: Plan,
  rows: ReadonlyMap<StreamId, Row>,
  now: number,
): Promise<UnmaskedCells> {
  const specOf = <S>(stream: StreamId) => (rows.get(stream)?.state as DocumentRecord<S> | undefined)?.spec;
  const named = specOf<{ policy: string }>(streams.document('Environment', plan.environment))?.policy;
  const policy = named === undefined ? undefined : specOf<PolicySpec>(streams.document('Policy', named));
  if (policy?.maskedCopies !== 'required') return { refusals: [], reads: [] };
  const found = await loadDeclared(store, plan.application, plan.environment);
  // Of an application that isn't declared any more nobody knows who lives where: all of it counts.
  const own = found.ok && found.declared.application.tenancy === 'store-per-tenant';
  const cells = await store.load(plan.cells.map(({ cell }) => streams.cell(cell)));
  const refusals = plan.cells.flatMap((cell) => {
    const stream = streams.cell(cell.cell);
    const observed = (cells.get(stream)?.state as CellRecord | undefined)?.observed;
    if (observed === undefined || now - observed.at > SEEN_WITHIN_MS) return [unseen(stream)];
    const moved = movedTenants(cell, cell.steps.length).flatMap((name) => cell.base.tenants[name]?.store ?? []);
    const stores = own ? [...new Set(moved)] : Object.keys(cell.base.stores);
    return unmaskedStores(stores, observed.state, policy).map((each) => ({
      ...each,
      where: `${stream}/${each.where}`,
    }));
  });
  const reads = plan.cells.map(({ cell }) => {
    const stream = streams.cell(cell);
    return { stream, version: cells.get(stream)?.version ?? 0 };
  });
  return { refusals, reads };
}

function unseen(where: StreamId): Refusal {
  return {
    code: 'stale-observation',
    what: 'open a wave',
    where,
    why: 'the policy asks for masked copies, and nobody has looked at it lately',
    unblock: 'see that its agent runs, and wait for its next observation',
  };
}
