/** What a restore from a backup lost, in words. */

interface Sizes {
  readonly kept: { readonly size: number };
  readonly lost?: { readonly size: number; readonly from: string } | undefined;
}

/** Which entries of the log are gone, as far as anybody remembers. Places count from 0. */
export function gapInWords({ kept, lost }: Sizes): string {
  const { size } = kept;
  if (lost === undefined)
    return `the log holds ${size} entries; nobody remembers how many there were, so any number after entry ${size - 1} may be gone`;
  if (lost.size === size) return `none of the ${size} entries that ${lost.from} has seen is gone`;
  if (lost.size < size)
    return `the log holds ${size} entries, and ${lost.from} has seen ${lost.size}: what came after those may be gone`;
  const range = lost.size - size === 1 ? `entry ${size} is` : `entries ${size} to ${lost.size - 1} are`;
  return `${range} gone (${lost.size - size} of ${lost.size} that ${lost.from} has seen; more may have followed)`;
}

/** What the gap swallowed besides, which nobody can read back: a person must think of it. */
export function bewareOf(refuseTokens: boolean): readonly string[] {
  return [
    refuseTokens
      ? 'people’s tokens from before are refused; an administrator gives new ones: headgate principal rotate ID --token-out FILE'
      : 'tokens that were revoked or rotated in the gap are worth something again: rotate them (headgate principal rotate ID --token-out FILE)',
    'agents that were revoked in the gap may act again: headgate principal list, then revoke them again',
    'freezes of the gap are gone: declare them again before agents take the restored log up',
    'approvals, pauses and rejections of the gap are gone: say them again',
    'documents, releases and evidence of the gap are gone: apply, register and attach them again',
    'promotions of the gap are gone: where an agent acted on one, its cell asks',
    'notifications of the gap may be sent twice, under the same ids',
  ];
}
