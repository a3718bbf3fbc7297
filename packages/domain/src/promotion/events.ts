import type { Approval, Go } from '../gates/gate.ts';
import type { Digest, Instant, PrincipalId } from '../model/identity.ts';
import type { ReleaseRef } from '../model/release.ts';
import type { Scope } from '../plan/undo.ts';
import type { OnlyTenants, PromotionResult, ShownVerdict } from './state.ts';

/** What can happen to a promotion: the log's words. */
export type PromotionEvent =
  | {
      readonly type: 'promotion.requested';
      readonly data: {
        readonly id: string;
        readonly application: string;
        readonly environment: string;
        readonly release: ReleaseRef;
        readonly plan: Digest;
        readonly envelope: Digest;
        readonly requester: PrincipalId;
        readonly authors: readonly PrincipalId[];
        readonly cells: readonly string[];
        readonly waves: number;
        readonly latestFinish: Instant;
        readonly only?: OnlyTenants;
        /** The trace that it began in (W3C `traceparent`); nothing decides by it. */
        readonly trace?: string;
        readonly overtakes?: string;
        readonly gatedAtNoReturn?: true;
        readonly closesOperations?: true;
      };
    }
  | {
      readonly type: 'promotion.waiting';
      readonly data: { readonly reason: string; readonly verdicts: readonly ShownVerdict[]; readonly until: Instant };
    }
  | { readonly type: 'promotion.approved'; readonly data: Approval }
  | {
      /** A cell stands before its point of no return, and a gate asks for a go. */
      readonly type: 'promotion.go-asked';
      readonly data: { readonly cell: string; readonly step: string; readonly at: Instant };
    }
  | { readonly type: 'promotion.go'; readonly data: Go }
  | {
      readonly type: 'promotion.wave-opened';
      readonly data: { readonly wave: number; readonly verdicts: readonly ShownVerdict[]; readonly until: Instant };
    }
  | {
      readonly type: 'promotion.paused';
      readonly data: { readonly by: PrincipalId; readonly reason: string; readonly until: Instant };
    }
  | { readonly type: 'promotion.resumed'; readonly data: { readonly by: PrincipalId; readonly until: Instant } }
  | {
      readonly type: 'promotion.rollback-decided';
      readonly data: {
        readonly scope: Scope;
        readonly because: string;
        readonly by: PrincipalId;
        readonly at: Instant;
        readonly until: Instant;
      };
    }
  | {
      /** A hotfix takes its place: what is half way goes back, what is done stays. */
      readonly type: 'promotion.overtaken';
      readonly data: {
        readonly scope: Scope;
        readonly because: string;
        readonly by: PrincipalId;
        readonly hotfix: string;
        readonly at: Instant;
        readonly until: Instant;
      };
    }
  | { readonly type: 'promotion.held'; readonly data: { readonly question: string; readonly until: Instant } }
  | { readonly type: 'promotion.kept'; readonly data: { readonly by: PrincipalId; readonly at: Instant } }
  | {
      readonly type: 'promotion.ended';
      readonly data: { readonly result: PromotionResult; readonly because: string; readonly at: Instant };
    };
