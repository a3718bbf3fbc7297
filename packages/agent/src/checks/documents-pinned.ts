import { documentsOf } from '@headgate/domain';
import { begunHere, type Check, refusal } from './facts.ts';

/**
 * What the plan's checks and reconciliations say, and so what they do with the environment's credentials, is what a person
 * pinned, if documents were pinned for this environment. All that the cell's plan names is judged at its first step, so
 * that an undo of what was begun never stands before another pin.
 */
export const documentsPinned: Check = (facts) => {
  const { assignment, cell, enrolment } = facts;
  const pinned = enrolment.environments.find((e) => e.name === assignment.environment)?.documents;
  if (pinned === undefined || begunHere(facts)) return undefined;
  const foreign = documentsOf(cell).find((document) => !pinned.includes(document.digest));
  return foreign === undefined
    ? undefined
    : refusal(
        facts,
        'other-document',
        `the plan names the document ${foreign.name} (${foreign.digest}), which nobody pinned here`,
        `read it, and have a person add its digest to the environment's \`documents\` in agent.yaml; or promote with the pinned one`,
      );
};
