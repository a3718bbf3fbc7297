import { canonicalJson } from '@headgate/documents';
import { type Check, refusal } from './facts.ts';

/** The plan is about what the assignment is about. */
export const planFits: Check = (facts) => {
  const { assignment, plan } = facts;
  const differs = (
    [
      ['application', plan.application, assignment.application],
      ['environment', plan.environment, assignment.environment],
      ['release', plan.release, assignment.release],
    ] as const
  ).find(([, planned, assigned]) => canonicalJson(planned) !== canonicalJson(assigned));
  return differs === undefined
    ? undefined
    : refusal(
        facts,
        'other-plan',
        `the plan names the ${differs[0]} ${canonicalJson(differs[1])}, the assignment ${canonicalJson(differs[2])}`,
        'nothing: the assignment was not made from this plan',
      );
};
