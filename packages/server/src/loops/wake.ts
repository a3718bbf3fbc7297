/**
 * A wake-up within this process: "something was committed, look at once". Only a hint: whoever waits looks again by
 * itself after its own interval, because another server may have committed it.
 */
export class Wake {
  #waiting = new Set<() => void>();

  /** Wakes everybody who waits now. */
  signal(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  /** Resolves at the next signal, after `ms` milliseconds, or when `stop` is aborted; whichever comes first. */
  wait(ms: number, stop: AbortSignal): Promise<void> {
    if (stop.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        stop.removeEventListener('abort', done);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      stop.addEventListener('abort', done, { once: true });
      this.#waiting.add(done);
    });
  }
}
