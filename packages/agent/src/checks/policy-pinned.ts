import { type Check, refusal } from './facts.ts';

/** The plan was made under the policy that a person pinned for this environment, if one was pinned. */
export const policyPinned: Check = (facts) => {
  const { assignment, enrolment, plan } = facts;
  const pinned = enrolment.environments.find((e) => e.name === assignment.environment)?.policyDigest;
  if (pinned === undefined || pinned === plan.policyDigest || assignment.course === 'undo') return undefined;
  return refusal(
    facts,
    'other-policy',
    `the plan was made under the policy ${plan.policyDigest}, pinned here is ${pinned}`,
    'have a person pin the new policy in agent.yaml, or promote under the old one',
  );
};
