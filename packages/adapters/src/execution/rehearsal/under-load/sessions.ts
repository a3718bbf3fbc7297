/** Users' sessions: each carries out one business transaction after the other, at a pace, and remembers what it felt. */
import type { Felt, LoadFailure } from '@headgate/domain/rehearsal/under-load';
import type { Serving } from './ground.ts';

export interface SessionsAsk {
  readonly serving: Pick<Serving, 'carry'>;
  readonly sessions: number;
  /** Between the beginnings of two transactions of one session, at least. Milliseconds. */
  readonly everyMs: number;
  readonly signal: AbortSignal;
}

/** What came of one stretch. */
export interface Stretch extends Felt {
  readonly failures: readonly LoadFailure[];
}

/** Failures that are kept. */
const MOST_FAILURES = 100;

export class Sessions {
  readonly #ask: SessionsAsk;
  #working: readonly Promise<void>[] = [];
  #stopped = false;
  #begun = 0;
  #took: number[] = [];
  #failures: LoadFailure[] = [];
  #failed = 0;
  #ended: number[];
  /** The number of the transaction that each session ended last; -1: none. */
  #last: number[];
  #hurried = false;
  readonly #resting = new Set<() => void>();
  /** What goes on beside them, in words: failures are told with it. */
  beside = 'before the migrations';

  constructor(ask: SessionsAsk) {
    this.#ask = ask;
    this.#ended = Array.from({ length: ask.sessions }, () => 0);
    this.#last = Array.from({ length: ask.sessions }, () => -1);
  }

  start(): void {
    this.#working = this.#ended.map((_, i) => this.#work(i));
  }

  /** Waits until each session has ended so many transactions more. */
  async more(each: number): Promise<void> {
    const from = [...this.#ended];
    while (!this.#stopped && this.#ended.some((ended, i) => ended < from[i]! + each)) {
      this.#ask.signal.throwIfAborted();
      await new Promise((done) => setTimeout(done, 5));
    }
  }

  /** How many transactions were begun so far. */
  get begun(): number {
    return this.#begun;
  }

  /** Sessions that have not yet ended one that was begun when so many others had been. */
  pending(begun: number): number {
    return this.#last.filter((nth) => nth < begun).length;
  }

  /** Nobody rests between two transactions, until that is taken back. */
  hurry(on: boolean): void {
    this.#hurried = on;
    if (on) for (const wake of this.#resting) wake();
  }

  /** What was felt since the last time that somebody asked. */
  take(): Stretch {
    const took = this.#took.sort((a, b) => a - b);
    const failures = this.#failures;
    const failed = this.#failed;
    this.#took = [];
    this.#failures = [];
    this.#failed = 0;
    if (took.length === 0) return { transactions: 0, failed, failures };
    const p95Ms = took[Math.ceil(took.length * 0.95) - 1]!;
    return { transactions: took.length, failed, failures, p95Ms, longestMs: took.at(-1)! };
  }

  /** Lets each one end what it is at. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const wake of this.#resting) wake();
    await Promise.all(this.#working);
  }

  async #work(session: number): Promise<void> {
    const { serving, everyMs, signal } = this.#ask;
    while (!this.#stopped && !signal.aborted) {
      const begun = performance.now();
      const nth = this.#begun++;
      const { tenant, ok, check, why } = await serving.carry(nth, signal);
      const tookMs = performance.now() - begun;
      this.#took.push(tookMs);
      this.#ended[session]! += 1;
      this.#last[session] = nth;
      if (!ok) {
        this.#failed++;
        if (this.#failures.length < MOST_FAILURES)
          this.#failures.push({
            ...{ tenant, ...(check === undefined ? {} : { check }) },
            ...{ why: why ?? 'it failed', beside: this.beside },
          });
      }
      if (!this.#stopped && tookMs < everyMs && !this.#hurried) await this.#rest(everyMs - tookMs);
    }
  }

  #rest(ms: number): Promise<void> {
    return new Promise((done) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#resting.delete(wake);
        done();
      };
      const timer = setTimeout(wake, ms);
      this.#resting.add(wake);
    });
  }
}
