/**
 * A wake-up within this process: "something was committed, look at once". Only a hint: whoever waits looks again by
 * itself after its own interval, because another server may have committed it.
 */
export class Wake {
  #waiting = new Set<() => void>();
  #signals = 0;

  /** Signals so far: whoever looked before the last one looks again instead of waiting. */
  get signals(): number {
    return this.#signals;
  }

  /** Wakes everybody who waits now. */
  signal(): void {
    this.#signals += 1;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  /**
   * Resolves at the next signal, after `ms` milliseconds, or when `stop` is aborted; whichever comes first. At once when a
   * signal came after `seen` of them: one that came while the caller was looking is not lost.
   */
  wait(ms: number, stop: AbortSignal, seen = this.#signals): Promise<void> {
    if (stop.aborted || seen !== this.#signals) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        stop.removeEventListener('abort', done);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, Math.max(0, ms));
      stop.addEventListener('abort', done, { once: true });
      this.#waiting.add(done);
    });
  }
}
