/** An entry of the log in one line, for people who want to know what happened just before. */

import { type RestorationFacts, restorationText } from '../recovery/restoration.ts';

/** What an entry's data may say of why, in the order in which it is asked for. */
const WHY = ['reason', 'because', 'question', 'why'] as const;
const WHAT = ['step', 'answer', 'result', 'scope', 'name', 'wave', 'version', 'change', 'cell'] as const;
const MOST = 300;
/** Entries whose type says too little by itself. */
const NAMED: Readonly<Record<string, string>> = { 'undone.recorded': 'taken back after its end' };

/** `rollout.step-failed`, `{step, why}` → `step failed: w1.verify: 3 checks failed`. */
export function entryWords(type: string, data: Readonly<Record<string, unknown>>): string {
  if (type === 'restoration.recorded') return whole(restorationText(data as unknown as RestorationFacts));
  const what = NAMED[type] ?? type.slice(type.indexOf('.') + 1).replaceAll('-', ' ');
  const told = (names: readonly string[]) =>
    names.flatMap((name) => {
      const value = data[name];
      if (name === 'wave') return value === undefined ? [] : [`wave ${String(value)}`];
      return typeof value === 'string' || typeof value === 'number' ? [String(value)] : [];
    });
  const parts = [...told(WHAT), ...told(WHY)];
  return whole(`${what}${parts.length > 0 ? `: ${parts.join(', ')}` : ''}`);
}

function whole(words: string): string {
  return words.slice(0, MOST).toWellFormed();
}
