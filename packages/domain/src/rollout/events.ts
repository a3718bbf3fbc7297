import type { Digest, Instant, PrincipalId } from '../model/identity.ts';
import type { FailureCode, ReportedResult, RestorePoint, StepResult } from '../model/outcome.ts';
import type { Scope } from '../plan/undo.ts';

/** What a person may say to what a rollout asks; `decline`: it stays as it stands, and loses nothing. */
export type RolloutAnswer = 'agree' | 'retry' | 'decline';

/** What can happen to a rollout. These are the log's words: renaming one is a migration of history, so don't. */
export type RolloutEvent =
  | {
      readonly type: 'rollout.opened';
      readonly data: {
        readonly id: string;
        readonly promotion: string;
        readonly cell: string;
        readonly environment: string;
        readonly plan: Digest;
        readonly epoch: number;
        /** The highest assignment of earlier rollouts in this cell, whose targets refuse lower ones; absent for the first. */
        readonly after?: number;
        /** Its plan has operations closed. */
        readonly closesOperations?: true;
        readonly until: Instant;
      };
    }
  | {
      readonly type: 'rollout.waiting';
      readonly data: { readonly reason: string; readonly until: Instant; readonly lookAt: Instant };
    }
  | {
      readonly type: 'rollout.offered';
      readonly data: { readonly step: string; readonly n: number; readonly until: Instant };
    }
  | {
      readonly type: 'rollout.leased';
      readonly data: {
        readonly step: string;
        readonly n: number;
        readonly agent: PrincipalId;
        readonly leaseMs: number;
        readonly until: Instant;
      };
    }
  | {
      readonly type: 'rollout.lease-lost';
      readonly data: {
        readonly step: string;
        readonly n: number;
        readonly why: 'expired' | 'revoked';
        readonly lookAt: Instant;
        readonly until: Instant;
      };
    }
  | {
      readonly type: 'rollout.step-done';
      readonly data: {
        readonly step: string;
        readonly n: number;
        readonly result: StepResult;
        readonly until: Instant;
        readonly lookAt: Instant;
      };
    }
  | {
      readonly type: 'rollout.step-waits';
      readonly data: {
        readonly step: string;
        readonly n: number;
        readonly reason: string;
        readonly until: Instant;
        readonly lookAt: Instant;
      };
    }
  | {
      readonly type: 'rollout.step-failed';
      readonly data: {
        readonly step: string;
        readonly n: number;
        readonly code: FailureCode;
        readonly why: string;
        /** What follows: another try at `lookAt`, the promotion's decision, or a person's. */
        readonly after: 'retry' | 'decide' | 'ask';
        readonly tenants: readonly string[];
        readonly until: Instant;
        readonly lookAt: Instant;
        readonly result?: StepResult;
      };
    }
  | {
      readonly type: 'rollout.asked';
      readonly data: { readonly step: string; readonly question: string; readonly until: Instant };
    }
  | {
      readonly type: 'rollout.answered';
      readonly data: {
        readonly step: string;
        readonly answer: RolloutAnswer;
        /** Why it was declined. */
        readonly because?: string;
        /** Undo steps that may have been carried out all the same. */
        readonly tried?: readonly string[];
        readonly until: Instant;
        readonly lookAt: Instant;
      };
    }
  | {
      readonly type: 'rollout.undo-begun';
      readonly data: {
        readonly scope: Scope;
        readonly because: string;
        /** Forward steps that may have had an effect, when these are more than the rollout knows of. */
        readonly begun?: number;
        /** Steps of the undo before that may have had an effect. */
        readonly tried?: readonly string[];
        readonly until: Instant;
        readonly lookAt: Instant;
      };
    }
  /** After a restore of the control plane: how far the agent says that it came. */
  | {
      readonly type: 'rollout.read-back';
      readonly data: {
        readonly epoch: number;
        readonly cursor: number;
        readonly begun: number;
        readonly undoCursor?: number;
        /** Undo steps that may have had an effect, though nobody confirmed it. */
        readonly tried?: readonly string[];
        readonly restorePoints?: readonly RestorePoint[];
        /** It goes on waiting for the decision that it waited for. */
        readonly stays?: true;
        readonly until: Instant;
        readonly lookAt: Instant;
      };
    }
  | {
      /** Its agent took it back by itself while the control plane was away: it has happened. */
      readonly type: 'rollout.undone-away';
      readonly data: {
        readonly scope: Scope;
        readonly because: string;
        /** Who decided it, by the agent's word alone: as they named themselves at its machine; or `agent`. */
        readonly by: string;
        readonly agent: PrincipalId;
        /** Since when the agent had no answer, by its own clock. */
        readonly since: Instant;
        readonly begun: number;
        /** Undo steps that the agent says it carried out; `cursor` of them are this undo's own. */
        readonly done: number;
        readonly cursor: number;
        /** Undo steps that may have had an effect besides those. */
        readonly tried?: readonly string[];
        /** What checks and reconciliations among those said. */
        readonly reported?: readonly { readonly step: string; readonly result: ReportedResult }[];
        /** Of so many more there is no room in an entry. */
        readonly unreported?: number;
        readonly n: number;
        /** Why the agent went no further. */
        readonly stopped?: string;
        readonly until: Instant;
        readonly lookAt: Instant;
      };
    }
  | { readonly type: 'rollout.settled'; readonly data: { readonly result: 'completed' | 'undone' | 'kept' } };
