import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** A process of the demonstration's own (server, agent), with its output in a file. */
export class Child {
  readonly name: string;
  readonly logFile: string;
  readonly #process: ChildProcess;
  readonly #exit: Promise<unknown[]>;

  private constructor(name: string, logFile: string, process: ChildProcess) {
    this.name = name;
    this.logFile = logFile;
    this.#process = process;
    this.#exit = once(process, 'exit');
  }

  /** Starts `node FILE …arguments` in a group of its own, so that a Ctrl-C in the terminal reaches it only through us. */
  static async start(
    name: string,
    args: readonly string[],
    logFile: string,
    env: NodeJS.ProcessEnv = process.env,
  ): Promise<Child> {
    const log = openSync(logFile, 'a', 0o600);
    const child = spawn(process.execPath, args, { stdio: ['ignore', log, log], detached: true, env });
    await once(child, 'spawn');
    return new Child(name, logFile, child);
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Resolves with how it ended, in words. */
  async ended(): Promise<string> {
    const [code, signal] = (await this.#exit) as [number | null, string | null];
    return signal === null ? `exit code ${code}` : signal;
  }

  /** The last line that it wrote, for whoever must say why it ended. */
  async lastWords(): Promise<string> {
    const text = await readFile(this.logFile, 'utf8').catch(() => '');
    return text.trim().split('\n').at(-1)?.slice(0, 500) ?? '';
  }

  /** Asks it to end; after `graceMs` makes it. */
  async stop(graceMs = 15_000): Promise<void> {
    if (!this.running) return;
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), graceMs);
    await this.#exit;
    clearTimeout(timer);
  }

  /** As a crash would end it. */
  async kill(): Promise<void> {
    if (this.running) this.#process.kill('SIGKILL');
    await this.#exit;
  }
}
