import { z } from 'zod';
import { digest, instant, name } from './common.ts';

/** Something that was brought back out of restore points: a store, one tenant's rows, a whole cell. */
export const restoration = z
  .object({
    kind: z.enum(['beside', 'in-place', 'tenant', 'exercise', 'rebuild']),
    environment: name,
    cell: name,
    stores: z.array(
      z.object({
        store: name,
        point: z.string().exactOptional(),
        schemaVersion: z.int().exactOptional(),
        lastCommitAt: instant.exactOptional(),
      }),
    ),
    /** Whose data came back: the first of them, and how many they are. */
    tenants: z.array(name),
    tenantCount: z.int(),
    moment: z.string(),
    /** Of the difference, the proposal or the plan that was carried out. */
    subject: digest,
    /** Absent: nobody said. */
    by: z.string().exactOptional(),
    approvals: z.array(z.object({ by: z.string(), digest })),
    because: z.string().exactOptional(),
    /** By the clock of the machine. */
    startedAt: instant,
    at: instant,
    rows: z.object({ back: z.int(), away: z.int(), changed: z.int() }).exactOptional(),
    /** Of the signed statement that lies where it was carried out. */
    statement: digest.exactOptional(),
    rtoMs: z.int().exactOptional(),
    result: z.enum(['done', 'failed', 'taken-back']),
    failed: z.string().exactOptional(),
    /** In one sentence. */
    words: z.string(),
    /** The signed statement's blob. */
    evidence: digest,
    keyId: z.string(),
  })
  .meta({ id: 'Restoration' });
export type Restoration = z.infer<typeof restoration>;
