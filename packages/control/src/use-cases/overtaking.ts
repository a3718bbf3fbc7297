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
import type { Deps } from '../deps.ts';
import { Plans } from '../facts.ts';
import type { Read, Row, Write } from '../ports/store.ts';
import { type CellRecord, rolloutId, streams } from '../records.ts';
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

/** The promotion that is to overtake. */
export interface Hotfix {
  readonly id: string;
  readonly environment: string;
  readonly release: Digest;
}

/**
 * Decides whether a hotfix may overtake. Commits nothing: that happens together with the hotfix's own request, or not at
 * all. What was read of rollouts is checked again there: a step that was handed out meanwhile is a conflict.
 */
export async function overtake(
  deps: Deps,
  principal: Principal,
  { promotion, because }: Overtakes,
  { id, environment, release }: Hotfix,
): Promise<Result<Overtaking>> {
  const stream = streams.promotion(promotion);
  const what = `overtake promotion ${promotion}`;
  const denied = notPermitted(principal, 'overtake', stream);
  if (denied !== undefined) return no(denied);
  const row = (await deps.store.load([stream])).get(stream) as Row<Promotion> | undefined;
  if (row === undefined) return notFound(what, stream);
  const { state } = row;
  if (state.environment !== environment)
    return refuse('other-environment', what, stream, `it is one to ${state.environment}`, `name one to ${environment}`);
  if (state.release.digest === release)
    return refuse('same-release', what, stream, 'it takes the same release there', `\`headgate resume ${promotion}\``);
  const plan = await new Plans(deps.blobs).get(state.planDigest);
  const ids = state.cells.map((cell) => streams.rollout(rolloutId(state.id, cell)));
  const rows = await deps.store.load(ids);
  const rollouts = new Map<string, Rollout>();
  for (const { state } of rows.values()) rollouts.set((state as Rollout).cell, state as Rollout);
  const { epoch } = deps;
  const facts = { plan, rollouts, epoch, unread: await notReadBack(deps, state), now: await deps.store.now() };
  const decided = decideOvertake(state, facts, principal.id, id, because);
  if (!decided.ok) return no(decided.refusal);
  const next = decided.events.reduce(evolvePromotion, state);
  if (next.undo === null) throw new Error('an overtaken promotion has decided an undo');
  return ok({
    promotion,
    release: state.release.digest,
    cells: cellsOvertaken(plan, rollouts, next.undo.scope),
    write: {
      stream,
      expected: row.version,
      entries: decided.events,
      state: next,
      dueAt: dueOfPromotion(next, facts.now),
    },
    reads: [...rows.values()].map(({ stream, version }) => ({ stream, version })),
    wake: ids,
  });
}

/** Cells that were not read back since a restore: what their rows say may be long past. */
async function notReadBack({ store, epoch }: Deps, { cells }: Promotion): Promise<readonly string[]> {
  if (epoch <= 1) return [];
  const rows = await store.load(cells.map(streams.cell));
  return cells.filter((cell) => ((rows.get(streams.cell(cell))?.state as CellRecord | undefined)?.epoch ?? 1) < epoch);
}

/** Who stays on the overtaken release, by cell: its tenants' names alone say it within that cell, and nowhere else. */
export function whoStays(cells: readonly CellState[], release: Digest): ReadonlyMap<string, ReadonlySet<string>> {
  return new Map(
    cells.map(({ cell, slots, tenants }) => {
      const stay = Object.entries(tenants).filter(([, { slot }]) => slots[slot]?.release?.digest === release);
      return [cell, new Set(stay.map(([name]) => name))] as const;
    }),
  );
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
