import { spawn } from 'node:child_process';
import { chmod, chown, mkdir, open, readdir, rm } from 'node:fs/promises';
import { getPriority, setPriority } from 'node:os';
import { join } from 'node:path';
import type { Component } from '@headgate/domain';
import { z } from 'zod';
import { boundLog } from '../../machine/bounded-log.ts';
import { readIfThere, writeDurably } from '../../machine/durable-file.ts';
import { KeptReading } from '../../machine/kept-reading.ts';
import { alive, gone, identify, type ProcessIdentity, signalProcess } from '../../machine/process-identity.ts';
import { lineage, processesIn } from '../../machine/processes-in.ts';
import { asUser, type RunAs } from '../../machine/run-as.ts';
import { niceSession } from '../../machine/session-niceness.ts';
import { yieldProcessor } from '../../machine/yielding-group.ts';
import { componentDir } from './slot-files.ts';

export const LOG_BYTES = 2 * 1024 * 1024;

const Stored = z.strictObject({ pid: z.int().min(2), startTicks: z.string(), bootId: z.string() });

/** What of a component starts it; a name alone is enough to look at it and to stop it. */
export type Startable = Pick<Component, 'name'> & Partial<Pick<Component, 'command'>>;

/** Who was started, by the pid file. */
const started = new KeptReading(
  (pidFile) => [pidFile],
  async (pidFile): Promise<ProcessIdentity | undefined> => {
    const text = await readIfThere(pidFile);
    return text === undefined ? undefined : Stored.parse(JSON.parse(text));
  },
);

/** One component of a slot as an operating-system process. What its files say is all that is known about it. */
export class ComponentProcess {
  readonly component: Startable;
  private readonly slotDir: string;

  constructor(slotDir: string, component: Startable) {
    this.slotDir = slotDir;
    this.component = component;
  }

  get logFile(): string {
    return join(this.slotDir, `${this.component.name}.log`);
  }

  private get pidFile(): string {
    return join(this.slotDir, `${this.component.name}.pid.json`);
  }

  /** The process works here, whatever becomes of its files: by this folder an orphan without a pid file is found. */
  private get runDir(): string {
    return join(this.slotDir, 'run', this.component.name);
  }

  /** The living process, by its pid file. */
  async running(): Promise<ProcessIdentity | undefined> {
    const identity = await started.of(this.pidFile);
    return identity !== undefined && alive(identity) ? identity : undefined;
  }

  /**
   * Starts it, detached from us, after removing what an earlier, killed start may have left. `environment` is all that
   * it gets. Files were checked by the caller.
   */
  async start(
    node: string,
    environment: Readonly<Record<string, string>>,
    user: RunAs | undefined,
  ): Promise<ProcessIdentity> {
    await this.stop(0);
    await mkdir(this.runDir, { recursive: true, mode: 0o755 });
    if (user) await chown(this.runDir, user.uid, user.gid);
    await chmod(this.runDir, 0o700);
    const [program, ...args] = (this.component.command ?? []).map((word) =>
      word.replaceAll('${node}', node).replaceAll('${dir}', componentDir(this.slotDir, this.component.name)),
    );
    const log = await open(this.logFile, 'a', 0o600);
    try {
      const child = spawn(program!, args, {
        ...asUser(user),
        cwd: this.runDir,
        env: environment,
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
      });
      const pid = await new Promise<number>((resolve, reject) => {
        child.once('error', reject);
        child.once('spawn', () => resolve(child.pid!));
      });
      child.unref();
      // A process that is gone at once has no identity left; a pid file of a dead one says the same.
      const identity = identify(pid) ?? { pid, startTicks: '0', bootId: 'gone' };
      await writeDurably(this.pidFile, `${JSON.stringify(identity)}\n`, 0o600);
      return identity;
    } finally {
      await log.close();
    }
  }

  /**
   * Lets everything else go before it, or no longer; with it the processes that it has started, which were born as nice as
   * it was. Their threads have a niceness each; only root may take one's back, so nobody else's is ever changed.
   */
  async yielding(nice: number): Promise<void> {
    const main = await this.running();
    if (main === undefined || process.getuid?.() !== 0) return;
    for (const { pid } of await this.everyProcess()) {
      for (const thread of await readdir(`/proc/${pid}/task`).catch(() => [])) setNiceness(Number(thread), nice);
      await yieldProcessor(pid, nice > getPriority());
    }
    await niceSession(main.pid, nice);
  }

  /** Asks it to end, lets it drain that long (milliseconds), then ends it. Also ends what it left in its folder. */
  async stop(drainMs: number): Promise<void> {
    const left = await this.everyProcess();
    if (drainMs > 0) {
      const main = await this.running();
      // Without a pid file (we were killed while starting it) everything in its folder is asked.
      for (const identity of main ? [main] : left) signalProcess(identity, 'SIGTERM');
      const until = performance.now() + drainMs;
      for (const identity of left) await gone(identity, Math.max(0, until - performance.now()));
    }
    for (const identity of await this.everyProcess()) {
      signalProcess(identity, 'SIGKILL');
      if (!(await gone(identity, 5_000)))
        throw new Error(`${this.component.name} (pid ${identity.pid}) can't be ended`);
    }
    await rm(this.pidFile, { force: true });
  }

  /** Processes in its folder that no pid file names: what a killed start, or the component itself, left there. */
  async orphans(): Promise<readonly number[]> {
    const main = await this.running();
    return (await this.everyProcess()).map(({ pid }) => pid).filter((pid) => pid !== main?.pid);
  }

  private async everyProcess(): Promise<ProcessIdentity[]> {
    const main = await this.running();
    // Whoever called us from there is a person's shell, and not the component's.
    const own = lineage(process.pid);
    const inFolder = (await processesIn(this.runDir)).filter((pid) => pid !== main?.pid && !own.includes(pid));
    const others = inFolder.map(identify).filter((identity) => identity !== undefined);
    return main ? [main, ...others] : others;
  }

  async boundLog(): Promise<void> {
    await boundLog(this.logFile, LOG_BYTES);
  }
}

function setNiceness(thread: number, nice: number): void {
  try {
    setPriority(thread, nice);
  } catch (error) {
    // It ended since it was listed.
    if ((error as { readonly info?: { readonly code?: string } }).info?.code !== 'ESRCH') throw error;
  }
}
