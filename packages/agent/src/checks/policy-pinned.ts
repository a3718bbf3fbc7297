import { canonicalJson } from '@headgate/documents';
import { gatesToOvertake } from '@headgate/domain';
import { begunHere, type Check, refusal } from './facts.ts';

/**
 * The plan was made under the policy that a person pinned for this environment, if one was pinned: it names that policy,
 * and it has that policy's gates. The name alone is the server's word. An undo of what this agent began was
 * judged when it began.
 */
export const policyPinned: Check = (facts) => {
  const { assignment, enrolment, plan, policy } = facts;
  const pinned = enrolment.environments.find((e) => e.name === assignment.environment)?.policyDigest;
  if (pinned === undefined || begunHere(facts)) return undefined;
  if (pinned !== plan.policyDigest)
    return refusal(
      facts,
      'other-policy',
      `the plan was made under the policy ${plan.policyDigest}, pinned here is ${pinned}`,
      'have a person pin the new policy in agent.yaml, or promote under the old one',
    );
  const { gates, rollbackScope } = plan;
  if (
    policy !== undefined &&
    canonicalJson(policyOf(policy, plan.overtakes)) === canonicalJson({ gates, rollbackScope })
  )
    return undefined;
  return refusal(
    facts,
    'other-policy',
    `the plan names the pinned policy ${pinned}, and its gates or its rollback are not that policy’s`,
    'nothing: a plan has the gates of the policy that it names',
  );
};

/** What a policy demands of a plan; of one that overtakes another, one approval more. */
const policyOf = (
  { gates, rollbackScope }: NonNullable<Parameters<Check>[0]['policy']>,
  overtakes: string | undefined,
) => ({ gates: overtakes === undefined ? gates : gatesToOvertake(gates), rollbackScope });
