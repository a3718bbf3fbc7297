/**
 * Evidence: a signed statement about a release's digest becomes a fact that gates judge. One file a format, and the
 * catalog that lists them.
 */
import type { Digest } from '@headgate/domain';
import type { AnalysisEvidence } from '@headgate/domain/analysis/analysis';
import type { RehearsalEvidence } from '@headgate/domain/rehearsal/rehearsal';
import type { RollbackRehearsalEvidence } from '@headgate/domain/rehearsal/rollback';
import type { Refused } from '../refusal.ts';
import type { Duty } from '../trust/trust.ts';

/** Structurally the domain's evidence fact, with what people want to see of it. */
export interface EvidenceFact {
  readonly predicateType: string;
  readonly subject: Digest;
  /** Always true here: what doesn't verify is a refusal and never becomes a fact. */
  readonly verified: true;
  readonly keyId: string;
  /** The signer's name in the trust file. */
  readonly signer: string;
  /** Of a test result. */
  readonly result?: TestRun;
  /** Of a rehearsal. */
  readonly rehearsal?: RehearsalEvidence;
  /** Of a promotion and its undo. */
  readonly rollbackRehearsal?: RollbackRehearsalEvidence;
  /** Of an analysis of migrations. */
  readonly analysis?: AnalysisEvidence;
  /** Digest of the bundle, without what nobody signed: its blob's name. */
  readonly digest: Digest;
  /** Digest of what was signed, and by which key: the same one again is no further evidence. */
  readonly said: Digest;
}

/** A run of tests. */
export interface TestRun {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly exitCode: number;
  /** Argument vector; empty when the evidence doesn't say. */
  readonly command: readonly string[];
  readonly logDigest?: Digest;
}

/** A format of evidence: which predicate it reads, whose key may sign it, and how the predicate becomes a result. */
export interface EvidenceFormat {
  readonly predicateType: string;
  readonly duty: Duty;
  read(
    predicate: Readonly<Record<string, unknown>>,
  ):
    | ({ readonly ok: true } & Pick<EvidenceFact, 'result' | 'rehearsal' | 'rollbackRehearsal' | 'analysis'>)
    | Refused<'evidence-malformed'>;
}
