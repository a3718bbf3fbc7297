/**
 * What an agent tells of a cell after the control plane was restored from a backup: how far it went there, by its own marks,
 * and what stands there now. It is what is left of the truth that the backup doesn't hold.
 */
import type { CellState } from '../model/cell.ts';
import type { Digest } from '../model/identity.ts';
import type { RestorePoint } from '../model/outcome.ts';
import type { Fence } from '../protocol/fence.ts';

/** A plan that the agent acted on in the cell. */
export interface ToldPlan {
  readonly plan: Digest;
  /** Its forward steps that may have had an effect. All but the last one are done: the next is handed out only then. */
  readonly begun: number;
  /** It was being taken back, and so never goes forward again. */
  readonly undone?: true;
  /** The undo step that was begun last. */
  readonly undoing?: string;
}

export interface CellAccount {
  /** The newest token that was acted on in the cell; null: none. */
  readonly fence: Fence | null;
  /** The newest last; only so many are remembered. */
  readonly plans: readonly ToldPlan[];
  /** As seen between two looks at the marks that were the same, while nothing was being carried out. */
  readonly state: CellState;
  /** Restore points that the cell keeps, with the rollout that took them. */
  readonly restorePoints: readonly { readonly rollout: string; readonly point: RestorePoint }[];
}
