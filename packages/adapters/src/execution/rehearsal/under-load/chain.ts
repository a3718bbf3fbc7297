/**
 * Interruptions one after the other: the runner is called as a promotion calls it, interrupted where that is planned, and
 * called again; then until it has ended. What a promotion doesn't try again ends it here, too.
 */
import {
  type InterruptibleFile,
  type PlannedInterruption,
  planInterruptions,
} from '@headgate/domain/rehearsal/interruptions';
import type { Interruption, UnderLoadFacts } from '@headgate/domain/rehearsal/under-load';
import type { CallEnd } from './interrupt.ts';

/** One try of a promotion's step. `at`, `done`: of the interruption that was planned for it, as far as it came to it. */
export interface StepCall {
  readonly end: CallEnd;
  readonly at?: string;
  readonly done?: boolean;
  /** Its moment never came, and it was ended before it was recorded. */
  readonly missed?: boolean;
}

export interface ChainAsk {
  readonly files: readonly { readonly name: string; readonly from: number; readonly to: number }[];
  readonly kinds: readonly InterruptibleFile[];
  readonly seed: number;
  /** Tries of a step in all, the first included; counted anew after each interruption. */
  readonly attempts: number;
  readonly signal: AbortSignal;
  /** Hears what the migrations are at, in words. */
  beside(what: string): void;
  /** The schema's version as it is recorded. */
  recorded(): Promise<number>;
  /** One try, every file from the first on; undefined: nobody interrupts it. */
  call(planned: PlannedInterruption | undefined): Promise<StepCall>;
}

export type ChainRan = Pick<UnderLoadFacts, 'interruptions' | 'calls' | 'durationMs' | 'lockTimeouts' | 'stopped'> & {
  /** Moments that there would have been beside those. */
  readonly left: number;
};

/** Times that it is interrupted, at most. */
const MOST_INTERRUPTIONS = 24;
/** Between two tries, doubled each time; a promotion waits for longer. Milliseconds. */
const PAUSE_MS = 100;
/** Of what the runner said, so much is kept. */
const TOLD = 300;

export async function runChain(ask: ChainAsk): Promise<ChainRan> {
  const { files, kinds, seed, attempts, signal } = ask;
  const all = planInterruptions(kinds, { seed, most: Number.POSITIVE_INFINITY });
  const plan = planInterruptions(kinds, { seed, most: MOST_INTERRUPTIONS });
  const interruptions: Interruption[] = [];
  let calls = 0;
  let lockTimeouts = 0;
  let stopped: string | undefined;
  const begun = performance.now();
  for (const planned of [...plan, undefined]) {
    for (let used = 1; ; used++) {
      signal.throwIfAborted();
      const last = files[planned?.file ?? files.length - 1]!;
      ask.beside(`beside ${last.name}, call ${calls + 1}`);
      calls++;
      const { end, at, done, missed = false } = await ask.call(planned);
      if (/55P03|lock timeout|in vain for a lock/.test(endText(end))) lockTimeouts++;
      const went = 'ok' in end && end.ok;
      if (planned !== undefined && at !== undefined && done !== undefined && (done || went || missed)) {
        const { name, from, to } = files[planned.file]!;
        const [stood, expected] = [await ask.recorded(), went ? to : from];
        interruptions.push({ file: name, moment: planned.moment, at, done, said: endText(end), stood, expected });
        if (!went && !triedAgain(end)) stopped = `${name}, interrupted ${at}: ${endText(end)}`;
        break;
      }
      if (went) break;
      if (!triedAgain(end)) stopped = `${last.name}: ${endText(end)}`;
      else if (used >= attempts - 1) stopped = `${last.name}, tried ${used + 1} times in all: ${endText(end)}`;
      if (stopped !== undefined) break;
      await new Promise((over) => setTimeout(over, PAUSE_MS * 2 ** used));
    }
    if (stopped !== undefined) break;
  }
  return {
    ...{ interruptions, calls, durationMs: performance.now() - begun, lockTimeouts, left: all.length - plan.length },
    ...(stopped === undefined ? {} : { stopped }),
  };
}

/** Whether a promotion tries a step again that ended so. */
function triedAgain(end: CallEnd): boolean {
  return !('ok' in end) || (!end.ok && (end.code === 'transient' || end.code === 'expired' || end.code === 'fenced'));
}

/** How a call ended, in words. */
export function endText(end: CallEnd): string {
  if (!('ok' in end)) return `it broke off: ${end.broke}`.slice(0, TOLD);
  return end.ok ? 'done' : end.why.slice(0, TOLD);
}

/** So many names are told. */
const NAMED = 10;

export function named(names: readonly string[]): string {
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  return `${names.slice(0, NAMED).join(', ')}${more}`;
}
