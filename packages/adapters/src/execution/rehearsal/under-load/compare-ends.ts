/** The end under load against the undisturbed one: what can be compared exactly although users wrote meanwhile. */
import { compareFingerprints, type Difference, type Fingerprint } from '@headgate/domain/rehearsal/compare';
import type { WrittenRows } from '@headgate/domain/rehearsal/under-load';
import { type RowCounts, rowsIn, type Writing, writtenRows } from './count-rows.ts';

/** What sessions write while nothing else happens. */
export interface Learnt {
  readonly writing: Writing;
  readonly touched: ReadonlySet<string>;
  /** When nobody worked any more. */
  readonly end: Fingerprint;
}

/** The migrations, run undisturbed on what is there then. */
export interface Reference {
  readonly fingerprint: Fingerprint;
  /** Tables that sessions write on the new schema. */
  readonly touched: ReadonlySet<string>;
  /** Rows after so many transactions on the new schema; undefined: some failed. */
  readonly added: { readonly rows: RowCounts; readonly transactions: number } | undefined;
}

export interface EndsAsk {
  /** The copy before, and as the migrations left it undisturbed where no session ever was. */
  readonly before: Fingerprint;
  readonly after: Fingerprint;
  readonly quiet: Learnt;
  readonly reference: Reference;
  /** The end under load. */
  readonly last: Fingerprint;
  /** Rows as the sessions began: starting the application may have written some. */
  readonly begun: RowCounts;
}

export interface Ends {
  /** Compared ones. */
  readonly tables: number;
  readonly differences: readonly Difference[];
  /** Not written by sessions, and with other values whenever they are made, or sessions wrote what they are made of. */
  readonly following: readonly string[];
  /** Written by sessions, and it can't be said how many rows there have to be. */
  readonly uncounted: readonly string[];
  written(carried: { readonly went: number; readonly failed: number }): readonly WrittenRows[];
}

/** Tables whose rows or values aren't as they were; those of one state alone included. */
export function changedTables(was: Fingerprint, is: Fingerprint): ReadonlySet<string> {
  const sums = new Map(was.tables.map(({ relation, rows, sum }) => [relation, `${rows} ${sum}`]));
  return new Set(
    is.tables.filter(({ relation, rows, sum }) => sums.get(relation) !== `${rows} ${sum}`).map((each) => each.relation),
  );
}

export function compareEnds({ before, after, quiet, reference, last, begun }: EndsAsk): Ends {
  const touched = new Set([...quiet.touched, ...reference.touched]);
  const follows = compareFingerprints(after, reference.fingerprint).filter((each) => 'relation' in each);
  const left = (relation: string, column?: string): boolean =>
    follows.some(
      (each) =>
        each.relation === relation &&
        (each.kind === 'rows' || column === undefined || each.column === undefined || each.column === column),
    );
  const differences = compareFingerprints(reference.fingerprint, last).filter((each) => {
    // How far sessions moved a sequence on is another each time.
    if (each.kind === 'sequence-back') return false;
    if (!('relation' in each)) return true;
    return !touched.has(each.relation) && !left(each.relation, each.kind === 'values' ? each.column : undefined);
  });
  const rows = { before: rowsIn(before), after: rowsIn(after), quiet: rowsIn(quiet.end), last: rowsIn(last) };
  const ends = rowsIn(reference.fingerprint);
  const at = (counts: RowCounts, relation: string): number => counts.get(relation) ?? 0;
  // Counted is what the migrations add the same number to, whatever sessions wrote, and what transactions add to alike then.
  const counted = [...quiet.writing.each].filter(
    ([relation, adds]) =>
      ends.has(relation) &&
      at(ends, relation) - at(rows.quiet, relation) === at(rows.after, relation) - at(rows.before, relation) &&
      (reference.added === undefined ||
        at(reference.added.rows, relation) - at(ends, relation) === adds * reference.added.transactions),
  );
  const each = new Map(counted);
  return {
    tables: reference.fingerprint.tables.filter(({ relation }) => !touched.has(relation)).length,
    differences,
    following: [...new Set(follows.map(({ relation }) => relation))].filter((relation) => !touched.has(relation)),
    uncounted: [...touched].filter((relation) => !each.has(relation)),
    written: (carried) =>
      writtenRows(
        each,
        (relation) => at(ends, relation) + at(begun, relation) - at(rows.quiet, relation),
        carried,
        rows.last,
      ),
  };
}
