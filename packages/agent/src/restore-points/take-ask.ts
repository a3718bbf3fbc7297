import { z } from 'zod';

/** What a person asks for at the agent's door: a restore point of this store, now. */
export const TakePointAsk = z.strictObject({
  cell: z.string().min(1).max(200),
  store: z.string().min(1).max(200),
});
export type TakePointAsk = z.output<typeof TakePointAsk>;

/** One that was taken, and read back. */
export interface TakenPoint {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly takenAt: number;
  readonly bytes: number;
  /** What was said as it was taken, read back and sealed, or why it wasn't sealed. */
  readonly told: readonly string[];
}
