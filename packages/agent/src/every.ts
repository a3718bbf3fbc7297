/**
 * Repeats work until it is stopped: one round after the other, never two at once, with a pause between them that a nudge
 * ends early. Rounds that throw are reported and come again; nothing here ends by itself.
 */
export class Every {
  readonly #round: (signal: AbortSignal) => Promise<void>;
  readonly #pauseMs: () => number;
  readonly #failed: (error: unknown) => void;
  readonly #stopped = new AbortController();
  #wake: (() => void) | undefined;
  #nudged = false;
  #running: Promise<void> | undefined;

  constructor(
    pauseMs: number | (() => number),
    round: (signal: AbortSignal) => Promise<void>,
    failed: (error: unknown) => void,
  ) {
    this.#pauseMs = typeof pauseMs === 'number' ? () => pauseMs : pauseMs;
    this.#round = round;
    this.#failed = failed;
  }

  start(): this {
    this.#running ??= this.#run();
    return this;
  }

  /** Asks for a round now, or right after the one that runs. */
  nudge(): void {
    this.#nudged = true;
    this.#wake?.();
  }

  /** Ends the repetition; settles when the running round has ended. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      this.#nudged = false;
      try {
        await this.#round(signal);
      } catch (error) {
        if (!signal.aborted) this.#failed(error);
      }
      if (signal.aborted) return;
      if (!this.#nudged) await this.#rest();
    }
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, this.#pauseMs());
      this.#wake = done;
      const self = this;
      function done(): void {
        clearTimeout(timer);
        self.#wake = undefined;
        resolve();
      }
    });
  }
}
