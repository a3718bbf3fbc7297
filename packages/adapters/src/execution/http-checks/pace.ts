import { pause } from '@headgate/execution/steps/step-executor';

/** No rest is longer: a request that hung has had its time limit already. Milliseconds. */
const MOST_REST_MS = 5_000;

/**
 * One check's requests, one after the other, with a rest between two that is in proportion to how long the first of them
 * took. Checks are work for a system that others are using: a tenant who is looked at mustn't slow down the neighbours.
 */
export class Pace {
  readonly #restPerBusy: number;
  #owedMs = 0;

  /** `busyAtMostPercent`: of the time, from 10 to 100; 100 never rests. */
  constructor(busyAtMostPercent: number) {
    this.#restPerBusy = (100 - busyAtMostPercent) / busyAtMostPercent;
  }

  /** Does some work, once what is owed for the work before has been rested. */
  async turn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#owedMs > 0) await pause(this.#owedMs, signal);
    const began = performance.now();
    try {
      return await work();
    } finally {
      this.#owedMs = Math.min(MOST_REST_MS, (performance.now() - began) * this.#restPerBusy);
    }
  }
}
