import type { Action, CellAccount, CellState, Outcome, ReleaseManifest } from '@headgate/domain';
import type { CompensationAsk, CompensationContext, CompensationOutcome, StepContext } from '@headgate/execution';

/** What is seen in a cell, with the manifests of the releases that run there, as far as the cell itself holds them. */
export interface Seen {
  readonly state: CellState;
  readonly manifests: readonly ReleaseManifest[];
}

/** A cell that this agent holds: everything that it does there goes through here. */
export interface Cell {
  readonly name: string;
  readonly environment: string;
  readonly application: string;
  /** Carries out one action, at least once: it looks before it acts. */
  carryOut(action: Action, ctx: StepContext): Promise<Outcome>;
  /** Carries out a compensation plan that people approved, as far as it still covers what is found. */
  compensate(ask: CompensationAsk, ctx: CompensationContext): Promise<CompensationOutcome>;
  observe(): Promise<Seen>;
  /** Restore points that are kept of a store. */
  keptPoints(store: string): Promise<CellAccount['restorePoints']>;
  /** One look at what must run here: starts what died. May be called again while an earlier look has not come back. */
  keep(): Promise<void>;
  /** Lets go of the cell; everything in it goes on running. */
  close(): Promise<void>;
}
