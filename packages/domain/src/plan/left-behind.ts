/**
 * What a way back leaves in stores that takes something from the code that serves again: a migration that is kept, or whose
 * restore was declined. Traffic and code went back, what that code read did not.
 */
import type { EvidenceFact } from '../gates/gate.ts';
import { ANALYSIS } from '../gates/migrations-analysed.ts';
import type { Rollout } from '../rollout/state.ts';
import { rangesAreDerived } from './older-code.ts';
import type { CellPlan, MigrationRef, Plan } from './plan.ts';
import { undoSteps } from './undo.ts';

/** A cell's store that a migration left further than the code was built for that serves there again. */
export interface LeftBehind {
  readonly cell: string;
  readonly store: string;
  /** The version that serves there again. */
  readonly serves: string;
  readonly migration: MigrationRef;
  /** What a verified analysis says that it takes; empty: it names nothing. */
  readonly removes: readonly string[];
}

/**
 * What rollouts that have gone back left behind. A contract is told where ranges are derived, which say nothing of it; a range
 * that somebody declared is taken at its word. What is declared to add, and takes something, is told everywhere.
 */
export function leftBehind(
  plan: Plan,
  rollouts: ReadonlyMap<string, Rollout>,
  evidence: readonly EvidenceFact[],
): readonly LeftBehind[] {
  const taken = takenBy(plan, evidence);
  const derived = rangesAreDerived(plan.gates);
  return plan.cells.flatMap((cell) => {
    const rollout = rollouts.get(cell.cell);
    const serves = cell.base.slots[cell.slot.from]?.release?.version ?? 'what ran before';
    if (rollout === undefined || rollout.undo === null) return [];
    return stillThere(cell, rollout).flatMap(({ store, migration }) => {
      const removes = taken(migration);
      const takes = migration.phase === 'contract' ? derived : removes !== undefined;
      return takes ? [{ cell: cell.cell, store, serves, migration, removes: removes ?? [] }] : [];
    });
  });
}

/** The migrations that were begun and that nothing took back. */
function stillThere(
  cell: CellPlan,
  rollout: Rollout,
): readonly { readonly store: string; readonly migration: MigrationRef }[] {
  const { undo, begun } = rollout;
  if (undo === null) return [];
  const back = undoSteps(cell, undo.scope, begun).slice(0, undo.cursor);
  return cell.steps.slice(0, begun).flatMap(({ id, action }) => {
    if (action.kind !== 'migrate') return [];
    const undone = back.find((step) => step.id === `undo.${id}`)?.action;
    const to = undone?.kind === 'restore' || undone?.kind === 'unmigrate' ? undone.to : action.to;
    const { store, migrations } = action;
    return migrations.flatMap((migration) => (migration.to <= to ? [{ store, migration }] : []));
  });
}

/** What verified analyses of a migration's very bytes say that it takes from running code; undefined: none does. */
function takenBy(
  { release }: Pick<Plan, 'release'>,
  evidence: readonly EvidenceFact[],
): (migration: MigrationRef) => readonly string[] | undefined {
  const read = evidence.flatMap(({ predicateType, subject, verified, analysis }) =>
    predicateType === ANALYSIS && subject === release.digest && verified && analysis !== undefined
      ? analysis.migrations
      : [],
  );
  return ({ to, file }) =>
    read.find((each) => each.to === to && each.digest === file.digest && each.removes !== undefined)?.removes;
}

/** So many are named one by one. */
const MOST = 3;

/** That in words, as the end of a reason; empty: nothing was left that takes something away. */
export function leftWords(left: readonly LeftBehind[]): string {
  if (left.length === 0) return '';
  const each = left.slice(0, MOST).map(({ cell, store, serves, migration, removes }) => {
    const what = (removes.join(', ') || 'something').slice(0, 120).toWellFormed();
    return `in cell ${cell} ${serves} serves with store ${store} at schema ${migration.to}, to which ${migration.file.name.slice(0, 80).toWellFormed()} took it: that takes ${what} from code of before`;
  });
  const more = left.length > MOST ? `; and ${left.length - MOST} more` : '';
  return `; NOT ALL IS AS BEFORE: ${each.join('; ')}${more}. What names it fails until a release is promoted that does without it`;
}
