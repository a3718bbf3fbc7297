/**
 * Compares what a restored control plane remembers of a cell with what its agent tells. Where both explain each other the
 * answer is taken up; where they don't, a person is asked, and no step is handed out before.
 */
import type { CellState } from '../model/cell.ts';
import type { RestorePoint } from '../model/outcome.ts';
import type { CellPlan } from '../plan/plan.ts';
import { undoSteps } from '../plan/undo.ts';
import { compareFences, type Fence } from '../protocol/fence.ts';
import type { Rollout } from '../rollout/state.ts';
import { latest, noted, widest } from '../rollout/tried.ts';
import type { CellAccount, ToldPlan } from './account.ts';
import { misfitOfPlan, misfitOfState } from './where-it-stands.ts';

/** A cell as the restored rows have it. */
export interface RememberedCell {
  /** The newest token that the rows know to have been offered there. */
  readonly fence: Fence;
  /** Undefined: not under control, or nobody is sure of it and the next observation settles it. */
  readonly desired: CellState | undefined;
  /** The rollout that holds the cell, with its part of the plan. */
  readonly held: { readonly rollout: Rollout; readonly cell: CellPlan } | undefined;
}

/** How far a rollout came, as its agent tells it. */
export interface ReadBack {
  readonly cursor: number;
  readonly begun: number;
  /** How many undo steps are done; absent where none is decided, or none was told. */
  readonly undoCursor?: number;
  /** Undo steps that may have had an effect, though nobody confirmed it. */
  readonly tried?: readonly string[];
  /** Those that gates will still ask for, and that the rollout doesn't remember. */
  readonly restorePoints: readonly RestorePoint[];
}

export type Finding =
  /** Nothing was done there that the rows don't know. */
  | { readonly kind: 'as-remembered'; readonly rollout?: ReadBack }
  /** The agent came farther than the rows know: they go on from there. */
  | { readonly kind: 'ahead'; readonly rollout: ReadBack }
  /** The agent was taking the plan back, which the rows don't know: it goes back, and never forward. */
  | { readonly kind: 'undone'; readonly rollout: ReadBack }
  /** The agent acted on a plan that the rows know nothing of. */
  | { readonly kind: 'unknown-plan'; readonly why: string }
  /** What stands there is nothing that the plan, or the desired state, leaves. */
  | { readonly kind: 'differs'; readonly why: string }
  /** The agent's marks don't reach back to what the rows know. */
  | { readonly kind: 'unreadable'; readonly why: string };

/** Findings that a person must answer. */
export type Question = Extract<Finding, { readonly why: string }>;

/** So many restore points fit into an entry. */
const MOST_POINTS = 150;

export function judgeCell(remembered: RememberedCell, told: CellAccount): Finding {
  const { held, desired } = remembered;
  const newest = told.plans.at(-1);
  const newer = told.fence !== null && compareFences(told.fence, remembered.fence) > 0;
  if (newer && (held === undefined || newest?.plan !== held.rollout.planDigest)) return unknownPlan(told, newest);
  if (held !== undefined) return judgeRollout(held.rollout, held.cell, told);
  const misfit = desired === undefined ? undefined : misfitOfState(desired, told.state);
  return misfit === undefined ? { kind: 'as-remembered' } : { kind: 'differs', why: misfit };
}

function unknownPlan({ fence }: CellAccount, newest: ToldPlan | undefined): Finding {
  const token = `its newest assignment is ${fence?.epoch}.${fence?.n}`;
  if (newest === undefined) return { kind: 'unknown-plan', why: `${token}, and of which plan it doesn't tell` };
  const { plan, begun, undone } = newest;
  const how = undone ? 'and was taking it back' : `and began ${begun} of its steps`;
  return {
    kind: 'unknown-plan',
    why: `${token}: it acted on plan ${plan}, which no rollout that holds the cell has, ${how}`,
  };
}

