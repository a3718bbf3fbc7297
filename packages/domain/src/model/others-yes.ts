/** Whether another person than those who are at it has said yes to one thing that has a digest. */
import type { Digest, Instant } from './identity.ts';

/** A yes whose signature was verified, by a key that the agent's own trust lists for that person. */
export interface SignedYes {
  readonly by: string;
  readonly at: Instant;
  readonly notAfter: Instant;
  /** Digest of the signed statement. */
  readonly digest: Digest;
}

export interface YesAsked<A extends SignedYes> {
  readonly approvals: readonly A[];
  /** To what somebody said yes. */
  readonly subjectOf: (approval: A) => Digest;
  /** To what it takes one. */
  readonly digest: Digest;
  /** Who made that, and who carries it out. */
  readonly madeBy: string;
  readonly runs: string;
  readonly now: Instant;
  /** What it is called, and what making it is: `difference`, `made`. */
  readonly words: { readonly thing: string; readonly made: string };
}

/** How far ahead the clock of the machine that signed may be. Milliseconds. */
const CLOCK_STEP_MS = 60_000;

/** The one that counts: of this digest, in force, and neither of who carries it out nor of who made it. Else why none does. */
export function othersYes<A extends SignedYes>(
  asked: YesAsked<A>,
): { readonly ok: true; readonly approval: A } | { readonly ok: false; readonly why: string } {
  const { approvals, digest } = asked;
  const faults = approvals.map((approval) => faultOf(approval, asked));
  const good = approvals[faults.indexOf(undefined)];
  if (good !== undefined) return { ok: true, approval: good };
  const bad = approvals.map((each, i) => `that of ${each.by} ${faults[i]}`);
  const given = bad.length === 0 ? 'none was given' : bad.join('; ');
  return { ok: false, why: `it takes one person’s approval of ${digest}, and ${given}` };
}

function faultOf<A extends SignedYes>(
  approval: A,
  { subjectOf, digest, madeBy, runs, now, words }: YesAsked<A>,
): string | undefined {
  const { by, at, notAfter } = approval;
  const subject = subjectOf(approval);
  if (subject !== digest) return `is of another ${words.thing} (${subject})`;
  if (by === runs) return 'is of who applies it';
  if (by === madeBy) return `is of who ${words.made} it`;
  if (notAfter <= now) return `ended at ${new Date(notAfter).toISOString()}`;
  if (at > now + CLOCK_STEP_MS) return `is dated ahead, at ${new Date(at).toISOString()}`;
  return undefined;
}
