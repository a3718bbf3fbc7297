import type { Instant } from '@headgate/domain';

/**
 * What this process knows of the database's clock without asking it. Each answer that carries the clock anchors it: the
 * clock was read before the answer arrived, so `answer + time since the arrival` is never ahead of it (but for the drift
 * of two oscillators between two answers, and a clock that is set back; the commit function checks for both).
 */
export class DatabaseClock {
  readonly #monotonicMs: () => number;
  /** Database's time minus our monotonic time, or a little less. */
  #offset: number | undefined;
  #floor = 0;

  constructor(monotonicMs: () => number = () => performance.now()) {
    this.#monotonicMs = monotonicMs;
  }

  /** Takes the clock from an answer and returns the time to go on with: never before what was returned earlier. */
  observe(clock: Instant): Instant {
    this.#offset = clock - this.#monotonicMs();
    this.#floor = Math.max(this.#floor, clock);
    return this.#floor;
  }

  /** The time that the database's clock has reached for sure; undefined before the first answer. */
  estimate(): Instant | undefined {
    if (this.#offset === undefined) return undefined;
    this.#floor = Math.max(this.#floor, Math.floor(this.#monotonicMs() + this.#offset));
    return this.#floor;
  }
}
