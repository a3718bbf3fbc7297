/**
 * The application's business transactions on the migrated copy: the version that runs, since it runs on while the schema
 * changes below it, and the one that is rehearsed. A version by which nothing was carried out hasn't gone well.
 */
import type { Digest } from '../model/identity.ts';
import type { ReleaseRef } from '../model/release.ts';

/** What stopped a version: before anybody was asked (no tenant), or in one tenant's transaction. */
export interface BusinessFailure {
  readonly tenant?: string;
  /** `workflow/step` of the Verification. */
  readonly check?: string;
  /** What was expected and what came. */
  readonly why: string;
}

/** One version of the application, started on the copy. */
export interface BusinessRun {
  /** `old`: one that ran when it was rehearsed; `new`: the one that is rehearsed. */
  readonly which: 'old' | 'new';
  readonly release: ReleaseRef;
  /** Those of its components that were started. */
  readonly components: readonly string[];
  /** Until they answered healthy; absent: they never did. Milliseconds. */
  readonly readyMs?: number;
  /** Of the transactions. */
  readonly durationMs: number;
  /** Tenants whose transactions all went well. */
  readonly tenants: number;
  /** Transactions that went well, of all tenants. */
  readonly transactions: number;
  readonly failures: readonly BusinessFailure[];
}

export interface BusinessFacts {
  /** The Verification that says what they are. */
  readonly verification: { readonly name: string; readonly digest: Digest };
  /** In the order in which they wrote to the copy. */
  readonly runs: readonly BusinessRun[];
}

/** Of which versions they went well, as short as a gate needs it. */
export interface BusinessEvidence {
  /** Versions that ran when it was rehearsed. */
  readonly old: readonly string[];
  readonly new: boolean;
  /** By which Verification. Absent: attached when nobody wrote that down. */
  readonly verification?: BusinessFacts['verification'];
}

function wentWell({ failures, tenants, transactions }: BusinessRun): boolean {
  return failures.length === 0 && tenants > 0 && transactions > 0;
}

/** Why they didn't go well, each in words; none: they did, or nobody ran them. */
export function businessReasons(facts: BusinessFacts | undefined): readonly string[] {
  return (facts?.runs ?? []).flatMap((run) => {
    const whose = `business transactions of the ${run.which} version ${run.release.version} on the new schema`;
    if (wentWell(run)) return [];
    if (run.failures.length === 0) return [`${whose}: none was carried out`];
    return run.failures.map((failure) => `${whose}: ${businessFailureText(failure)}`);
  });
}

/** `acme, time-to-ledger/project: expected $statusCode == 201, found 500`. */
export function businessFailureText({ tenant, check, why }: BusinessFailure): string {
  const where = [tenant, check].filter((each) => each !== undefined).join(', ');
  return where === '' ? why : `${where}: ${why}`;
}

/** Undefined: nobody ran them. */
export function businessEvidence(facts: BusinessFacts | undefined): BusinessEvidence | undefined {
  if (facts === undefined) return undefined;
  const well = (which: BusinessRun['which']): readonly BusinessRun[] =>
    facts.runs.filter((run) => run.which === which && wentWell(run));
  const { name, digest } = facts.verification;
  return {
    old: well('old').map(({ release }) => release.version),
    new: well('new').length > 0,
    verification: { name, digest },
  };
}
