/** The tutorial's commands as a person has them: three programs on the path, a shell, and what goes on in the background. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
const PROGRAMS = {
  headgate: 'packages/cli/src/main.ts',
  'headgate-server': 'packages/server/src/main.ts',
  'headgate-agent': 'packages/agent/src/main.ts',
} as const;

/** The commands of a Markdown file: every line of its `sh` blocks. */
export async function commandsOf(file: string): Promise<readonly string[]> {
  const blocks = (await readFile(file, 'utf8')).matchAll(/^```sh\n([^`]*)^```$/gm);
  return [...blocks].flatMap(([, text]) => text!.split('\n').filter((line) => line.trim() !== ''));
}

/** Writes the programs into a folder that is then put on the path. */
export async function writePrograms(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, main] of Object.entries(PROGRAMS)) {
    const file = join(folder, name);
    await writeFile(file, `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, main)}" "$@"\n`);
    await chmod(file, 0o755);
  }
}

export interface Ran {
  readonly command: string;
  readonly code: number | null;
  readonly output: string;
  readonly seconds: number;
}

/** Somebody's shell in a folder: commands one after the other, those that end in `&` beside them. */
export class Shell {
  readonly ran: Ran[] = [];
  readonly #cwd: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #background: { readonly command: string; readonly child: ChildProcess; readonly log: string }[] = [];

  constructor(cwd: string, env: NodeJS.ProcessEnv) {
    this.#cwd = cwd;
    this.#env = env;
  }

  /** Runs a command to its end, at most so long. One for the background is started and left alone. */
  async run(command: string, deadlineMs: number): Promise<Ran> {
    const started = performance.now();
    const behind = /^(.*)\s&$/.exec(command)?.[1];
    if (behind !== undefined) {
      const log = join(this.#cwd, `background-${this.#background.length}.log`);
      const file = openSync(log, 'a');
      const child = spawn('bash', ['-c', `exec ${behind}`], {
        cwd: this.#cwd,
        env: this.#env,
        stdio: ['ignore', file, file],
      });
      closeSync(file);
      this.#background.push({ command, child, log });
      return this.#keep({ command, code: 0, output: '', seconds: 0 });
    }
    const child = spawn('bash', ['-euo', 'pipefail', '-c', command], {
      cwd: this.#cwd,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
    const [code] = (await once(child, 'close')) as [number | null];
    clearTimeout(timer);
    return this.#keep({ command, code, output, seconds: (performance.now() - started) / 1_000 });
  }

  /** What the commands in the background said. */
  async said(): Promise<string> {
    const texts = await Promise.all(this.#background.map(({ log }) => readFile(log, 'utf8')));
    return texts.map((text) => text.slice(-4_000)).join('\n');
  }

  /** Ends what is in the background and begins so, as Ctrl-C would. */
  async end(start: string): Promise<void> {
    for (const { command, child } of this.#background) if (command.startsWith(start)) await ended(child);
  }

  /** What in the background has not ended. */
  get behind(): readonly string[] {
    return this.#background.filter(({ child }) => lives(child)).map(({ command }) => command);
  }

  /** Ends what is in the background, the last first. */
  async close(): Promise<void> {
    for (const { child } of this.#background.reverse()) await ended(child);
  }

  #keep(ran: Ran): Ran {
    this.ran.push(ran);
    return ran;
  }
}

const lives = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

async function ended(child: ChildProcess): Promise<void> {
  if (!lives(child)) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await once(child, 'exit');
  clearTimeout(timer);
}
