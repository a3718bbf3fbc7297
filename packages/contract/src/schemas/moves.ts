import { z } from 'zod';
import { instant, name } from './common.ts';

/** Moves that one cell may have, over all its stores. */
export const MAX_MOVES = 100;
const MAX_AGE_MS = 10 * 366 * 86_400_000;

const text = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .refine((each) => each.isWellFormed() && !/\p{Cc}/u.test(each), {
      error: 'expected a text without control characters',
    });
const count = z.int().min(0);
const ageMs = z.int().min(0).max(MAX_AGE_MS);
const versions = z.array(text(100)).max(50);
const sum = z.string().regex(/^(-?\d{1,1000}(\.\d{1,1000})?|NaN|-?Infinity)$/, 'expected an exact decimal');

/** What one comparison of two places found: counts and sums, never a row. */
const compared = z.strictObject({
  rows: z.strictObject({ old: count, new: count }),
  differences: z.strictObject({
    missingInNew: count,
    missingInOld: count,
    different: count,
    doubled: count,
    keyless: count,
  }),
  /** Rows that changed with every look. */
  unsettled: count,
  /** Those with the most differences. */
  tenants: z.array(z.strictObject({ tenant: text(200), differences: count })).max(20),
  others: count,
  sums: z.array(z.strictObject({ amount: text(63), old: sum, new: sum })).max(10),
  /** Since its snapshot was taken, by the agent's own clock. Milliseconds. */
  ageMs,
  tookMs: count,
  /** What ran meanwhile. */
  versions,
  /** Begun after what runs changed for the last time. */
  current: z.boolean(),
});

const told = {
  store: name,
  name,
  writtenBy: versions,
  readBy: versions,
  removedBy: z.array(text(200)).max(50),
  runs: versions,
  last: compared.exactOptional(),
  /** Something that doesn't write both places has run since. */
  left: z.strictObject({ ageMs, gapMs: z.int().min(-MAX_AGE_MS).max(MAX_AGE_MS), versions }).exactOptional(),
  why: text(500).exactOptional(),
};

/** How data stands that is being moved, as an agent tells it. */
export const toldMove = z.strictObject(told).meta({ id: 'ToldMove' });

/** The same as it was told last. */
export const move = z
  .object({
    cell: name,
    ...told,
    /** When it was told, by the control plane's clock. */
    at: instant,
    state: z.enum(['agrees', 'differs', 'not-known']),
    words: z.string(),
  })
  .meta({ id: 'Move' });
export type Move = z.infer<typeof move>;
