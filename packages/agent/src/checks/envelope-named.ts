import { digestOfJson } from '@headgate/documents';
import { envelopeOf } from '@headgate/domain';
import { type Check, refusal } from './facts.ts';

/** What was approved is this plan: the assignment's envelope is the plan's, by digest. */
export const envelopeNamed: Check = (facts) => {
  const own = digestOfJson(envelopeOf(facts.plan));
  return own === facts.assignment.envelope
    ? undefined
    : refusal(
        facts,
        'other-envelope',
        `the plan's envelope is ${own}, the assignment names ${facts.assignment.envelope}`,
        'nothing: an approval of another envelope does not count for this plan',
      );
};
