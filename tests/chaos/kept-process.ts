/** A server or an agent as a service manager keeps it: what ends is started again, unless it is meant to be down. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../../examples/psa/demo/child.ts';

/** How a process is disturbed: killed, asked to end, or frozen for a while. */
export type Harm = 'kill' | 'stop' | 'freeze';

export interface Disturbance {
  readonly victim: string;
  readonly harm: Harm | 'restart' | 'crash';
  /** Wall clock, as all times here. */
  readonly at: number;
  /** When it was started again, or went on. */
  readonly backAt: number;
  /** When it said that it is ready; of an agent: when it ran. */
  readonly readyAt: number;
}

/** What a service manager waits before it starts something again. Milliseconds. */
const AGAIN_MS = 500;
/** What a process may take to end when it is asked to. Milliseconds. */
export const STOP_MS = 20_000;

export interface Kept {
  readonly name: string;
  /** The command line; asked for at each start, so that another build can take over. */
  readonly command: () => readonly string[];
  readonly logFile: string;
  readonly env: NodeJS.ProcessEnv;
  /** Resolves once it is at work, or once it isn't alive any more. */
  readonly ready: (child: Child) => Promise<void>;
}

export class KeptProcess {
  readonly kept: Kept;
  /** Times it ended without being asked to, in words: it couldn't start while its database was away, or worse. */
  readonly endings: string[] = [];
  /** Of those that were asked to end: what else than exit code 0 came of it. */
  readonly badStops: string[] = [];
  starts = 0;
  #child: Child | undefined;
  #wanted = false;
  #busy = false;
  #keeping: Promise<void> | undefined;

  constructor(kept: Kept) {
    this.kept = kept;
  }

  get name(): string {
    return this.kept.name;
  }

  get pid(): number | undefined {
    return this.#child?.running ? this.#child.pid : undefined;
  }

  /** Nobody harms it at this moment. */
  get undisturbed(): boolean {
    return this.#wanted && !this.#busy && this.#child?.running === true;
  }

  async start(): Promise<void> {
    this.#wanted = true;
    await this.#launch();
    this.#keeping ??= this.#keep();
    await this.kept.ready(this.#child as Child);
  }

  /** Does it harm, brings it back, and says when. `ms`: how long it is away, or frozen. */
  async disturb(harm: Harm, ms: number): Promise<Disturbance> {
    this.#busy = true;
    try {
      const at = Date.now();
      const child = this.#child as Child;
      if (harm === 'freeze') {
        process.kill(child.pid, 'SIGSTOP');
        await sleep(ms);
        if (child.running) process.kill(child.pid, 'SIGCONT');
      } else {
        if (harm === 'kill') await child.kill();
        else await this.#end(child);
        await sleep(ms);
        await this.#launch();
      }
      const backAt = Date.now();
      await this.kept.ready(this.#child as Child);
      return { victim: this.name, harm, at, backAt, readyAt: Date.now() };
    } finally {
      this.#busy = false;
    }
  }

  /** Freezes it for as long as the work takes, and lets it go on. */
  async frozenWhile<T>(work: () => Promise<T>): Promise<T> {
    this.#busy = true;
    const child = this.#child as Child;
    process.kill(child.pid, 'SIGSTOP');
    try {
      return await work();
    } finally {
      if (child.running) process.kill(child.pid, 'SIGCONT');
      await this.kept.ready(child);
      this.#busy = false;
    }
  }

  /** Asks it to end, for good. */
  async stop(): Promise<void> {
    this.#wanted = false;
    if (this.#child?.running) await this.#end(this.#child);
    await this.#keeping;
  }

  async #end(child: Child): Promise<void> {
    const from = performance.now();
    await child.stop(STOP_MS);
    const how = await child.ended();
    if (how !== 'exit code 0')
      this.badStops.push(`${this.name} was asked to end, and after ${Math.round(performance.now() - from)} ms: ${how}`);
  }

  async #launch(): Promise<void> {
    const { name, command, logFile, env } = this.kept;
    this.starts += 1;
    this.#child = await Child.start(name, command(), logFile, env);
  }

  async #keep(): Promise<void> {
    while (this.#wanted) {
      await sleep(100);
      if (!this.#wanted || this.#busy || this.#child?.running) continue;
      this.endings.push(`${await this.#child?.ended()}: ${await this.#child?.lastWords()}`);
      await sleep(AGAIN_MS);
      if (this.#wanted && !this.#busy && !this.#child?.running) await this.#launch();
    }
  }
}
