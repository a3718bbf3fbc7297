/** A freeze's scope in words: `all`, an environment, or `application:<name>`. */
export function scopeWords(scope: string): string {
  if (scope === 'all') return 'everything';
  return scope.startsWith('application:') ? `application ${scope.slice('application:'.length)}` : scope;
}

/** How long a freeze may be asked for; without a time it holds until somebody lifts it. */
export const LASTS: readonly { readonly label: string; readonly forMs: number | null }[] = [
  { label: 'until somebody lifts it', forMs: null },
  { label: '1 hour', forMs: 3_600_000 },
  { label: '2 hours', forMs: 7_200_000 },
  { label: '8 hours', forMs: 28_800_000 },
  { label: '1 day', forMs: 86_400_000 },
];
