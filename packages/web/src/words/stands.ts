import type { Promotion, Rollout } from '@headgate/contract';

/** A colour of the theme; each stands beside a word, so that nothing is told by colour alone. */
export type Tone = 'teal' | 'blue' | 'yellow' | 'orange' | 'red' | 'gray';

export interface Stands {
  readonly word: string;
  readonly tone: Tone;
}

const PHASES: Readonly<Record<Promotion['phase'], Stands>> = {
  awaiting: { word: 'waiting', tone: 'yellow' },
  advancing: { word: 'moving', tone: 'blue' },
  paused: { word: 'paused', tone: 'orange' },
  undoing: { word: 'rolling back', tone: 'orange' },
  held: { word: 'asking', tone: 'red' },
  ended: { word: 'ended', tone: 'gray' },
};

const RESULTS: Readonly<Record<NonNullable<Promotion['result']>, Stands>> = {
  promoted: { word: 'promoted', tone: 'teal' },
  'rolled-back': { word: 'rolled back', tone: 'orange' },
  superseded: { word: 'superseded', tone: 'gray' },
  'partly-rolled-back': { word: 'partly rolled back', tone: 'red' },
  rejected: { word: 'rejected', tone: 'gray' },
  expired: { word: 'expired', tone: 'gray' },
};

/** Where a promotion stands, in a word. */
export function promotionStands({
  phase,
  result,
  takenBack,
  policyReplaced,
}: Pick<Promotion, 'phase' | 'result' | 'takenBack' | 'policyReplaced'>): Stands {
  if (policyReplaced !== undefined) return { word: 'waiting, policy replaced', tone: 'red' };
  if (result !== undefined && takenBack !== undefined)
    return { word: `${RESULTS[result].word}, then taken back`, tone: 'red' };
  return result === undefined ? PHASES[phase] : RESULTS[result];
}

/** Waves that are behind a promotion: the one that it opened last is, once it waits to open the next. */
export function wavesDone({ phase, wave }: Pick<Promotion, 'phase' | 'wave'>): number {
  return phase === 'awaiting' || phase === 'ended' ? wave : Math.max(wave - 1, 0);
}

/** Where a rollout stands, in a word. */
export function rolloutStands({ phase, result, undo }: Pick<Rollout, 'phase' | 'result' | 'undo'>): Stands {
  if (phase === 'settled') return { word: result ?? 'settled', tone: result === 'completed' ? 'teal' : 'gray' };
  if (phase === 'failed') return { word: 'failed', tone: 'red' };
  if (phase === 'asking') return { word: 'asking', tone: 'red' };
  if (undo !== null) return { word: 'going back', tone: 'orange' };
  return phase === 'waiting' ? { word: 'waiting', tone: 'yellow' } : { word: 'at work', tone: 'blue' };
}

const VERDICTS: Readonly<Record<string, Stands>> = {
  pass: { word: 'pass', tone: 'teal' },
  waived: { word: 'waived', tone: 'gray' },
  pending: { word: 'pending', tone: 'yellow' },
  'no-data': { word: 'no data', tone: 'orange' },
  error: { word: 'error', tone: 'red' },
  fail: { word: 'fail', tone: 'red' },
};

/** A gate's verdict, in a word. */
export function verdictStands(verdict: string): Stands {
  return VERDICTS[verdict] ?? { word: verdict, tone: 'gray' };
}

const STEPS: Readonly<Record<string, Stands>> = {
  done: { word: 'done', tone: 'teal' },
  'at-hand': { word: 'at hand', tone: 'blue' },
  begun: { word: 'begun, not done', tone: 'orange' },
  ahead: { word: 'ahead', tone: 'gray' },
  left: { word: 'left out', tone: 'gray' },
};

/** Where a step stands, in a word. The one at hand is only next while its rollout waits, for a gate or for its wave. */
export function stepStands(stands: string, waiting = false): Stands {
  if (stands === 'at-hand' && waiting) return { word: 'next', tone: 'gray' };
  return STEPS[stands] ?? { word: stands, tone: 'gray' };
}

/** `1 cell`, `2 cells`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}
