import type { ReconciledFacts } from '@headgate/domain';
import { z } from 'zod';

const MOST_APPROVALS = 20;

/** What a person asks for at the agent's door: a plan, its document, and who said yes to it. */
export const CarryOutAsk = z.strictObject({
  /** The plan file's text. */
  plan: z.string(),
  document: z.record(z.string(), z.unknown()),
  approvals: z
    .array(z.strictObject({ file: z.string().max(4_096), bundle: z.record(z.string(), z.unknown()) }))
    .max(MOST_APPROVALS),
  /** Who runs it, by the id that the control plane knows them by; without it the machine's user, by number. */
  by: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:@-]{0,99}$/)
    .exactOptional(),
  user: z.string().regex(/^uid-\d+$/),
});
export type CarryOutAsk = z.output<typeof CarryOutAsk>;

/** How it ended. */
export interface CarriedOut {
  readonly facts: ReconciledFacts;
  /** The signed statement. */
  readonly statement: Readonly<Record<string, unknown>>;
  /** What the server said to it; null: it is away, and hears it later. */
  readonly told: string | null;
  /** What was left alone, in words; the first of them. */
  readonly leftAlone: readonly string[];
}
