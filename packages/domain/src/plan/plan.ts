/**
 * A plan is plain data: every wave and step in order, each step's undo, the gates, and the point of no return. The
 * planner makes it, a person reads it, an approval binds to its envelope, controllers walk it, agents carry it out and
 * nobody chooses anything on the way. It is stored once, by its digest; states hold cursors into it.
 */

import type { CellState } from '../model/cell.ts';
import type { Digest, Instant } from '../model/identity.ts';
import type { Operation } from '../model/operation.ts';
import type { Activation, ArtifactFile, MigrationPhase, ReleaseRef, SchemaRange } from '../model/release.ts';
import type { UserElsewhere } from './users-elsewhere.ts';

export interface Plan {
  readonly v: 1;
  readonly application: string;
  readonly environment: string;
  readonly release: ReleaseRef;
  readonly schemaRange: SchemaRange;
  readonly policyDigest: Digest;
  readonly waves: readonly Wave[];
  readonly cells: readonly CellPlan[];
  readonly gates: readonly GateSpec[];
  readonly rollbackScope: RollbackScope;
  readonly pointOfNoReturn: PointOfNoReturn | null;
  /**
   * The only tenants that it is for, sorted; absent: everybody who isn't on the release yet. One whose name somebody in
   * another cell has who stays is named with the cell: `live/acme`. The others of a cell stay where they are, and a store
   * that one of them lives in isn't changed.
   */
  readonly tenants?: readonly string[];
  /** The open promotion that it overtakes. */
  readonly overtakes?: string;
  /** When the release itself says that it is to go back, beyond what checks see: for people. Absent: it says nothing. */
  readonly rollbackConditions?: readonly string[];
  /** Operations that stay closed on the release until everybody is on it, and are opened ring by ring then. Absent: none. */
  readonly activates?: readonly Activation[];
  /** No forward step starts after this. Part of the envelope; the rest of the schedule isn't. */
  readonly latestFinish: Instant;
  /** How risky, and why. */
  readonly risk: {
    readonly level: 'low' | 'medium' | 'high';
    readonly because: readonly string[];
    /** What serves in other environments, and may use what is removed here. Absent: nothing does, or nobody looked. */
    readonly elsewhere?: readonly UserElsewhere[];
  };
}

/** The tenants, slots and stores that are taken together, across cells. */
export interface Wave {
  readonly n: number;
  readonly ring: string;
  readonly cells: readonly string[];
  readonly soakMs: number;
  /** Nobody moves in it: what the release brings is activated for those who moved before. */
  readonly activates?: true;
}

/** Which tenants go back when a wave fails. */
export type RollbackScope = 'tenant' | 'ring' | 'cell' | 'all';

export interface PointOfNoReturn {
  readonly cell: string;
  readonly step: string;
  readonly because: string;
}

export interface CellPlan {
  readonly cell: string;
  /** The state that the plan was made for; another one voids it. */
  readonly base: CellState;
  readonly slot: { readonly from: string; readonly to: string };
  readonly steps: readonly Step[];
  /** What an undo does once traffic is back and the new code has stopped: reconcile, then verify. In order. */
  readonly recovery: readonly RecoveryStep[];
}

/** A step of the undo that undoes nothing itself: it finds and mends what was caught half way, or checks. */
export interface RecoveryStep {
  readonly id: string;
  readonly action: Action;
  readonly timeoutMs: number;
  readonly attempts: number;
}

export interface Step {
  /** Unique in its cell: `w2.route`. */
  readonly id: string;
  readonly wave: number;
  readonly action: Action;
  /**
   * Whom the step is about alone, where their store serves nobody else: what fails there is theirs, and a rollback that
   * names them takes it back although the rest of the cell goes on.
   */
  readonly of?: readonly string[];
  /** Ids of earlier steps in this cell that this one can't do without. */
  readonly needs: readonly string[];
  readonly undo: Undo;
  /** How long one attempt may take before its lease is taken back. Milliseconds. */
  readonly timeoutMs: number;
  /** Attempts in all, the first included. */
  readonly attempts: number;
}

