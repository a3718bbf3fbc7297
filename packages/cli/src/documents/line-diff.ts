/** What became of a text's lines: kept, taken out, put in. */
export interface DiffLine {
  readonly op: ' ' | '-' | '+';
  readonly text: string;
}

/** Above so many pairs of lines they aren't compared one by one. Documents are far below. */
const MOST_PAIRS = 4_000_000;

/** The lines of two texts as one list with the fewest changes; what is taken out stands before what is put in. */
export function lineDiff(before: readonly string[], after: readonly string[]): readonly DiffLine[] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const same = (lines: readonly string[]): DiffLine[] => lines.map((text) => ({ op: ' ', text }));
  return [
    ...same(before.slice(0, head)),
    ...changedLines(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...same(before.slice(before.length - tail)),
  ];
}

function changedLines(before: readonly string[], after: readonly string[]): readonly DiffLine[] {
  const taken = before.map((text): DiffLine => ({ op: '-', text }));
  const put = after.map((text): DiffLine => ({ op: '+', text }));
  if (before.length * after.length > MOST_PAIRS) return [...taken, ...put];
  const common = commonLengths(before, after);
  const width = after.length + 1;
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < before.length && j < after.length) {
    const text = before[i] as string;
    if (text === after[j]) {
      lines.push({ op: ' ', text });
      i++;
      j++;
    } else if ((common[(i + 1) * width + j] ?? 0) >= (common[i * width + j + 1] ?? 0))
      lines.push(taken[i++] as DiffLine);
    else lines.push(put[j++] as DiffLine);
  }
  return [...lines, ...taken.slice(i), ...put.slice(j)];
}

/** How many lines the rests of both texts have in common at most, from each pair of places on. */
function commonLengths(before: readonly string[], after: readonly string[]): Uint32Array {
  const width = after.length + 1;
  const lengths = new Uint32Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      lengths[i * width + j] =
        before[i] === after[j]
          ? (lengths[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(lengths[(i + 1) * width + j] ?? 0, lengths[i * width + j + 1] ?? 0);
  return lengths;
}

/** The changed lines with so many around them; `…` stands for what is left out. */
export function shownDiff(lines: readonly DiffLine[], around = 3): readonly string[] {
  const near = lines.map((_, i) => lines.slice(Math.max(0, i - around), i + around + 1).some(({ op }) => op !== ' '));
  return lines.flatMap(({ op, text }, i) => {
    if (near[i]) return [`${op} ${text}`.trimEnd()];
    return i === 0 || near[i - 1] ? ['  …'] : [];
  });
}
