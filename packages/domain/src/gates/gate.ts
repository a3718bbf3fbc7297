/**
 * A gate is a question asked before a step. It judges facts that were gathered before (it never fetches), and its answer
 * always says why, what would unblock it and who can. Only `pass` and `waived` go on; no data, an error and a failure
 * are three verdicts, and none of them is a pass.
 */

import type { AnalysisEvidence } from '../analysis/analysis.ts';
import type { Freeze, WindowFact } from '../calendars/window.ts';
import type { Digest, Instant, PrincipalId } from '../model/identity.ts';
import type { RestorePoint } from '../model/outcome.ts';
import type { SeenMove } from '../moved/moved-data.ts';
import type { Action, DocumentRef, GatePlace, MigrationRef } from '../plan/plan.ts';
import type { UserElsewhere } from '../plan/users-elsewhere.ts';
import type { RehearsalEvidence } from '../rehearsal/rehearsal.ts';
import type { RollbackRehearsalEvidence } from '../rehearsal/rollback.ts';
import type { SeenStandby } from '../standby/standby.ts';
import type { DrillEvidence } from '../vault/drill.ts';
import type { SeenVault } from '../vault/vault-look.ts';
import type { Soaked } from './soaking.ts';

export type VerdictKind = 'pass' | 'fail' | 'no-data' | 'error' | 'pending' | 'waived';

export interface Verdict {
  readonly gate: string;
  readonly verdict: VerdictKind;
  readonly because: string;
  /** What would turn it, empty when it passed. */
  readonly unblock: string;
  /** The role or thing that can do so. */
  readonly who: string;
  /** When asking again makes sense, if time alone may change the answer. */
  readonly askAgainAt?: Instant;
}

/** A signed statement about a release, already opened and verified by `documents`. */
export interface EvidenceFact {
  readonly digest: Digest;
  /** Digest of what was signed and by which key. Absent: attached when statements were told apart by their bundles. */
  readonly said?: Digest;
  readonly predicateType: string;
  readonly subject: Digest;
  readonly verified: boolean;
  readonly keyId: string;
  readonly result?: {
    readonly passed: number;
    readonly failed: number;
    readonly skipped: number;
    readonly exitCode: number;
  };
  readonly rehearsal?: RehearsalEvidence;
  readonly rollbackRehearsal?: RollbackRehearsalEvidence;
  readonly analysis?: AnalysisEvidence;
}

export interface Approval {
  readonly by: PrincipalId;
  readonly envelope: Digest;
  readonly at: Instant;
  readonly expiresAt: Instant;
  /** `signed` with the approver's own key, or attested by the server that checked a token. */
  readonly proof: 'signed' | 'server-attested';
  /** The signed bundle itself, by digest, for whoever takes nobody's word. Only with `signed`. */
  readonly bundle?: Digest;
}

/** A person's go at the point of no return. */
export interface Go {
  readonly by: PrincipalId;
  readonly reason: string;
  readonly at: Instant;
}

/** All that gates may judge, gathered with the versions of the rows that it came from. */
export interface GateFacts {
  readonly now: Instant;
  readonly release: {
    readonly digest: Digest;
    readonly authors: readonly PrincipalId[];
    readonly signature: { readonly verified: boolean; readonly keyId: string; readonly why: string } | undefined;
    /** Undefined: not known. */
    readonly version?: string;
    /** How many migrations it has. Undefined: not known, which is not none. */
    readonly migrations?: number;
  };
  readonly requester: PrincipalId;
  /** Where it is judged for: said in what would unblock. */
  readonly environment?: string;
  /** What is judged, where somebody has asked for it: said in what would unblock. */
  readonly promotion?: string;
  readonly envelope: Digest;
  readonly evidence: readonly EvidenceFact[];
  readonly approvals: readonly Approval[];
  readonly windows: readonly WindowFact[];
  readonly freezes: readonly Freeze[];
  readonly restorePoints: readonly RestorePoint[];
  readonly soaked: readonly Soaked[];
  /** The plan's policy, and the one that is in force in its place by now. Absent: the plan's is, or the promotion has begun. */
  readonly replaced?: { readonly planned: Digest; readonly inForce: Digest };
  /** What the plan runs in its stores, each file once. Undefined: not known, which is not none. */
  readonly migrating?: readonly MigrationRef[];
  /** The versions that serve where the plan begins, beside which its migrations run. Absent: nobody looked. */
  readonly serving?: readonly string[];
  /** The Verification that the plan checks by. Absent: nobody looked, or it checks by none. */
  readonly verification?: DocumentRef;
  /** What serves in other environments and may use what the plan removes, as of the plan. Absent: nothing does, or nobody looked. */
  readonly elsewhere?: readonly UserElsewhere[];
  /** The stores that the plan migrates, of the cells that are asked about. Absent: nobody looked, or it was before there were drills. */
  readonly migrated?: readonly { readonly cell: string; readonly store: string }[];
  /** Who said go at the point of no return. */
  readonly go?: Go;
  /** The last restore drill of each. */
  readonly drills?: readonly DrillEvidence[];
  /** What agents saw last of those stores' restore points and logs, where they lie. Absent, of all or of one: nobody told. */
  readonly vaults?: readonly SeenVault[];
  /** The stores of the cells that are asked about, and what was seen of their standbys. Absent: nobody looked. */
  readonly standbys?: {
    readonly stores: readonly { readonly cell: string; readonly store: string }[];
    readonly seen: readonly SeenStandby[];
  };
  /** The cells that are asked about, and how the data stands that is being moved there. Absent: nobody looked. */
  readonly moved?: { readonly cells: readonly string[]; readonly seen: readonly SeenMove[] };
}

/** What the gate stands before. */
export type Subject =
  | { readonly kind: 'promotion' }
  | { readonly kind: 'wave'; readonly wave: number }
  /** `noReturn`: the last one before which the cell can be stopped with nothing lost. */
  | { readonly kind: 'step'; readonly action: Action; readonly noReturn?: boolean };

export interface Gate {
  readonly name: string;
  /** Its question, for people. */
  readonly asks: string;
  /** JSON Schema of the parameters, from which forms and checks are made. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Where it stands when the policy doesn't say. */
  readonly at: GatePlace;
  /** It can be answered there alone, so that no policy may put it elsewhere. */
  readonly stays?: true;
  /** True for what a wave uses up when it opens: an approval that expires in mid-wave doesn't stop the wave's steps. */
  readonly consumedByWave?: true;
  judge(params: Readonly<Record<string, unknown>>, facts: GateFacts, subject: Subject): Verdict;
}

export function pass(gate: string, because: string): Verdict {
  return { gate, verdict: 'pass', because, unblock: '', who: '' };
}

export function stop(
  gate: string,
  verdict: Exclude<VerdictKind, 'pass' | 'waived'>,
  because: string,
  unblock: string,
  who: string,
  askAgainAt?: Instant,
): Verdict {
  return askAgainAt === undefined
    ? { gate, verdict, because, unblock, who }
    : { gate, verdict, because, unblock, who, askAgainAt };
}

/** Whether a verdict lets a step go on. */
export function goesOn(verdict: Verdict): boolean {
  return verdict.verdict === 'pass' || verdict.verdict === 'waived';
}

/** A whole number from the parameters, or undefined when it is missing or malformed; a gate then answers `error`. */
export function wholeNumber(params: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = params[name];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
