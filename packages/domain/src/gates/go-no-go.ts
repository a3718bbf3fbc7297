import { type Gate, pass, stop } from './gate.ts';

/** Whether a rollout waits for a go, by its reason. */
export function waitsForGo(reason: string): boolean {
  return reason === 'gate go-no-go: pending';
}

/**
 * A person says go before the first step of a cell that can't be taken back without losing data: an
 * approval was given before anything was seen, this is said with everything before it done. Where all can be undone it
 * stands before nothing.
 */
export const goNoGo: Gate = {
  name: 'go-no-go',
  asks: 'Has somebody said go, now that what comes next can’t be undone without losing data?',
  parameters: { type: 'object', additionalProperties: false, properties: {} },
  at: 'no-return',
  stays: true,
  judge(_, { go, promotion = 'PROMOTION' }) {
    if (go !== undefined) return pass('go-no-go', `${go.by} said go: ${go.reason}`);
    return stop(
      'go-no-go',
      'pending',
      'it stands before its point of no return: from the next step on, going back loses what was written since, or leaves what a migration took away, or what customers did by what is activated',
      `say go: \`headgate go ${promotion} --reason …\`; or no-go: \`headgate rollback ${promotion} --reason …\``,
      'approver or release manager',
    );
  },
};
