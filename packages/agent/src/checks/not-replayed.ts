import { staleness } from '../marks/marks.ts';
import { type Check, refusal } from './facts.ts';

/**
 * The token is newer than all that this agent acted on in the cell: no lower epoch (an older control plane came back),
 * and within an epoch a higher `n`. What was acted on stands on disk before anything is done.
 */
export const notReplayed: Check = (facts) => {
  const { fence, cell } = facts.assignment;
  const stale = staleness(facts.marks, cell, fence);
  if (stale === undefined) return undefined;
  return stale === 'lower-epoch'
    ? refusal(
        facts,
        'lower-epoch',
        `its epoch is ${fence.epoch}, this agent has seen ${facts.marks.epoch}`,
        'start the control plane from its newest data, or raise its epoch as a restore does',
      )
    : refusal(
        facts,
        'replayed',
        `assignment ${fence.n} is not newer than ${facts.marks.cells[cell]?.n}, which was taken before`,
        'nothing: a fresh assignment carries a higher number',
      );
};
