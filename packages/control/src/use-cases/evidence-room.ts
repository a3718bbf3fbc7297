import type { Digest, EvidenceFact } from '@headgate/domain';

/** So many statements of one key and one predicate type a release carries. */
export const MOST_OF_A_KEY = 200;

/**
 * Whether a release has room for one statement more, and which one goes for it. Each key has its own room for each predicate
 * type, so nobody fills another's. What may speak against the release always finds room:
 *
 * - A red test run goes in for the oldest green one. Every run counts, so one green run less changes no verdict beside it.
 * - Of what is judged by its newest (rehearsals, analyses) the one with the oldest date goes. A statement that is older than
 *   all of them is refused: one that went must not come back as if it were new.
 */
export function roomFor(
  evidence: readonly EvidenceFact[],
  fact: EvidenceFact,
): { readonly ok: true; readonly instead?: Digest } | { readonly ok: false; readonly why: string } {
  const same = evidence.filter((each) => each.keyId === fact.keyId && each.predicateType === fact.predicateType);
  if (same.length < MOST_OF_A_KEY) return { ok: true };
  const why = `the release carries ${same.length} statements of this kind by this key already`;
  const at = dateOf(fact);
  if (at === undefined) {
    const green = same.find(isGreen);
    if (isGreen(fact)) return { ok: false, why };
    return green === undefined ? { ok: false, why: `${why}, and none is green` } : { ok: true, instead: green.digest };
  }
  const oldest = same.reduce((one, each) => ((dateOf(each) ?? 0) < (dateOf(one) ?? 0) ? each : one));
  if ((dateOf(oldest) ?? 0) >= at) return { ok: false, why: `${why}, and all of them are newer` };
  return { ok: true, instead: oldest.digest };
}

/** The list with one more, and without the one that went for it. */
export function withEvidence<T extends { readonly digest: Digest }>(
  evidence: readonly T[],
  fact: T,
  instead: Digest | undefined,
): readonly T[] {
  return [...evidence.filter(({ digest }) => digest !== instead), fact];
}

/** When what it tells of happened; undefined: its kind isn't judged by its newest. */
function dateOf({ rehearsal, rollbackRehearsal, analysis }: EvidenceFact): number | undefined {
  return (rehearsal ?? rollbackRehearsal ?? analysis)?.at;
}

function isGreen({ result }: EvidenceFact): boolean {
  return result !== undefined && result.exitCode === 0 && result.failed === 0;
}
