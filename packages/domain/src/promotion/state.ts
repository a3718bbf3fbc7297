/**
 * A promotion asks to take a release to an environment. It is the parent of one rollout a cell: it opens waves when the
 * gates let it, decides to roll back when a rollout reports that it can't go on, and ends when all of them settled.
 *
 *   awaiting ── gates pass, approvals cover ──▶ advancing ── wave done ──▶ awaiting (next wave) … ──▶ ended(promoted)
 *      │ rejected, out of time                     │ paused ⇄ resumed
 *      ▼                                           ▼ a rollout failed, or a person said so
 *   ended(rejected | expired)                   undoing ──▶ ended(rolled-back), or held when others stay on the release
 *
 * At rest, awaiting a wave after its first, paused or held, a hotfix may overtake it: undoing ──▶ ended(superseded).
 */
import type { Approval, Go, Verdict } from '../gates/gate.ts';
import type { Digest, Instant, PrincipalId } from '../model/identity.ts';
import type { ReleaseRef } from '../model/release.ts';
import type { Scope } from '../plan/undo.ts';

/** Of a promotion that names tenants: the digest of their names as they were asked for, and how many the plan moves. */
export interface OnlyTenants {
  readonly asked: Digest;
  readonly count: number;
}

export interface PromotionCore {
  readonly id: string;
  readonly application: string;
  readonly environment: string;
  readonly release: ReleaseRef;
  readonly planDigest: Digest;
  readonly envelope: Digest;
  readonly requester: PrincipalId;
  /** Authors of the release: barred from approving it. */
  readonly authors: readonly PrincipalId[];
  readonly cells: readonly string[];
  readonly waves: number;
  readonly latestFinish: Instant;
  /** Absent: it is for everybody. */
  readonly only?: OnlyTenants;
  /** The trace that its ticks and steps belong to; absent where nobody traced. */
  readonly trace?: string;
  /** The open promotion that this one overtakes. */
  readonly overtakes?: string;
  /** The one that overtook it. */
  readonly overtakenBy?: string;
  /** A gate stands at its point of no return. Servers from before that place know nothing of it and would go on: they leave it alone. */
  readonly gatedAtNoReturn?: true;
  /** Its plan has operations closed, of which servers from before that know nothing: they leave it alone. */
  readonly closesOperations?: true;
  /** Waves opened so far. */
  readonly wave: number;
  readonly approvals: readonly Approval[];
  /** The first of its cells that came to the point of no return, where a gate asks for a go. */
  readonly goAsked?: { readonly cell: string; readonly step: string; readonly at: Instant };
  /** Who said go there. */
  readonly go?: Go;
  /** Set with the first decision to go back. */
  readonly undo: { readonly scope: Scope; readonly because: string; readonly at: Instant } | null;
}

/** A verdict as the state keeps it: enough to show, without texts that change every second. */
export type ShownVerdict = Pick<Verdict, 'gate' | 'verdict' | 'because' | 'unblock' | 'who'>;

export type PromotionResult = 'promoted' | 'rolled-back' | 'partly-rolled-back' | 'superseded' | 'rejected' | 'expired';

export type PromotionPhase =
  | {
      readonly phase: 'awaiting';
      readonly reason: string;
      readonly verdicts: readonly ShownVerdict[];
      readonly until: Instant;
    }
  | { readonly phase: 'advancing'; readonly until: Instant }
  | { readonly phase: 'paused'; readonly by: PrincipalId; readonly reason: string; readonly until: Instant }
  | { readonly phase: 'undoing'; readonly until: Instant }
  | { readonly phase: 'held'; readonly question: string; readonly until: Instant }
  | { readonly phase: 'ended'; readonly result: PromotionResult; readonly because: string; readonly at: Instant };

export type Promotion = PromotionCore & PromotionPhase;

/** Whether anything was done for it: before, it is a wish, and nobody is reached by it. */
export function hasBegun({ phase, wave }: Pick<Promotion, 'phase' | 'wave'>): boolean {
  return phase !== 'awaiting' || wave > 0;
}
