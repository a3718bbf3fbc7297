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
  const lift = `\`headgate freeze lift ${freeze.name} --because "…"\``;
  if (freeze.to >= UNTIL_LIFTED) return stop(gate, 'fail', because, lift, 'release manager');
  // Nobody lifts a calendar's; one from before the word of who declared it was kept is taken for such.
  const instead = freeze.by === undefined ? 'take it out of the calendar that declares it' : lift;
  return stop(gate, 'fail', because, `wait for its end, or ${instead}`, 'release manager', freeze.to);
}