/** What a step does. The executor's name and its parameters; no choices. */
export type Action =
  | { readonly kind: 'restore-point'; readonly store: string }
  | {
      readonly kind: 'migrate';
      readonly store: string;
      readonly from: number;
      readonly to: number;
      readonly migrations: readonly MigrationRef[];
      /** Operations of everybody in the store that may not run meanwhile. */
      readonly closes?: readonly Operation[];
    }
  | {
      readonly kind: 'unmigrate';
      readonly store: string;
      readonly from: number;
      readonly to: number;
      readonly migrations: readonly MigrationRef[];
      readonly closes?: readonly Operation[];
    }
  | { readonly kind: 'restore'; readonly store: string; readonly to: number }
  | { readonly kind: 'deploy'; readonly slot: string; readonly release: ReleaseRef }
  | { readonly kind: 'route'; readonly tenants: readonly string[]; readonly slot: string }
  /** With `reads` nobody writes, and those who only read are still served. */
  | { readonly kind: 'hold'; readonly tenants: readonly string[]; readonly reads?: true }
  | { readonly kind: 'open'; readonly tenants: readonly string[] }
  /** Single operations of tenants are refused: in one slot or wherever they are; with `forMs` they open by themselves after that. */
  | {
      readonly kind: 'close-operations';
      readonly tenants: readonly string[];
      readonly operations: readonly Operation[];
      readonly slot?: string;
      readonly forMs?: number;
    }
  | {
      readonly kind: 'open-operations';
      readonly tenants: readonly string[];
      readonly operations: readonly string[];
      readonly slot?: string;
    }
  | {
      readonly kind: 'verify';
      readonly tenants: readonly string[];
      readonly verification: DocumentRef;
      readonly slot: string;
    }
  | {
      readonly kind: 'soak';
      readonly tenants: readonly string[];
      readonly verification: DocumentRef;
      readonly slot: string;
      readonly durationMs: number;
    }
  | {
      readonly kind: 'reconcile';
      readonly store: string;
      readonly reconciliation: DocumentRef;
      readonly tenants: readonly string[];
    }
  | { readonly kind: 'retire'; readonly slot: string };

export type ActionKind = Action['kind'];

/** Whether a plan has operations closed: code of before that would neither close nor open them. */
export function closesOperations({ cells }: Pick<Plan, 'cells'>): boolean {
  return cells.some(({ steps }) => steps.some(({ action }) => action.kind === 'close-operations'));
}

/** Whether an action changes the cell. Taking a restore point does not, and looking never does. */
export function changesSomething(action: Action): boolean {
  return action.kind !== 'verify' && action.kind !== 'soak' && action.kind !== 'restore-point';
}

/** A declared document, pinned by the digest of its canonical JSON. */
export interface DocumentRef {
  readonly name: string;
  readonly digest: Digest;
}

export interface MigrationRef {
  readonly id: string;
  readonly from: number;
  readonly to: number;
  readonly phase: MigrationPhase;
  readonly file: ArtifactFile;
}

/** A step's undo: an action of its own, or the reason why what it did stays. */
export type Undo =
  | {
      readonly kind: 'act';
      readonly action: Action;
      readonly timeoutMs: number;
      readonly attempts: number;
      readonly approver?: string;
      /** Beside `approver`: the step from which on it may lose data. Until that was begun nobody is asked; absent: always. */
      readonly losesFrom?: string;
    }
  | { readonly kind: 'keep'; readonly because: string };

/** What a gate stands before. `no-return`: in each cell, the last step at which it can be stopped with nothing lost. */
export type GatePlace = 'promotion' | 'wave' | 'no-return' | ActionKind;

/** A gate with its parameters, as the policy names it. `at` says which steps it stands before. */
export interface GateSpec {
  readonly gate: string;
  readonly at: GatePlace;
  readonly params: Readonly<Record<string, unknown>>;
}
