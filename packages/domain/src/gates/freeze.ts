import { activeFreeze, freezeEndText, UNTIL_LIFTED } from '../calendars/window.ts';
import { type GateFacts, stop, type Verdict } from './gate.ts';

/**
 * The verdict of a freeze that holds, under the name of whoever asks; undefined when none does. It stands before whatever
 * goes forward, whether a policy has the window gate or not: who freezes everything at night hasn't read the policies.
 */
export function frozenVerdict(gate: string, { freezes, now }: Pick<GateFacts, 'freezes' | 'now'>): Verdict | undefined {
  const freeze = activeFreeze(freezes, now);
  if (freeze === undefined) return undefined;
  const because = `freeze ${freeze.name} holds ${freezeEndText(freeze)}: ${freeze.reason}`;
  if (freeze.to >= UNTIL_LIFTED)
    return stop(gate, 'fail', because, `\`headgate freeze lift ${freeze.name} --because "…"\``, 'release manager');
  return stop(gate, 'fail', because, 'wait for its end, or a waiver', 'release manager', freeze.to);
}
