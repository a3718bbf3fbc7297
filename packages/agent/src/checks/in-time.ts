import { CLOCK_TOLERANCE_MS } from './approved.ts';
import { type Check, refusal } from './facts.ts';

/** No forward step starts after the latest finish that was approved. */
export const inTime: Check = (facts) => {
  const { assignment, plan, now } = facts;
  if (assignment.course === 'undo' || now <= plan.latestFinish + CLOCK_TOLERANCE_MS) return undefined;
  return refusal(
    facts,
    'too-late',
    `the plan's latest finish was ${new Date(plan.latestFinish).toISOString()}`,
    'promote again; or correct the clock of this machine',
  );
};
