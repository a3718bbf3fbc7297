import { setTimeout as sleep } from 'node:timers/promises';

const TRIES = 6;
/** Who is told to come later than this is told so. Seconds. */
const MOST_WAIT_S = 10;

/**
 * Sends again what was too much at once (429), after the time that the server names: a pipeline's jobs share a token, and
 * what was refused so has not happened.
 */
export function patientFetch(send: typeof fetch = fetch): typeof fetch {
  return async (input, init) => {
    for (let tried = 1; ; tried++) {
      const response = await send(input, init);
      const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
      if (response.status !== 429 || tried === TRIES || !(seconds >= 0 && seconds <= MOST_WAIT_S)) return response;
      await response.body?.cancel();
      // Not all of them at the same moment again.
      const waitMs = seconds * 1_000 * (0.5 + Math.random());
      await sleep(waitMs, undefined, init?.signal ? { signal: init.signal } : {});
    }
  };
}
