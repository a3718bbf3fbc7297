import type { Instant } from '../model/identity.ts';

/** How far the clock of the machine that wrote may be ahead of ours. Milliseconds. */
const CLOCK_STEP_MS = 60_000;

/** Whether a moment that a machine wrote down lies ahead of now by more than clocks differ: then nobody knows when it was. */
export function isDatedAhead(at: Instant, now: Instant): boolean {
  return at - now > CLOCK_STEP_MS;
}
