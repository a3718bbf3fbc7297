/** Whether a sequence would give out a number again that comes back with a row: then it is raised, and never set back. */

/** A sequence that fills a column, and how it goes on. Numbers as texts: they may have more places than a number here. */
export interface FeedingSequence {
  /** `schema.sequence`. */
  readonly sequence: string;
  /** `schema.table`. */
  readonly table: string;
  readonly column: string;
  /** What it would give out next. */
  readonly next: string;
  readonly increment: string;
}

export interface RaisedSequence {
  readonly sequence: string;
  /** `schema.table.column`. */
  readonly column: string;
  readonly next: string;
  /** What it gives out next then. */
  readonly to: string;
}

/** Each sequence once. `coming`: the least and the greatest number that comes back in a column; undefined: none does. */
export function sequencesToRaise(
  feeding: readonly FeedingSequence[],
  coming: (table: string, column: string) => { readonly least: bigint; readonly most: bigint } | undefined,
): readonly RaisedSequence[] {
  const raised = new Map<string, RaisedSequence>();
  for (const { sequence, table, column, next, increment } of feeding) {
    const numbers = coming(table, column);
    if (numbers === undefined) continue;
    const [by, at] = [BigInt(increment), BigInt(next)];
    const up = by > 0n;
    const furthest = up ? numbers.most : numbers.least;
    if (up ? furthest < at : furthest > at) continue;
    const to = furthest + by;
    const known = raised.get(sequence);
    if (known !== undefined && (up ? BigInt(known.to) >= to : BigInt(known.to) <= to)) continue;
    raised.set(sequence, { sequence, column: `${table}.${column}`, next, to: String(to) });
  }
  return [...raised.values()].toSorted((a, b) => (a.sequence < b.sequence ? -1 : 1));
}
