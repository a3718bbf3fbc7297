/**
 * Where a story stands, read from what the control plane knows: a chapter is one promotion, and whoever tells asks what
 * became of it before. So nothing is lost when the telling is cut short, or when somebody does in the middle of it what a
 * person may always do: reject, pause, roll back. What ended in another way than the story has it is asked for anew.
 */
import type { Promotion } from '@headgate/contract';
import type { Digest } from '@headgate/domain';

export interface Chapter {
  readonly version: string;
  readonly environment: string;
  /** How the story has it end. */
  readonly expected: 'promoted' | 'rolled-back';
}

export type Standing =
  /** It has happened. */
  | { readonly kind: 'told'; readonly promotion: Promotion }
  /** It is under way. */
  | { readonly kind: 'open'; readonly promotion: Promotion }
  /** It is to be asked for, for the `attempt`-th time; `last` is how it ended before. */
  | { readonly kind: 'ask'; readonly attempt: number; readonly last?: Promotion };

type Known = Pick<Promotion, 'release' | 'environment' | 'phase' | 'result' | 'only' | 'overtakes'>;

/** Where a chapter stands. `promotions`: those to its environment, the oldest first. */
export function standing<P extends Known & Promotion>(
  { environment, expected }: Chapter,
  release: Digest,
  promotions: readonly P[],
): Standing {
  // What somebody asked for some tenants alone is no chapter, whatever became of it.
  const own = promotions.filter(
    (p) => p.release.digest === release && p.environment === environment && p.only === undefined,
  );
  const told = own.findLast((p) => p.phase === 'ended' && p.result === expected);
  if (told !== undefined) return { kind: 'told', promotion: told };
  const open = own.findLast((p) => p.phase !== 'ended');
  if (open !== undefined) return { kind: 'open', promotion: open };
  const last = own.at(-1);
  return { kind: 'ask', attempt: own.length + 1, ...(last !== undefined && { last }) };
}

/** The key under which a chapter is asked for: an answer that got lost isn't asked for twice, another attempt is another one. */
export function keyOf(release: Digest, { environment }: Pick<Chapter, 'environment'>, attempt: number): string {
  return attempt === 1 ? `${release} ${environment}` : `${release} ${environment} ${attempt}`;
}

/** What became of a chapter, in words, where it isn't what the story has. */
export function otherwise({ version, environment, expected }: Chapter, { result, because }: Promotion): string {
  return `${version} → ${environment} ended ${result}${because === undefined ? '' : ` (${because})`}; in the story it is ${expected} here`;
}
