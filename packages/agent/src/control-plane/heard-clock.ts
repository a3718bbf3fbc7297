/**
 * The server's clock as its last answer said it. What is told of a standby is dated there, and however long it was on its way,
 * in a queue or a proxy, it mustn't look newer than it is: so what is told says when the server's clock was heard, and for how
 * long that had been known by our own monotonic clock, which nobody sets.
 */
import { type Client, ProblemError } from '@headgate/contract';
import type { Instant, ToldStandby } from '@headgate/domain';

interface Heard {
  readonly at: Instant;
  /** When the answer was here. */
  readonly receivedAt: number;
}

/** After so long it is asked anew: two clocks never run alike. Milliseconds. */
const MAX_AGE_MS = 600_000;

/** Tells looks at standbys with what was heard of the server's clock. */
export class StandbyClock {
  readonly #client: Pick<Client, 'call'>;
  readonly #timeoutMs: number;
  /** By cell: cells tell side by side, and an answer that was slower than another's would set that cell's looks back. */
  readonly #heard = new Map<string, Heard>();

  constructor(client: Pick<Client, 'call'>, timeoutMs: number) {
    this.#client = client;
    this.#timeoutMs = timeoutMs;
  }

  /** Tells of a cell's standbys; throws as the client does. */
  async tell(cell: string, looked: (askedAt: number) => readonly ToldStandby[]): Promise<void> {
    try {
      // As of long ago it takes nobody's place: the answer alone is wanted.
      if (!this.#known(cell)) await this.#call(cell, { standbys: [], heard: { at: 0, agoMs: 0 } });
      const now = performance.now();
      const heard = this.#heard.get(cell);
      const agoMs = heard === undefined ? 0 : Math.floor(now - heard.receivedAt);
      await this.#call(cell, { standbys: looked(now), ...(heard !== undefined && { heard: { at: heard.at, agoMs } }) });
    } catch (error) {
      if (!(error instanceof ProblemError) || error.status !== 422) throw error;
      // An older server refuses what it doesn't know: it dates by the arrival.
      await this.#call(cell, { standbys: looked(performance.now()) });
    }
  }

  #known(cell: string): boolean {
    const heard = this.#heard.get(cell);
    return heard !== undefined && performance.now() - heard.receivedAt < MAX_AGE_MS;
  }

  async #call(cell: string, body: object): Promise<void> {
    const { at } = await this.#client.call(
      'tellStandbys',
      { cell, body: body as never },
      { timeoutMs: this.#timeoutMs },
    );
    if (at === undefined) this.#heard.delete(cell);
    else this.#heard.set(cell, { at, receivedAt: performance.now() });
  }
}
