/** What a promotion that has not begun is worth once the policy that it was planned under is replaced: it is asked for anew. */
import type { GateFacts } from '../gates/gate.ts';
import { askAnew, POLICY, replacedVerdict } from '../gates/replaced-policy.ts';
import type { Refusal } from '../model/refusal.ts';
import type { Promotion, ShownVerdict } from './state.ts';

/**
 * Why an approval isn't taken: it would answer what was asked before, and be spent. Undefined where the policy that is in
 * force is the plan's, or the promotion has begun.
 */
export function refuseReplaced(state: Promotion, gates: GateFacts): Refusal | undefined {
  const verdict = replacedVerdict(gates, { kind: 'promotion' });
  if (verdict === undefined) return undefined;
  const { id, release, environment } = state;
  return {
    code: 'policy-replaced',
    what: `approve promotion ${id}`,
    where: `promotion/${id}`,
    why: `${verdict.because}: no approval opens it, and yours would be spent`,
    unblock: `ask for it anew, and approve that: ${askAnew(id, release.digest, environment)}`,
  };
}

/**
 * What the last look at a waiting promotion said of its policy: it stands in the row, so that a list can say it of each.
 * Undefined: its policy is in force, as far as was looked.
 */
export function saidReplaced(state: Promotion): ShownVerdict | undefined {
  if (state.phase !== 'awaiting' || state.wave > 0) return undefined;
  return state.verdicts.find(({ gate, verdict }) => gate === POLICY && verdict === 'fail');
}
