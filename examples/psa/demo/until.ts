import { setTimeout as sleep } from 'node:timers/promises';

/** What was waited for can't come any more: nothing is gained by asking again. */
export class Hopeless extends Error {}

/**
 * Asks until there is an answer. Throws once `timeoutMs` have passed, with what was waited for and what was last seen; at once when
 * the question turns out to be {@link Hopeless}.
 */
export async function until<T>(
  what: string,
  timeoutMs: number,
  ask: () => Promise<T | undefined>,
  everyMs = 50,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  let trouble = '';
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      trouble = `; last: ${(error as Error).message}`;
    }
    if (performance.now() > end) throw new Error(`${what}: not within ${timeoutMs / 1000} s${trouble}`);
    await sleep(everyMs);
  }
}
