import { type GateFacts, type Subject, stop, type Verdict } from './gate.ts';

/** Under which name it is told. */
export const POLICY = 'policy';

/**
 * The verdict on a promotion that has not begun and whose policy was replaced since it was planned; undefined where it wasn't. It
 * stands before the first wave whatever the policy says: whoever makes a policy stricter means what comes, and an approval of
 * before answers what was asked before.
 */
export function replacedVerdict(
  { replaced, promotion, release, environment }: GateFacts,
  subject: Subject,
): Verdict | undefined {
  if (replaced === undefined || subject.kind === 'step') return undefined;
  return stop(
    POLICY,
    'fail',
    `it is planned under policy ${replaced.planned}, and ${replaced.inForce} is in force since`,
    `\`headgate document diff ${replaced.planned} ${replaced.inForce}\` says what changed; ask for it anew, which plans it under that: ${askAnew(promotion ?? 'PROMOTION', release.digest, environment)}`,
    'release manager',
  );
}

/** How a promotion that hasn't begun is planned anew: a plan is never made over, what was approved is what runs. */
export function askAnew(promotion: string, release: string, environment = 'ENVIRONMENT'): string {
  return `\`headgate reject ${promotion} --reason "planned under what was before"\`, then \`headgate promote ${release} --to ${environment}\`, with --only or --overtake as it was asked for before, and another --key where it had one`;
}
