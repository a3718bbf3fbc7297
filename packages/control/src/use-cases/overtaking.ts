import {
  type CellState,
  cellsOvertaken,
  type Digest,
  decideOvertake,
  dueOfPromotion,
  evolvePromotion,
  type Principal,
  type Promotion,
  type Rollout,
} from '@headgate/domain';
import { rolloutId } from '../controllers/promotion-controller.ts';
import type { Deps } from '../deps.ts';
import { Plans } from '../facts.ts';
import type { Read, Row, Write } from '../ports/store.ts';
import { streams } from '../records.ts';
import { no, notFound, notPermitted, ok, type Result, refuse } from './result.ts';

/** The open promotion that a hotfix is to overtake, and why. */
export interface Overtakes {
  readonly promotion: string;
  readonly because: string;
}

/** What overtaking writes, and what stands afterwards. */
export interface Overtaking {
  readonly promotion: string;
  /** The overtaken release: who is wholly on it keeps it. */
  readonly release: Digest;
  /** Its cells as they will stand. */
  readonly cells: readonly CellState[];
  readonly write: Write;
  readonly reads: readonly Read[];
  readonly wake: readonly string[];
}

/**
 * Decides whether a hotfix `id` may overtake, for who may also roll back: cells that are half way go back by it. Commits
 * nothing: that happens together with the hotfix's own request, or not at all.
 */
export async function overtake(
  deps: Deps,
  principal: Principal,
  { promotion, because }: Overtakes,
  environment: string,
  id: string,
): Promise<Result<Overtaking>> {
  const stream = streams.promotion(promotion);
  const what = `overtake promotion ${promotion}`;
  const denied = notPermitted(principal, 'rollback', stream);
  if (denied !== undefined) return no(denied);
  const row = (await deps.store.load([stream])).get(stream) as Row<Promotion> | undefined;
  if (row === undefined) return notFound(what, stream);
  const { state } = row;
  if (state.environment !== environment)
    return refuse('other-environment', what, stream, `it is one to ${state.environment}`, `name one to ${environment}`);
  const plan = await new Plans(deps.blobs).get(state.planDigest);
  const ids = state.cells.map((cell) => streams.rollout(rolloutId(state.id, cell)));
  const rows = await deps.store.load(ids);
  const rollouts = new Map<string, Rollout>();
  for (const { state } of rows.values()) rollouts.set((state as Rollout).cell, state as Rollout);
  const now = await deps.store.now();
  const decided = decideOvertake(state, { plan, rollouts, now }, principal.id, id, because);
  if (!decided.ok) return no(decided.refusal);
  const next = decided.events.reduce(evolvePromotion, state);
  const scope = next.undo?.scope ?? { kind: 'cell', wave: state.wave, cells: [] };
  return ok({
    promotion,
    release: state.release.digest,
    cells: cellsOvertaken(plan, rollouts, scope),
    write: { stream, expected: row.version, entries: decided.events, state: next, dueAt: dueOfPromotion(next, now) },
    reads: [...rows.values()].map(({ stream, version }) => ({ stream, version })),
    wake: ids,
  });
}

/** Whom a hotfix is for, unless somebody says otherwise: all who are not on the overtaken release. Undefined: everybody. */
export function whoIsLeft(cells: readonly CellState[], release: Digest): readonly string[] | undefined {
  let everybody = true;
  const left: string[] = [];
  for (const { slots, tenants } of cells)
    for (const [name, { slot }] of Object.entries(tenants))
      if (slots[slot]?.release?.digest === release) everybody = false;
      else left.push(name);
  return everybody ? undefined : left;
}

/** Whether an overtaken promotion still holds a cell. */
export async function holdsCells({ store }: Pick<Deps, 'store'>, promotion: string): Promise<boolean> {
  const stream = streams.promotion(promotion);
  const state = (await store.load([stream])).get(stream)?.state as Promotion | undefined;
  if (state === undefined) return false;
  if (state.phase !== 'ended') return true;
  const rows = await store.load(state.cells.map((cell) => streams.rollout(rolloutId(promotion, cell))));
  return [...rows.values()].some((row) => (row.state as Rollout).phase !== 'settled');
}
