import { EXIT } from './exit-codes.ts';
import { Failure } from './failure.ts';

const AGAIN_MS = 500;

/** Does the work again until it succeeds, `waitMs` have passed, or it fails for another reason than one that passes. */
export async function patiently<T>(
  waitMs: number,
  stop: AbortSignal,
  work: () => Promise<T>,
  passes: (error: unknown) => boolean,
): Promise<T> {
  const until = performance.now() + waitMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (stop.aborted || !passes(error) || performance.now() + AGAIN_MS > until) throw error;
    }
    await new Promise((done) => setTimeout(done, AGAIN_MS));
  }
}

/** A number of seconds from a flag. */
export function secondsOf(text: string, flag: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new Failure(EXIT.usage, 'usage', `${flag}: expected a number of seconds`);
}
