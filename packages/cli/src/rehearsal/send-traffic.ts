/** Requests that are sent while a promotion is rehearsed: GET, few, and as a customer's browser would see their answers. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RehearsedTraffic } from '@headgate/documents';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { TrafficMeter } from './traffic-meter.ts';

/** Between two requests to one address. Milliseconds. */
export const EVERY_MS = 200;
/** For one answer, all of it. Milliseconds. */
const ANSWER_MS = 10_000;
/** Of an answer; the rest isn't read. */
const MOST_BYTES = 4 * 1024 * 1024;
const MOST_ADDRESSES = 5;

/** The addresses of `--traffic`. Throws a {@link Failure}. */
export function trafficAddresses(given: readonly string[]): readonly URL[] {
  const wrong = (why: string) => new Failure(EXIT.usage, 'usage', `--traffic: ${why}`);
  if (given.length > MOST_ADDRESSES) throw wrong(`at most ${MOST_ADDRESSES} addresses`);
  return [...new Set(given)].map((text) => {
    const url = URL.parse(text);
    if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
      throw wrong(`${text} is no address: http://… or https://…`);
    // It stands in the statement, and on the command line.
    if (url.username !== '' || url.password !== '') throw wrong('an address with a password in it is not taken');
    return url;
  });
}

/** Without what stands behind a question mark, which may be a secret. */
function shown({ origin, pathname }: URL): string {
  return `${origin}${pathname}`.slice(0, 300);
}

export class Traffic {
  readonly #urls: readonly URL[];
  readonly #meter: TrafficMeter;
  readonly #over = new AbortController();
  readonly #timers: NodeJS.Timeout[];

  /** Begins to send. */
  constructor(urls: readonly URL[]) {
    this.#urls = urls;
    this.#meter = new TrafficMeter(urls.map(String), EVERY_MS, performance.now());
    this.#timers = urls.map((url) => setInterval(() => void this.#send(url), EVERY_MS));
  }

  /** What is asked from now on is asked on the way back. */
  turn(): void {
    this.#meter.turn(performance.now());
  }

  /** Waits until each address answered well so many times in a row, from now on; at most so long. */
  async steady(times: number, mostMs: number, signal: AbortSignal): Promise<void> {
    const until = performance.now() + mostMs;
    this.#meter.waitFor();
    while (this.#meter.fresh < times && performance.now() < until && !signal.aborted)
      await sleep(EVERY_MS, undefined, { signal }).catch(() => {});
  }

  /** Sends no more, and tells what came of it. */
  end(): RehearsedTraffic {
    if (!this.#over.signal.aborted) this.#meter.close(performance.now());
    for (const timer of this.#timers) clearInterval(timer);
    this.#over.abort();
    return this.#meter.told(this.#urls.map(shown));
  }

  async #send(url: URL): Promise<void> {
    const began = performance.now();
    const well = await answersWell(url, this.#over.signal);
    if (this.#over.signal.aborted) return;
    const at = performance.now();
    this.#meter.ended(String(url), well === undefined, at - began, at);
  }
}

/** Refuses to begin where an address isn't answered even now: whatever would come of it, it would say nothing. */
export async function expectAnswers(urls: readonly URL[], signal: AbortSignal): Promise<void> {
  for (const url of urls) {
    const why = await answersWell(url, signal);
    if (why !== undefined)
      throw new Failure(
        EXIT.refused,
        'not-answered',
        `--traffic: ${shown(url)} isn’t answered well before anything was begun: ${why}`,
        'name an address that is answered with 200 to 399 there, through the router of the environment',
      );
  }
}

/** Why a request wasn't answered well; undefined: it was. A redirection is an answer, and isn't followed. */
async function answersWell(url: URL, signal: AbortSignal): Promise<string | undefined> {
  try {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { 'user-agent': 'headgate-rehearsal' },
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
    });
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > MOST_BYTES) break;
    }
    return response.status >= 200 && response.status < 400 ? undefined : `HTTP ${response.status}`;
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string } };
    return cause?.code ?? message;
  }
}