function judgeRollout(rollout: Rollout, cell: CellPlan, told: CellAccount): Finding {
  const own = told.plans.find(({ plan }) => plan === rollout.planDigest);
  const marked = own?.begun ?? 0;
  // A step that was leased may never have reached the agent; one that is done did.
  if (marked < rollout.cursor)
    return {
      kind: 'unreadable',
      why: `${rollout.cursor} steps of its plan are done, and the agent has marks of ${marked}: they were lost`,
    };
  // Once a rollout goes back nothing goes forward in it any more; before, the next step is handed out when one is done.
  const forward = rollout.undo === null;
  const begun = forward ? Math.max(rollout.begun, marked) : rollout.begun;
  const cursor = forward ? Math.max(rollout.cursor, marked - 1) : rollout.cursor;
  const undone = own?.undone === true;
  const misfit = misfitOfPlan(cell, told.state, { done: cursor, begun, back: undone || !forward });
  if (misfit !== undefined) return { kind: 'differs', why: misfit };
  const undoCursor = undoneSo(rollout, cell, own);
  const readBack: ReadBack = {
    cursor,
    begun,
    ...(undoCursor !== undefined && { undoCursor }),
    ...noted(triedThere(rollout, cell, begun, own)),
    restorePoints: pointsAhead(rollout, cell, cursor, told),
  };
  // A step that the scope hasn't, as the rows know it: more was decided to go back.
  const wider = !forward && own?.undoing !== undefined && undoCursor === undefined;
  if (wider || (undone && forward)) return { kind: 'undone', rollout: { ...readBack, cursor: rollout.cursor } };
  const further = undoCursor !== undefined && undoCursor > (rollout.undo?.cursor ?? 0);
  const same = cursor === rollout.cursor && begun === rollout.begun && !further;
  return { kind: same ? 'as-remembered' : 'ahead', rollout: readBack };
}

/**
 * What may have been carried out of an undo, with what the agent began last. Where the rows don't know that step to be of
 * theirs, everything before it may have been, too.
 */
function triedThere(rollout: Rollout, cell: CellPlan, begun: number, own: ToldPlan | undefined): readonly string[] {
  const { undo, tried = [] } = rollout;
  if (own?.undoing === undefined) return tried;
  const ours = undo === null ? [] : undoSteps(cell, undo.scope, rollout.begun);
  const at = ours.findIndex(({ id }) => id === own.undoing);
  if (undo !== null && at >= 0 && at < undo.cursor) return tried;
  const all = widest(cell, begun);
  const last = all.findIndex(({ id }) => id === own.undoing);
  const steps = all.slice(at < 0 ? 0 : last, last + 1);
  // That somebody was opened is believed once it is done.
  return latest(tried, steps.at(-1)?.action.kind === 'open' ? steps.slice(0, -1) : steps);
}

/** Undo steps that are done: those before the one that was begun last. Undefined when the decided scope hasn't that one. */
function undoneSo(rollout: Rollout, cell: CellPlan, own: ToldPlan | undefined): number | undefined {
  if (rollout.undo === null || own?.undoing === undefined) return undefined;
  const { scope, cursor } = rollout.undo;
  const at = undoSteps(cell, scope, rollout.begun).findIndex(({ id }) => id === own.undoing);
  return at < 0 ? undefined : Math.max(cursor, at);
}

/** Restore points that the rollout took of stores whose migration is still ahead, and that it doesn't remember. */
function pointsAhead(rollout: Rollout, cell: CellPlan, cursor: number, told: CellAccount): readonly RestorePoint[] {
  const ahead = new Set(
    cell.steps.slice(cursor).flatMap(({ action }) => (action.kind === 'migrate' ? [action.store] : [])),
  );
  const known = new Set(rollout.restorePoints.map(({ id }) => id));
  return told.restorePoints
    .filter(({ rollout: of, point }) => of === rollout.id && ahead.has(point.store) && !known.has(point.id))
    .map(({ point }) => point)
    .slice(-MOST_POINTS);
}
