/** What putting a store back asks of the kind of its cell. The order of it, and what is written down before each part, is the same for all. */
import type { CellPorts } from '@headgate/adapters/execution/cell';
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import type { Digest, ProposalApproval, StoreProposal } from '@headgate/domain';
import type { StepContext } from '@headgate/execution';
import type { VerificationToRun } from '../dr/business.ts';
import type { StandingFile } from './standing.ts';

export interface PlaceAsk<C extends AnyCellConfig = AnyCellConfig> {
  readonly cell: C;
  readonly proposal: StoreProposal;
  readonly digest: Digest;
  readonly by: string;
  readonly approval: Pick<ProposalApproval, 'by' | 'digest'>;
  readonly standing: StandingFile;
  /** The newest token that the agent acted on in the cell. */
  readonly fence: StepContext['fence'];
  readonly verification: VerificationToRun | undefined;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** Why a proposal isn't carried out. */
export interface Stale {
  readonly code: string;
  readonly why: string;
  /** Absent: to apply it again, once that is mended. */
  readonly unblock?: string;
}

/** The context of a part of it, by its name. */
export type ContextOf = (step: string) => StepContext;

export interface StorePlace {
  /**
   * All that a person was shown, counted anew, and what can be prepared while everybody is served. Changes nothing of the store. `again`: a
   * call that was killed came so far before. Undefined: it is right.
   */
  stale(again: boolean): Promise<Stale | undefined>;
  /** The same of the store alone, while its tenants are held. */
  changed(): Promise<Stale | undefined>;
  /** Replaces it, by a journal; called again it goes on. What is answered replaced nothing. */
  replace(): Promise<Stale | undefined>;
  /** Whether what stands there is what was proposed, in words what isn't; undefined: it is. What serves may use it from then on. */
  check(): Promise<string | undefined>;
  /** Brings back what stood before, from its restore point. Throws, in words, where it can't. */
  leave(point: string): Promise<void>;
  /** Nothing is replaced any more. */
  ended(): Promise<void>;
  /** The folder, or the database, that was replaced: it is kept beside its restore point. */
  readonly kept: string;
}

export type OpenPlace<C extends AnyCellConfig> = (
  ask: PlaceAsk<C>,
  ports: CellPorts,
  context: ContextOf,
) => Promise<StorePlace>;
