import { type Check, refusal } from './facts.ts';

/** While the log is caught contradicting itself nothing goes forward. Undo goes on: customers come first. */
export const logUnbroken: Check = (facts) => {
  if (facts.alarm === undefined || facts.assignment.course === 'undo') return undefined;
  return refusal(
    facts,
    'log-alarm',
    facts.alarm,
    'find out who rewrote the log; a person then removes FORK-ALARM.json from the agent’s data folder (and tree-head.note, to take up the new log)',
  );
};
