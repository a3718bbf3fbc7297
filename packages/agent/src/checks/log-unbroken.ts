import { type Check, refusal } from './facts.ts';

/** While the log is caught contradicting itself nothing goes forward. Undo goes on: customers come first. */
export const logUnbroken: Check = (facts) => {
  if (facts.alarm === undefined || facts.assignment.course === 'undo') return undefined;
  return refusal(facts, 'log-alarm', facts.alarm.why, facts.alarm.unblock);
};
