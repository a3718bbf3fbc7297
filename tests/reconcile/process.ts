import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from '@headgate/adapters/machine/free-port';
import { eventually } from '../../examples/psa/testing/stand.ts';

/** A process of the example, to be killed. */
export class Process {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(file: string, env: Readonly<Record<string, string>>) {
    this.#child = spawn(process.execPath, [file], { env: { HOST: '127.0.0.1', ...env }, stdio: 'ignore' });
    this.#ended = once(this.#child, 'exit');
  }

  /** One that serves nobody. */
  static start(file: string, env: Readonly<Record<string, string>>): Process {
    return new Process(file, env);
  }

  /** One that serves HTTP, once it is healthy. */
  static async serve(file: string, env: Readonly<Record<string, string>>) {
    const port = await freePort();
    const started = new Process(file, { PORT: String(port), ...env });
    const url = `http://127.0.0.1:${port}`;
    try {
      await eventually(async () => (await fetch(`${url}/healthz`)).ok, 20_000);
    } catch (error) {
      started.kill();
      throw error;
    }
    return { process: started, url };
  }

  /** SIGKILL, at once and for good. */
  readonly kill = (): void => void this.#child.kill('SIGKILL');

  /** SIGTERM: it finishes what it is doing. */
  readonly stop = async (): Promise<void> => {
    this.#child.kill('SIGTERM');
    await this.#ended;
  };

  /** Until it has ended, whoever ended it. */
  async ended(deadlineMs = 15_000): Promise<void> {
    await eventually(async () => this.#child.exitCode !== null || this.#child.signalCode !== null, deadlineMs);
  }
}
