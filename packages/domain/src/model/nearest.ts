/** The candidate that a mistyped name was probably meant to be; undefined when none is near. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  // Longer names may be further off. Two letters swapped count as two.
  const allowed = name.length <= 3 ? 1 : name.length <= 8 ? 2 : 3;
  let best: string | undefined;
  let bestDistance = allowed + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** The nearest candidates, so many at most, the nearest first; of equally near ones in the order in which they are given. */
export function nearestFew(name: string, candidates: readonly string[], most: number): readonly string[] {
  const far = ([...candidates, name].reduce((longest, each) => Math.max(longest, each.length), 0) + 1) * 2;
  return candidates
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase(), far) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, most)
    .map(({ candidate }) => candidate);
}

/** `, did you mean "x"?` or nothing, for the end of a message. */
export function didYouMean(name: string, candidates: readonly string[]): string {
  const near = nearest(name, candidates);
  return near === undefined ? '' : `, did you mean "${near}"?`;
}

/** Levenshtein distance; anything of `limit` or more may be reported as `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return Math.min(limit, row[b.length]!);
}
