import { z } from 'zod';
import { digest, instant, name } from './common.ts';

/** What the last restore drill of a store came to. */
export const drill = z
  .object({
    environment: name,
    cell: name,
    store: name,
    /** By the clock of the machine that drilled. */
    at: instant,
    /** The restore point that was brought back, and its moment; absent: there was none, or none that is right. */
    point: z.string().exactOptional(),
    takenAt: instant.exactOptional(),
    /** Everything was compared, and nothing was wrong. */
    ok: z.boolean(),
    because: z.array(z.string()),
    /** What nobody looked at. */
    missing: z.array(z.string()),
    /** Milliseconds until the store could be used again, and until when that was measured. */
    rtoMs: z.int().exactOptional(),
    rtoUntil: z.enum(['first-transaction', 'last-comparison']).exactOptional(),
    /** Milliseconds of writes that would be lost. */
    rpoMs: z.int().exactOptional(),
    /** The signed statement's blob. */
    evidence: digest,
    keyId: z.string(),
  })
  .meta({ id: 'Drill' });
export type Drill = z.infer<typeof drill>;
