import {
  type AgentPins,
  type GateFacts,
  type Objection,
  objectionsToPlan,
  type Plan,
  type PrincipalId,
  type RestsOn,
  type ToldPins,
} from '@headgate/domain';
import { loadDeclared } from './documents-in-store.ts';
import type { ControlStore, Row, StreamId } from './ports/store.ts';
import { type CellRecord, type PrincipalRecord, streams } from './records.ts';

/** What the agent that looks at a cell told of its pins; undefined: nobody looks, or it is an agent that tells nothing. */
export function toldOf(cell: string, record: CellRecord | undefined): ToldPins | undefined {
  const { state, by, pins } = record?.observed ?? {};
  if (state === undefined || by === undefined || pins === undefined) return undefined;
  return { cell, environment: state.environment, agent: by, pins };
}

/**
 * What agents of a plan's cells would refuse it for, by what they told: of each cell the agent that looks at it. `rows` are
 * the cells'; the word of an agent that was revoked doesn't count.
 */
export async function objectionsTo(
  store: ControlStore,
  plan: Plan,
  rows: ReadonlyMap<StreamId, Row>,
  gates: GateFacts | undefined,
): Promise<readonly Objection[]> {
  const told = new Map<string, ToldPins>();
  for (const { cell } of plan.cells) {
    const own = toldOf(cell, rows.get(streams.cell(cell))?.state as CellRecord | undefined);
    if (own !== undefined) told.set(cell, own);
  }
  if (objectionsToPlan(plan, told, gates).length === 0) return [];
  // Asked only where something speaks against it: what is in force by now says how that is mended.
  const found = objectionsToPlan(plan, told, gates, await inForceNow(store, plan.application, plan.environment));
  const heard = await stillHeard(
    store,
    found.map(({ agent }) => agent),
  );
  return found.filter(({ agent }) => heard.has(agent));
}

/** What a promotion would rest on that were asked for now; undefined: what it takes isn't declared. */
export async function inForceNow(
  store: ControlStore,
  application: string,
  environment: string,
): Promise<RestsOn | undefined> {
  const found = await loadDeclared(store, application, environment);
  if (!found.ok || found.declared.environment.application !== application) return undefined;
  const { policyDigest, application: spec } = found.declared;
  const { verification, reconciliation } = spec;
  return { policyDigest, documents: reconciliation === undefined ? [verification] : [verification, reconciliation] };
}

/** Those of these agents that weren't revoked. */
export async function stillHeard(
  store: Pick<ControlStore, 'load'>,
  agents: readonly PrincipalId[],
): Promise<ReadonlySet<PrincipalId>> {
  const ids = [...new Set(agents)];
  const rows = await store.load(ids.map(streams.principal));
  const isHeard = (id: PrincipalId): boolean =>
    (rows.get(streams.principal(id))?.state as PrincipalRecord | undefined)?.revoked === false;
  return new Set(ids.filter(isHeard));
}

/** Pins as a row keeps them, whatever order they were told in. */
export function inOrder({ policyDigest, documents, signedApprovals }: AgentPins): AgentPins {
  return {
    ...(policyDigest !== undefined && { policyDigest }),
    ...(documents !== undefined && { documents: documents === 'many' ? documents : [...new Set(documents)].sort() }),
    ...(signedApprovals === true && { signedApprovals }),
  };
}
