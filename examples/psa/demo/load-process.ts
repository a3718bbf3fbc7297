import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Example } from '../bring-up.ts';

/** The customers: a process of their own that sends requests to every tenant and writes down what it was promised. */
export class LoadProcess {
  readonly journalFile: string;
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown[]>;

  private constructor(journalFile: string, child: ChildProcess) {
    this.journalFile = journalFile;
    this.#child = child;
    this.#exit = once(child, 'exit');
  }

  /** Starts the load on all cells. `folder` gets its configuration and journal. */
  static async start(example: Example, folder: string, requestsPerSecond: number): Promise<LoadProcess> {
    const journalFile = `${folder}/load-${Date.now()}.jsonl`;
    const cells = example.cells.map((c) => ({
      url: c.url,
      tokensFile: c.tokensFile,
      tenants: c.cell.tenants.map((t) => t.id),
    }));
    const main = fileURLToPath(new URL('../load.ts', import.meta.url));
    return LoadProcess.run(main, `${folder}/load.json`, { journalFile, requestsPerSecond, timeLimitMs: 5_000, cells });
  }

  /** Starts a load's program, which reads its configuration from this file and keeps the journal that it names. */
  static async run(
    main: string,
    configFile: string,
    config: { readonly journalFile: string } & Readonly<Record<string, unknown>>,
  ): Promise<LoadProcess> {
    await writeFile(configFile, JSON.stringify(config), { mode: 0o600 });
    const child = spawn(process.execPath, [main, '--config', configFile], { stdio: ['ignore', 'ignore', 'inherit'] });
    await once(child, 'spawn');
    // Whoever leaves in the middle (Ctrl-C) takes the customers along.
    process.once('exit', () => child.kill());
    return new LoadProcess(config.journalFile, child);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Lets what is in flight end, then stops. */
  async stop(): Promise<void> {
    // Customers who went home early saw nothing of what came after: their journal would look better than the day was.
    if (!this.running) throw new Error('the load had ended by itself: its journal is not whole');
    this.#child.kill('SIGTERM');
    const [code] = await this.#exit;
    if (code !== 0) throw new Error(`the load ended with exit code ${code}: its journal may not be whole`);
  }
}
