import type { Logger } from 'pino';
import { Wake } from './wake.ts';

export interface LoopOptions {
  readonly name: string;
  /** One round; true when there may be more to do at once. */
  readonly round: () => Promise<boolean>;
  readonly wake: Wake;
  /** Longest pause between rounds, milliseconds; a fifth of it is left to chance, so that servers don't march in step. */
  readonly pauseMs: number;
  /** Shortest pause after a round that left nothing, milliseconds: what comes meanwhile is done in one go. Default 0. */
  readonly restMs?: number;
  readonly stop: AbortSignal;
  readonly log: Logger;
}

/** Longest pause while rounds fail (the database is away), milliseconds. */
const MAX_BACKOFF_MS = 2_000;

/** Runs rounds until it is stopped, whatever they throw. What it does is idempotent, so it just goes on. */
export class Loop {
  readonly #options: LoopOptions;
  #ended: Promise<void> | undefined;
  #lastSound = 0;
  #trouble: string | undefined;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  start(): void {
    this.#ended ??= this.#run();
  }

  /** Resolves when the last round has ended, after `stop`. */
  async ended(): Promise<void> {
    await this.#ended;
  }

  /** Whether a round went well within the last `ms` milliseconds; if not, why. */
  health(ms: number): { readonly ready: boolean; readonly why: string } {
    if (performance.now() - this.#lastSound <= ms && this.#lastSound > 0) return { ready: true, why: '' };
    return { ready: false, why: this.#trouble ?? `no round of the ${this.#options.name} has ended lately` };
  }

  async #run(): Promise<void> {
    const { name, round, wake, pauseMs, restMs = 0, stop, log } = this.#options;
    let failures = 0;
    while (!stop.aborted) {
      const seen = wake.signals;
      try {
        const more = await round();
        if (failures > 0) log.info({ loop: name, failures }, 'goes on');
        failures = 0;
        this.#trouble = undefined;
        this.#lastSound = performance.now();
        if (more) continue;
        if (restMs > 0) await pause(restMs, stop);
        await wake.wait(pauseMs * (0.8 + 0.2 * Math.random()), stop, seen);
      } catch (error) {
        failures += 1;
        this.#trouble = (error as Error).message;
        if (failures === 1) log.error({ loop: name, err: error }, 'a round failed; it is tried again');
        await pause(Math.min(100 * 2 ** Math.min(failures, 10), MAX_BACKOFF_MS), stop);
      }
    }
  }
}

/** Nothing wakes whoever backs off: a wake-up is no sign that the trouble is over. */
function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Wake().wait(ms, stop);
}
