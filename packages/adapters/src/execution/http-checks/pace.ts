import { pause } from '@headgate/execution/steps/step-executor';

/** No rest is longer: a request that hung has had its time limit already. Milliseconds. */
const MOST_REST_MS = 5_000;

/**
 * One check's requests, one after the other, with a rest between two that is in proportion to how long the first of them
 * took. Checks are work for a system that others are using: a tenant who is looked at mustn't slow down the neighbours.
 */
export class Pace {
  readonly #busyAtMostPercent: () => number;
  #busyMs = 0;

  /** `busyAtMostPercent`: of the time, from 10 to 100; 100 never rests. Asked before each request. */
  constructor(busyAtMostPercent: () => number) {
    this.#busyAtMostPercent = busyAtMostPercent;
  }

  /** Does some work, once what is owed for the work before has been rested. */
  async turn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const percent = this.#busyAtMostPercent();
    const owedMs = Math.min(MOST_REST_MS, (this.#busyMs * (100 - percent)) / percent);
    if (owedMs > 0) await pause(owedMs, signal);
    const began = performance.now();
    try {
      return await work();
    } finally {
      this.#busyMs = performance.now() - began;
    }
  }
}
