import type { PrincipalId } from '../model/identity.ts';
import { type Gate, type GateFacts, pass, stop, wholeNumber } from './gate.ts';

/** Approvals of exactly this envelope that still hold, each by a different person, none of them author or requester. */
export function holdingApprovals(facts: GateFacts): readonly PrincipalId[] {
  const barred = new Set<PrincipalId>([...facts.release.authors, facts.requester]);
  const holding = facts.approvals.filter(
    (a) => a.envelope === facts.envelope && a.expiresAt > facts.now && !barred.has(a.by),
  );
  return [...new Set(holding.map((a) => a.by))];
}

/** Enough people who are neither author nor requester said yes to this envelope. */
export const approval: Gate = {
  name: 'approval',
  asks: 'Did enough people approve exactly this plan, none of them its author or whoever asked for it?',
  parameters: {
    type: 'object',
    additionalProperties: false,
    required: ['count'],
    properties: { count: { type: 'integer', minimum: 1, description: 'So many people' } },
  },
  at: 'wave',
  consumedByWave: true,
  judge(params, facts) {
    const name = 'approval';
    const count = wholeNumber(params, 'count');
    if (count === undefined || count < 1)
      return stop(
        name,
        'error',
        'the policy gives no count of approvals',
        'set params.count in the policy',
        'release manager',
      );
    const holding = holdingApprovals(facts);
    if (holding.length >= count) return pass(name, `approved by ${holding.join(', ')}`);
    const missing = count - holding.length;
    return stop(
      name,
      'pending',
      `${holding.length} of ${count} approvals hold for envelope ${facts.envelope}`,
      `${missing} more approver${missing > 1 ? 's' : ''}, not the author or the requester: \`headgate approve ${facts.promotion ?? 'PROMOTION'}\``,
      'approver',
    );
  },
};
