import { type AgentPins, type CellState, driftOf, type Principal, withoutDrift } from '@headgate/domain';
import { inOrder } from '../agent-pins.ts';
import type { Deps } from '../deps.ts';
import type { Row } from '../ports/store.ts';
import {
  type CellRecord,
  type DocumentRecord,
  environmentOf,
  MOST_NAMED_STORES,
  shapeInEntry,
  streams,
} from '../records.ts';
import { no, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';
import { placeOfUndeclared } from './undeclared-cells.ts';

/** An unchanged observation is news again after this, so that hypercare knows that somebody still looks. Milliseconds. */
const REFRESH_MS = 300_000;
/** How often the word of one agent takes the place of another's, in one cell. Milliseconds. */
const BY_TURNS_MS = 60_000;

/**
 * An agent says what it sees in a cell. It changes what is observed, never what is desired, but for two things: the rings of its
 * tenants, which the cell's file says; and where a rollout ended uncertain, the observation settles what became of the cell. `told`: what it says that it holds for the environment.
 */
export async function observeCell(
  deps: Deps,
  agent: Principal,
  seen: CellState,
  told?: AgentPins,
): Promise<Result<CellRecord>> {
  const stream = streams.cell(seen.cell);
  const denied = notPermitted(agent, 'carry-out', stream);
  if (denied !== undefined) return no(denied);
  if (!(agent.environments ?? []).includes(seen.environment))
    return refuse(
      'not-yours',
      'observe a cell',
      stream,
      `agent ${agent.id} is enrolled for ${(agent.environments ?? []).join(', ')}`,
      'enrol it for this environment',
    );
  const declaration = streams.document('Cell', seen.cell);
  const pins = told && inOrder(told);
  const pinned = pins && deps.digestOf(pins);
  return untilFresh('observe a cell', stream, async () => {
    const rows = await deps.store.load([stream, declaration]);
    const row = rows.get(stream) as Row<CellRecord> | undefined;
    const now = await deps.store.now();
    const before = row?.state;
    // Whose cell it is stands in the declaration, not in what an agent says: or one of staging could speak for production.
    const own = environmentOf(before, rows.get(declaration)?.state as DocumentRecord | undefined);
    if (own !== undefined && own !== seen.environment)
      return refuse(
        'not-yours',
        'observe a cell',
        stream,
        `it is a cell of ${own}, the observation says ${seen.environment}`,
        'correct agent.yaml, or the Cell document',
      );
    const digest = deps.digestOf(seen);
    const last = before?.observed;
    const drifted = driftOf(seen).map(({ store }) => store);
    // What somebody made by hand is never taken for what should be.
    const still = before?.uncertain === true && now >= (before.restlessUntil ?? 0) && drifted.length === 0;
    // While a rollout holds the cell, what is seen is its work half done.
    const moved = before?.desired === undefined ? undefined : withRingsOf(before.desired, seen);
    const free = (still || moved !== undefined) && (await deps.store.holder(stream)) === undefined;
    const settles = still && free;
    const ringed = free ? moved : undefined;
    const heldBefore = last?.pins && deps.digestOf(last.pins);
    // Another agent's word is another word, though it be the same: the one before may be revoked. Of two that look by turns
    // each look would be an entry, so there is one a minute at most.
    const another = last !== undefined && last.by !== agent.id;
    const differs = heldBefore !== pinned || (another && pinned !== undefined);
    const tellsNew = differs && !(another && now - last.at < BY_TURNS_MS);
    if (
      !settles &&
      ringed === undefined &&
      last !== undefined &&
      now - last.at < REFRESH_MS &&
      !tellsNew &&
      deps.digestOf(last.state) === digest
    )
      return ok(before as CellRecord);
    const observed = { state: seen, at: now, by: agent.id, ...(pins !== undefined && { pins }) };
    const { restlessUntil: _over, ...rest } = before ?? {};
    const next: CellRecord = settles
      ? { ...rest, desired: withoutDrift(seen), uncertain: false, observed }
      : {
          ...before,
          uncertain: before?.uncertain ?? false,
          observed,
          ...(ringed !== undefined && { desired: ringed.state }),
        };
    const data = {
      digest,
      ...shapeInEntry(seen),
      tenants: Object.keys(seen.tenants).length,
      settles,
      ...(ringed !== undefined && { rings: ringed.tenants.slice(0, MOST_NAMED_STORES) }),
      // Named, so that the log says since when; how each differs stands in the row.
      ...(pinned !== undefined && { pins: pinned }),
      // In full when it changes alone.
      ...(tellsNew && pins !== undefined && { told: pins }),
      ...(drifted.length > 0 && { drifted: drifted.slice(0, MOST_NAMED_STORES) }),
    };
    const place = row === undefined && own === undefined ? await placeOfUndeclared(deps, agent, stream) : undefined;
    if (place?.ok === false) return place;
    const committed = await deps.store.commit({
      by: agent.id,
      writes: [
        {
          stream,
          expected: row?.version ?? 0,
          entries: [{ type: 'cell.observed', data }],
          state: next,
          dueAt: null,
          ...place?.value,
        },
      ],
    });
    return committed.ok ? ok(next) : undefined;
  });
}

/** The desired state with the rings that were seen, and whose changed; undefined: nobody's. Who isn't seen keeps theirs. */
function withRingsOf(
  desired: CellState,
  seen: CellState,
): { readonly state: CellState; readonly tenants: readonly string[] } | undefined {
  if (desired.application !== seen.application) return undefined;
  const changed = Object.entries(desired.tenants).flatMap(([name, tenant]) => {
    const ring = Object.hasOwn(seen.tenants, name) ? seen.tenants[name]?.ring : undefined;
    return ring === undefined || ring === tenant.ring ? [] : [[name, { ...tenant, ring }] as const];
  });
  if (changed.length === 0) return undefined;
  const tenants = { ...desired.tenants, ...Object.fromEntries(changed) };
  return { state: { ...desired, tenants }, tenants: changed.map(([name]) => name) };
}
