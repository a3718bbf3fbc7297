import { LARGEST_EPOCH_RISE, staleness } from '../marks/marks.ts';
import { type Check, refusal } from './facts.ts';

/**
 * The token is newer than all that this agent acted on in the cell: no lower epoch (an older control plane came back),
 * none that no number of restores explains, and within an epoch a higher `n`. What was acted on stands on disk before
 * anything is done.
 */
export const notReplayed: Check = (facts) => {
  const { fence, cell } = facts.assignment;
  const { marks } = facts;
  const stale = staleness(marks, cell, fence);
  switch (stale) {
    case undefined:
      return undefined;
    case 'lower-epoch':
      return refusal(
        facts,
        stale,
        `its epoch is ${fence.epoch}, this agent has seen ${marks.epoch}`,
        'start the control plane from its newest data, or raise its epoch as a restore does',
      );
    case 'absurd-epoch':
      return refusal(
        facts,
        stale,
        `its epoch is ${fence.epoch}, this agent has seen ${marks.epoch}, and each restore raises it by one`,
        `find out who sent it; an epoch of at most ${marks.epoch + LARGEST_EPOCH_RISE} is taken`,
      );
    case 'replayed':
      return refusal(
        facts,
        stale,
        `assignment ${fence.n} is not newer than ${marks.cells[cell]?.n}, which was taken before`,
        'nothing: a fresh assignment carries a higher number',
      );
  }
};
