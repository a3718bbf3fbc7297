/** What the checker remembers of a promotion and of a rollout: folded from entries alone, apart from the shipped `evolve`. */
import type { Action, Approval, CellPlan, Digest, Instant, RestorePoint, Scope } from '@headgate/domain';
import type { PlanIndex } from './plan-index.ts';
import type { ExpectedUndo } from './scope.ts';

export interface PromotionTrack {
  readonly id: string;
  readonly index: PlanIndex;
  readonly environment: string;
  readonly envelope: Digest;
  readonly barred: readonly string[];
  readonly latestFinish: Instant;
  readonly approvals: Approval[];
  readonly rollouts: Map<string, RolloutTrack>;
  /** Somebody said go. */
  go: boolean;
  wave: number;
  phase: 'awaiting' | 'advancing' | 'paused' | 'undoing' | 'held' | 'ended';
  result: string | undefined;
  scope: Scope | undefined;
}

export interface RolloutTrack {
  readonly id: string;
  readonly promotion: PromotionTrack;
  readonly cell: CellPlan;
  phase: 'waiting' | 'offered' | 'leased' | 'failed' | 'asking' | 'settled';
  result: string | undefined;
  n: number;
  step: string;
  holder: string;
  cursor: number;
  begun: number;
  readonly restorePoints: RestorePoint[];
  scope: Scope | undefined;
  undo: ExpectedUndo | undefined;
  undoCursor: number;
  agreed: boolean;
  /** Whom a step that was handed out may hold, until one that opens them is done. */
  readonly held: Set<string>;
  /** A person said no to the step at hand. */
  declined: boolean;
}

/** The id of the step at hand, forward or undo; undefined when none is left. */
export function atHand(rollout: RolloutTrack): string | undefined {
  return rollout.undo === undefined ? rollout.cell.steps[rollout.cursor]?.id : rollout.undo.ids[rollout.undoCursor];
}

/** What a step does, forward or undo, where its id says so without a scope. */
export function actionOf(cell: CellPlan, id: string): Action | undefined {
  for (const step of cell.steps) {
    if (id === step.id || id === `again.${step.id}`) return step.action;
    if (id === `undo.${step.id}`) return step.undo.kind === 'act' ? step.undo.action : undefined;
  }
  return undefined;
}

/** Whether a cell has done all its steps of the first waves. */
export function didWaves(rollout: RolloutTrack | undefined, cell: CellPlan, waves: number): boolean {
  const cursor = rollout?.cursor ?? 0;
  const next = cell.steps[cursor];
  return rollout?.undo === undefined && (next === undefined || next.wave > waves);
}
