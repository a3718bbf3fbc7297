/** Harms servers, agents and their PostgreSQL at random, by a seed, until it is told to stop; then everything is up again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { signalProcess } from '@headgate/adapters/machine/process-identity';
import type { Random } from '@headgate/simulator/engine/random';
import { isReady } from './front.ts';
import type { Installation } from './installation.ts';
import type { Disturbance, Harm, KeptProcess } from './kept-process.ts';

export interface ChaosOptions {
  readonly random: Random;
  /** Between two harms, at least and at most. Milliseconds. */
  readonly everyMs: readonly [number, number];
  /** How often PostgreSQL is restarted in all; every other time it crashes. */
  readonly databaseRestarts: number;
  /** The length of the whole, over which those are spread. Milliseconds. */
  readonly lengthMs: number;
  readonly say: (line: string) => void;
}

/** A server that lived through a restart of its PostgreSQL, and how long it took until it was ready again. */
export interface Reconnected {
  readonly server: string;
  readonly ms: number;
}

/** So many may be harmed at the same time. */
const AT_ONCE = 3;
/** After this a server counts as one that doesn't come back by itself. Milliseconds. */
const RECONNECT_MS = 30_000;

export class Chaos {
  readonly disturbances: Disturbance[] = [];
  readonly reconnected: Reconnected[] = [];
  /** What did not come back. */
  readonly troubles: string[] = [];
  readonly #installation: Installation;
  readonly #options: ChaosOptions;
  readonly #stop = new AbortController();
  readonly #under = new Set<Promise<void>>();
  #running: Promise<unknown> | undefined;

  constructor(installation: Installation, options: ChaosOptions) {
    this.#installation = installation;
    this.#options = options;
  }

  start(): void {
    this.#running ??= Promise.all([this.#harmProcesses(), this.#restartDatabase()]);
    // Whoever stops it hears of what broke; until then nobody waits.
    this.#running.catch(() => {});
  }

  /** Lets what is under way end. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await Promise.all(this.#under);
  }

  get #over(): boolean {
    return this.#stop.signal.aborted;
  }

  #rest(ms: number): Promise<unknown> {
    return sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => {});
  }

  async #harmProcesses(): Promise<void> {
    const { random, everyMs } = this.#options;
    const { servers, systems } = this.#installation;
    const all = [...servers, ...systems.map(({ agent }) => agent)];
    while (!this.#over) {
      await this.#rest(random.int(...everyMs));
      const free = all.filter((each) => each.undisturbed);
      if (this.#over || this.#under.size >= AT_ONCE || free.length === 0) continue;
      const victim = random.pick(free);
      const harm = random.pick<Harm>(['kill', 'kill', 'stop', 'freeze']);
      const ms = harm === 'freeze' ? random.int(500, 9_000) : random.int(0, 2_500);
      const harmed = this.#harm(victim, harm, ms)
        .catch((error: Error) => void this.troubles.push(`${victim.name}: ${error.message}`))
        .finally(() => this.#under.delete(harmed));
      this.#under.add(harmed);
    }
  }

  async #harm(victim: KeptProcess, harm: Harm, ms: number): Promise<void> {
    const done = await victim.disturb(harm, ms);
    this.disturbances.push(done);
  }

  async #restartDatabase(): Promise<void> {
    const { databaseRestarts, lengthMs, random } = this.#options;
    for (let nth = 1; nth <= databaseRestarts && !this.#over; nth++) {
      await this.#rest((lengthMs * 0.9) / databaseRestarts);
      if (this.#over) return;
      await this.#restart(nth % 2 === 0 ? 'crash' : 'restart', random.int(200, 2_000));
    }
  }

  async #restart(harm: 'restart' | 'crash', ms: number): Promise<void> {
    const { database, servers, urls } = this.#installation;
    const { cluster } = database;
    if (cluster === undefined) throw new Error('the PostgreSQL is ours to restart');
    const before = servers.map((server) => server.pid);
    const at = Date.now();
    if (harm === 'crash') {
      const postmaster = await cluster.postmaster();
      // An immediate shutdown: no checkpoint, and recovery at the next start.
      if (postmaster !== undefined) signalProcess(postmaster, 'SIGQUIT');
    } else await cluster.stop();
    await sleep(ms);
    await cluster.start();
    const backAt = Date.now();
    await Promise.all(servers.map((server, i) => this.#comesBack(server, urls[i] as string, before[i], backAt)));
    this.disturbances.push({ victim: 'postgresql', harm, at, backAt, readyAt: Date.now() });
  }

  /** Sees whether a server that isn't started anew meanwhile is ready again by itself. */
  async #comesBack(server: KeptProcess, url: string, pid: number | undefined, since: number): Promise<void> {
    while (Date.now() - since < RECONNECT_MS) {
      if (server.pid !== pid) return;
      const ready = await isReady(url, 1_000);
      if (server.pid !== pid) return;
      if (ready && server.undisturbed)
        return void this.reconnected.push({ server: server.name, ms: Date.now() - since });
      await sleep(50);
    }
    this.troubles.push(`${server.name} was not ready ${RECONNECT_MS / 1_000} s after its PostgreSQL was back`);
  }
}
