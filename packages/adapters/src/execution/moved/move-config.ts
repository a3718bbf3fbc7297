import { NAME_PATTERN } from '@headgate/domain';
import { z } from 'zod';

const column = z.string().min(1).max(63);
const sql = z.string().min(1).max(20_000);
const version = z.string().min(1).max(100);
const columns = (least: number, most: number) =>
  z
    .array(column)
    .min(least)
    .max(most)
    .refine((all) => new Set(all).size === all.length, 'each column once');

const inOneLine = (text: string): string => text.replaceAll(/[\s;]+/g, ' ').trim();

/** Moves of one store. */
export const MOST_MOVES = 20;

/** Data that is being moved in one store: two queries that should say the same, and who writes and reads which place. */
export const MoveConfig = z
  .strictObject({
    /** What the old place says, one row a key; the columns are called alike in both. Names are qualified, or the login's search path finds them. */
    old: sql,
    new: sql,
    key: columns(1, 8),
    compare: columns(1, 50),
    /** Whose row it is; a row that is another tenant's in the other place is a different one. */
    tenant: column.optional(),
    /** Compared numbers that are added up, too, over each whole place. */
    amounts: columns(0, 10).default([]),
    /** The versions that write both places. While anything else runs there is nothing to compare. */
    writtenBy: z.array(version).min(1).max(50),
    /** Those of them, and others, that read the new place. */
    readBy: z.array(version).max(50).default([]),
    /** Migrations that remove the old place; without any, each contract migration may. */
    removedBy: z.array(z.string().min(1).max(200)).max(50).default([]),
    everyMs: z.int().min(1_000).max(86_400_000).default(300_000),
    /** How far apart an application's two writes may be where they aren't one transaction. Milliseconds. */
    settleMs: z.int().min(0).max(60_000).default(0),
    /** Rows of each place that are compared by one statement. */
    batchRows: z.int().min(100).max(1_000_000).default(20_000),
    statementMs: z.int().min(100).max(600_000).default(60_000),
    /** For all of it, which holds one snapshot. */
    wholeMs: z.int().min(1_000).max(14_400_000).default(1_800_000),
  })
  .refine(({ amounts, compare }) => amounts.every((each) => compare.includes(each)), 'amounts are compared, too')
  // A place agrees with itself whatever is lost.
  .refine((move) => inOneLine(move.old) !== inOneLine(move.new), {
    path: ['new'],
    error: 'both places are the same query, and would agree whatever was lost: say where the data goes',
  });
export type MoveConfig = z.output<typeof MoveConfig>;

/** The moves of a store, by name. */
export const moves = z
  .record(z.string().regex(NAME_PATTERN), MoveConfig)
  .refine((all) => Object.keys(all).length <= MOST_MOVES, `at most ${MOST_MOVES} moves`)
  .default({});
