import { z } from 'zod';
import { digest, instant, name } from './common.ts';

const sums = z.array(
  z.object({ field: z.string(), unit: z.string().exactOptional(), left: z.string(), right: z.string() }),
);

/** What came of a compensation plan that a person had carried out. */
export const reconciliation = z
  .object({
    environment: name,
    cell: name,
    store: name,
    reconciliation: name,
    document: digest,
    plan: digest,
    risk: z.enum(['low', 'medium', 'high']),
    by: z.string(),
    /** Those that counted. */
    approvals: z.array(z.object({ by: z.string(), digest })),
    /** By the agent's clock. */
    startedAt: instant,
    at: instant,
    /** How often the plan was begun: more than once where it was interrupted, or run again. */
    begun: z.int(),
    done: z.object({ replayed: z.int(), acknowledged: z.int(), cancelled: z.int(), posted: z.int() }),
    lines: z.object({
      planned: z.int(),
      covered: z.int(),
      gone: z.int(),
      leftAlone: z.int(),
      asked: z.int(),
    }),
    /** Where not all of the store's tenants were looked at: of how many it speaks, and how many there are. */
    some: z.object({ tenants: z.int(), of: z.int() }).exactOptional(),
    compared: z.int(),
    /** What is caught between the two sides afterwards, by class. */
    classes: z.record(z.string(), z.int()),
    before: sums,
    after: sums,
    agrees: z.boolean(),
    /** In one sentence. */
    words: z.string(),
    /** The signed statement's blob. */
    evidence: digest,
    keyId: z.string(),
  })
  .meta({ id: 'Reconciliation' });
export type Reconciliation = z.infer<typeof reconciliation>;
