/**
 * The killing half of a kill test, inside a decorated server or agent. Each passing of a commit or an effect is written
 * down; when it is an armed point's, and no other kill is being got over, the victim is killed with SIGKILL. A point fires
 * once: it is marked on the disk before.
 *
 *   armed.json     what may fire, and who the victims are; rewritten by the harness
 *   passed.jsonl   every passing, in order
 *   acked.jsonl    every commit that the database acknowledged, synced before anybody heard of it
 *   fired/         a file for each point that fired
 *   busy           a kill is being got over; removed by the harness once the system went on
 */
import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  alive,
  gone,
  identify,
  type ProcessIdentity,
  signalProcess,
} from '@headgate/adapters/machine/process-identity';
import { findPostmaster } from '@headgate/adapters/postgres-cluster/postmaster';
import { type KillPoint, type Spot, sameSpot, type Victim, type When } from './points.ts';

export interface Armed {
  readonly points: readonly KillPoint[];
  readonly processes: Readonly<Partial<Record<'server' | 'agent', ProcessIdentity>>>;
  /** PostgreSQL's data folders. */
  readonly clusters: Readonly<Record<string, string>>;
}

export interface Passed extends Spot {
  readonly main: 'server' | 'agent';
  readonly pid: number;
  readonly at: number;
  readonly when: When;
  /** An armed point that stands here and waits for its turn. */
  readonly waits?: true;
}

export interface Fired {
  readonly point: KillPoint;
  readonly at: number;
  readonly pid: number;
}

export interface Acknowledged {
  readonly stream: string;
  readonly version: number;
  readonly type: string;
}

/** How long a point waits for another kill to be got over before it lets go. Milliseconds. */
const PATIENCE_MS = 60_000;

export class Trigger {
  readonly #folder: string;
  readonly #main: 'server' | 'agent';

  constructor(folder: string, main: 'server' | 'agent') {
    this.#folder = folder;
    this.#main = main;
  }

  /** Called before and after each commit and effect. Does not come back when we are the victim. */
  async pass(spot: Spot, when: When): Promise<void> {
    this.#write(spot, when);
    const until = performance.now() + PATIENCE_MS;
    for (let saidAt = Number.NEGATIVE_INFINITY; performance.now() < until; ) {
      const armed = this.#armed();
      const point = armed?.points.find(
        (p) => p.when === when && sameSpot(p, spot) && !existsSync(join(this.#folder, 'fired', fileOf(p))),
      );
      if (armed === undefined || point === undefined) return;
      if (this.#claim('busy', point.id)) return this.#fire(point, armed);
      // Again and again, so that the harness knows who stands here now.
      if (performance.now() - saidAt >= 200) {
        this.#write(spot, when, { waits: true });
        saidAt = performance.now();
      }
      await sleep(10);
    }
  }

  /** The database has acknowledged these entries: from here on they may never be missing. */
  acknowledged(entries: readonly Acknowledged[]): void {
    const file = openSync(join(this.#folder, 'acked.jsonl'), 'a', 0o600);
    try {
      writeSync(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }

  /** Something that is no point, but that the harness waits for. */
  note(spot: Spot): void {
    this.#write(spot, 'after');
  }

  async #fire(point: KillPoint, armed: Armed): Promise<void> {
    const victim =
      point.victim === this.#main
        ? identify(process.pid)
        : await within(3_000, () => identityOf(point.victim, this.#armed() ?? armed));
    // It stays armed: the harness says at the end which points never fired.
    if (victim === undefined) return rmSync(join(this.#folder, 'busy'));
    const fired: Fired = { point, at: Date.now(), pid: victim.pid };
    this.#claim(join('fired', fileOf(point)), JSON.stringify(fired));
    signalProcess(victim, 'SIGKILL');
    await gone(victim, 5_000);
  }

  /** Creates a file that must not be there yet, synced. False: somebody else was faster. */
  #claim(name: string, text: string): boolean {
    let file: number;
    try {
      file = openSync(join(this.#folder, name), 'wx', 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
    writeSync(file, text);
    fsyncSync(file);
    closeSync(file);
    return true;
  }

  #write(spot: Spot, when: When, more: { readonly waits?: true } = {}): void {
    const { where, lane, step, what } = spot;
    const line: Passed = { main: this.#main, pid: process.pid, at: Date.now(), where, lane, step, what, when, ...more };
    appendFileSync(join(this.#folder, 'passed.jsonl'), `${JSON.stringify(line)}\n`);
  }

  #armed(): Armed | undefined {
    const path = join(this.#folder, 'armed.json');
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Armed) : undefined;
  }
}

export function fileOf(point: KillPoint): string {
  return `${point.id.replaceAll(/[^A-Za-z0-9.-]+/g, '_')}.json`;
}

/** A victim's process; never by name, and never one that only took over its number. */
export async function identityOf(
  victim: Victim,
  armed: Pick<Armed, 'processes' | 'clusters'>,
): Promise<ProcessIdentity | undefined> {
  if (victim === 'server' || victim === 'agent') {
    const process = armed.processes[victim];
    return process !== undefined && alive(process) ? process : undefined;
  }
  const data = armed.clusters[victim];
  return data === undefined ? undefined : findPostmaster(data);
}

async function within<T>(ms: number, look: () => Promise<T | undefined>): Promise<T | undefined> {
  const until = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined || performance.now() > until) return found;
    await sleep(20);
  }
}

/** The value behind a flag of this process: by its own folder a main finds the trigger's. */
export function argument(flag: string): string {
  const value = process.argv[process.argv.indexOf(flag) + 1];
  if (!process.argv.includes(flag) || value === undefined) throw new Error(`a kill test's main takes ${flag}`);
  return value;
}
