/** Whether two states of a database are the same: every object of the schema, and every row by checksum. */
import { cut } from '../model/text.ts';

/** A column's values, whatever order the rows are in. */
export interface ColumnSum {
  readonly column: string;
  /** Not null. */
  readonly values: number;
  readonly sum: string;
}

/** A table's rows. */
export interface TableSum {
  readonly relation: string;
  readonly rows: number;
  /** Over whole rows: it changes when values change places between rows. */
  readonly sum: string;
  readonly columns: readonly ColumnSum[];
}

/** A database at one moment. */
export interface Fingerprint {
  /** Definitions by object: `index public.invoice_pkey` and the statement that makes it. */
  readonly objects: Readonly<Record<string, string>>;
  readonly tables: readonly TableSum[];
  /** By sequence: the number that it gives next, and whether it counts down. */
  readonly sequences: Readonly<Record<string, SequencePlace>>;
}

/** Where a sequence stands. A number may be larger than a double holds. */
export interface SequencePlace {
  readonly next: bigint;
  readonly down: boolean;
}

/** One thing that is not as it was. */
export type Difference =
  | { readonly kind: 'object-gone' | 'object-new' | 'object-changed'; readonly object: string; readonly why: string }
  | {
      readonly kind: 'rows';
      readonly relation: string;
      readonly before: number;
      readonly after: number;
    }
  | {
      readonly kind: 'values';
      readonly relation: string;
      /** Undefined: the same values, in other rows. */
      readonly column: string | undefined;
      /** How many weren't null, before and after. */
      readonly before: number;
      readonly after: number;
    }
  /** It would give numbers again that it gave before; that one moved on is none, since no way back takes that along. */
  | { readonly kind: 'sequence-back'; readonly object: string; readonly why: string };

/** How much of two definitions is told. */
const TOLD = 160;

/** All that differs, schema first. Columns that only one of them has are told as objects. */
export function compareFingerprints(before: Fingerprint, after: Fingerprint): readonly Difference[] {
  const found: Difference[] = [];
  const names = new Set([...Object.keys(before.objects), ...Object.keys(after.objects)]);
  for (const object of [...names].sort()) {
    const was = Object.hasOwn(before.objects, object) ? before.objects[object] : undefined;
    const is = Object.hasOwn(after.objects, object) ? after.objects[object] : undefined;
    if (was === is) continue;
    if (is === undefined) found.push({ kind: 'object-gone', object, why: `was ${told(was)}` });
    else if (was === undefined) found.push({ kind: 'object-new', object, why: `is ${told(is)}` });
    else found.push({ kind: 'object-changed', object, why: `was ${told(was)}, is ${told(is)}` });
  }
  const now = new Map(after.tables.map((table) => [table.relation, table]));
  for (const table of before.tables) {
    const is = now.get(table.relation);
    if (is !== undefined) found.push(...compareTables(table, is));
  }
  for (const [object, was] of Object.entries(before.sequences)) {
    const is = Object.hasOwn(after.sequences, object) ? after.sequences[object] : undefined;
    if (is === undefined || !(was.down ? is.next > was.next : is.next < was.next)) continue;
    found.push({ kind: 'sequence-back', object, why: `it gave ${was.next} next, and gives ${is.next}` });
  }
  return found;
}

function compareTables(was: TableSum, is: TableSum): readonly Difference[] {
  const { relation } = was;
  const found: Difference[] = [];
  if (was.rows !== is.rows) found.push({ kind: 'rows', relation, before: was.rows, after: is.rows });
  const columns = new Map(is.columns.map((column) => [column.column, column]));
  const both = was.columns.filter(({ column }) => columns.has(column));
  for (const { column, values, sum } of both) {
    const other = columns.get(column);
    if (other !== undefined && (other.sum !== sum || other.values !== values))
      found.push({ kind: 'values', relation, column, before: values, after: other.values });
  }
  const same = both.length === was.columns.length && both.length === is.columns.length;
  if (found.length === 0 && same && was.sum !== is.sum)
    found.push({ kind: 'values', relation, column: undefined, before: was.rows, after: is.rows });
  return found;
}

function told(definition: string | undefined): string {
  const text = (definition ?? '').replace(/\s+/g, ' ');
  return text.length > TOLD ? `${cut(text, TOLD)} …` : text;
}

/** A difference as people read it. */
export function differenceText(difference: Difference): string {
  switch (difference.kind) {
    case 'object-gone':
      return `${difference.object} is gone (${difference.why})`;
    case 'object-new':
      return `${difference.object} was not there before (${difference.why})`;
    case 'object-changed':
      return `${difference.object} changed: ${difference.why}`;
    case 'sequence-back':
      return `sequence ${difference.object} went back: ${difference.why}, so that it gives numbers again that were given`;
    case 'rows':
      return `${difference.relation}: ${difference.before} rows before, ${difference.after} after`;
    case 'values': {
      const { relation, column, before, after } = difference;
      if (column === undefined) return `${relation}: the same values stand in other rows`;
      const counts = before === after ? `in one of ${before} at least` : `${before} values before, ${after} after`;
      return `${relation}.${column}: other values than before (${counts})`;
    }
  }
}
