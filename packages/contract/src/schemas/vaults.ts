import { z } from 'zod';
import { instant, name } from './common.ts';

/** Stores that one cell may tell of. */
export const MAX_VAULTS = 10_000;
/** Restore points may be years old. Milliseconds. */
const MAX_AGE_MS = 100 * 366 * 86_400_000;

const text = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .refine((each) => each.isWellFormed() && !/\p{Cc}/u.test(each), {
      error: 'expected a text without control characters',
    });
const ms = z.int().min(0).max(MAX_AGE_MS);

const seen = {
  store: name,
  where: z.enum(['vault', 'repository']),
  /** Restore points that lie there and can't be brought back. */
  unreadable: z.int().min(1).exactOptional(),
  /** A piece of the log is gone, by its name: nothing after it comes back. */
  gap: text(500).exactOptional(),
  /** It is half way back in its place, and its tenants are held: since when, and by what. */
  halfWay: text(500).exactOptional(),
  /** Why the last look or the last round of the log did not get there. */
  why: text(500).exactOptional(),
  /** What the agent's own configuration lets be lost. */
  rpoMs: ms.exactOptional(),
};

/** What an agent saw of one store's restore points and log, where they lie. Milliseconds, as of the telling. */
export const toldVault = z
  .strictObject({
    ...seen,
    /** The newest that could be brought back; absent: there is none, or nobody has looked yet. */
    point: z.strictObject({ id: text(200), ageMs: ms }).exactOptional(),
    /** So much was written last, and would be lost; absent: everything, or not known. */
    lostMs: ms.exactOptional(),
    /** How old the last look is that got there; absent: none did. */
    ageMs: ms.exactOptional(),
  })
  .meta({ id: 'ToldVault' });

/** The same as it was seen last. */
export const vault = z
  .object({
    cell: name,
    ...seen,
    point: z.object({ id: z.string(), takenAt: z.int() }).exactOptional(),
    /** All that was written before then comes back. */
    reachedAt: z.int().exactOptional(),
    /** When somebody looked who got there, by the control plane's clock. */
    at: z.int().exactOptional(),
    /** `none`: nothing could be brought back. `exposed`: more would be lost than the agent's configuration lets be. `unseen`: nobody knows. */
    state: z.enum(['half-way', 'none', 'gap', 'exposed', 'unseen', 'kept']),
    words: z.string(),
    /** What would mend it; empty where nothing is known to be wrong. */
    mend: z.string(),
  })
  .meta({ id: 'Vault' });
export type Vault = z.infer<typeof vault>;

const standing = z.enum(['missed', 'not-known', 'unasked', 'met']);

/** What could be brought back of the stores that a plan touches, stated beside it. Milliseconds. */
export const recoverability = z
  .object({
    at: instant,
    /** What the policy asks of each store that it migrates (gate restore-drilled); absent: it asks nothing. */
    targets: z.object({ rpoMs: z.int(), rtoMs: z.int(), drillMaxAgeMs: z.int() }).exactOptional(),
    /** Every store that it touches, by how it stands. */
    counts: z.object({ missed: z.int(), 'not-known': z.int(), unasked: z.int(), met: z.int() }),
    /** The worst first; what is alike is told once. */
    stores: z.array(
      z.object({
        cell: name,
        store: name,
        /** `missed`: known not to be within its targets, or nothing could be brought back. `unasked`: there are none. */
        standing,
        migrated: z.boolean(),
        newest: z.object({ id: z.string(), takenAt: z.int() }).exactOptional(),
        /** What would be lost if the store were lost now. */
        lostMs: z.int().exactOptional(),
        /** By the last drill; absent: never measured. */
        measured: z
          .object({
            at: instant,
            ok: z.boolean(),
            rpoMs: z.int().exactOptional(),
            rtoMs: z.int().exactOptional(),
            rtoUntil: z.enum(['first-transaction', 'last-comparison']).exactOptional(),
          })
          .exactOptional(),
        because: z.string(),
        words: z.array(z.string()),
        /** So many more stores of which the same is said, and the first of them. */
        alike: z.int(),
        others: z.array(z.string()),
      }),
    ),
    /** Stores that are left out, none of which stands worse. */
    left: z.int(),
  })
  .meta({ id: 'Recoverability' });
export type Recoverability = z.infer<typeof recoverability>;
