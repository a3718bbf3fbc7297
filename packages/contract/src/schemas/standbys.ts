import { z } from 'zod';
import { instant, name } from './common.ts';

/** Standbys that one cell may have, over all its stores. */
export const MAX_STANDBYS = 100;
/** How old a look may be when it is told. Milliseconds. */
export const MAX_TOLD_AGE_MS = 3_600_000;

const text = z
  .string()
  .min(1)
  .max(500)
  .refine((each) => each.isWellFormed() && !/\p{Cc}/u.test(each), {
    error: 'expected a text without control characters',
  });

const standing = z.enum([
  'following',
  'unreachable',
  'unknown',
  'promoted',
  'other-cluster',
  'other-timeline',
  'ahead',
]);

const seen = {
  store: name,
  name,
  standing,
  /** Why it follows nothing, or can't be told. */
  why: text.exactOptional(),
  /** What of the primary's log it hasn't replayed. */
  lagBytes: z.int().min(0).exactOptional(),
  /** Since when the oldest of that has been written, at most; absent: not known. */
  lagMs: z.int().min(0).exactOptional(),
  paused: z.literal(true).exactOptional(),
  /** Whether its receiver streams; absent: its login may not know. */
  receiving: z.boolean().exactOptional(),
};

/** What an agent saw of one standby; `ageMs`: how old that is, by its own monotonic clock. */
export const toldStandby = z
  .strictObject({ ...seen, ageMs: z.int().min(0).max(MAX_TOLD_AGE_MS) })
  .meta({ id: 'ToldStandby' });

/**
 * The control plane's clock as an earlier answer said it, and for how long the agent had known that when it told, by its own
 * monotonic clock: what was seen is dated by it, so that nothing that is held up on its way looks newer than it is.
 */
export const heardClock = z
  .strictObject({ at: instant, agoMs: z.int().min(0).max(MAX_TOLD_AGE_MS) })
  .meta({ id: 'HeardClock' });

/** A standby as it was seen last. */
export const standby = z
  .object({
    cell: name,
    ...seen,
    /** When it was seen, by the control plane's clock. */
    at: instant,
    /** `ready`: it replays what the primary writes; which lag is too much is the policy's to say. `unseen`: nobody knows. */
    state: z.enum(['ready', 'not-ready', 'unseen']),
    words: z.string(),
    /** What would mend it; empty where nothing is known to be wrong. */
    mend: z.string(),
  })
  .meta({ id: 'Standby' });
export type Standby = z.infer<typeof standby>;
