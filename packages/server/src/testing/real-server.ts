import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gone, signalProcess } from '@headgate/adapters/machine/index';
import { findPostmaster, type Postmaster } from '@headgate/adapters/postgres-cluster/index';
import { type Client, createClient } from '@headgate/contract';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

/** Nearly as long as what a test prepares may take. Milliseconds. */
const STARTS_MS = 110_000;

/** A spawned `main.ts`, as users start it, on a folder of its own. */
export class RealServer {
  readonly dataDir: string;
  readonly #main: string;
  readonly #args: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #url = '';
  #errors = '';

  private constructor(main: string, dataDir: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#main = main;
    this.dataDir = dataDir;
    this.#args = args;
    this.#env = env;
  }

  /** Starts one on a fresh folder, or on the given one, and waits until it is ready. `main`: another build's program. */
  static async start(
    given: { main?: string; dataDir?: string; args?: readonly string[]; env?: NodeJS.ProcessEnv } = {},
  ): Promise<RealServer> {
    const dataDir = given.dataDir ?? (await freshFolder());
    const server = new RealServer(given.main ?? MAIN, dataDir, given.args ?? [], { ...process.env, ...given.env });
    try {
      await server.start();
    } catch (error) {
      // Nobody has it in hand yet who would end it; a folder that was given is its giver's.
      await (given.dataDir === undefined ? server.remove() : server.stop());
      throw error;
    }
    return server;
  }

  get url(): string {
    return this.#url;
  }
  get pid(): number {
    return this.#child?.pid as number;
  }
  /** Its log lines so far. */
  get errors(): string {
    return this.#errors;
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [this.#main, '--data', this.dataDir, '--port', '0', ...this.#args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: this.#env,
    });
    this.#child = child;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-200_000);
    });
    const ready = async () => {
      const ended = child.exitCode ?? child.signalCode;
      if (ended !== null) throw new Error(`the server ended with ${ended}: ${this.#errors}`);
      const text = await readFile(join(this.dataDir, 'server.json'), 'utf8').catch(() => '{}');
      const { url, pid } = JSON.parse(text || '{}') as { url?: string; pid?: number };
      if (url === undefined || pid !== child.pid) return false;
      this.#url = url;
      return (await fetch(`${url}/readyz`)).ok;
    };
    // One that ends is told at once. One that lives makes a database and starts it, which takes what the machine lets it.
    await until('the server is ready', ready, STARTS_MS);
  }

  async client(role: string): Promise<Client> {
    const token = (await readFile(join(this.dataDir, 'secrets', `${role}.token`), 'utf8')).trim();
    return createClient({ baseUrl: this.#url, token });
  }

  /** The postmaster of its embedded database. */
  async postmaster(): Promise<Postmaster | undefined> {
    for (const home of [join(this.dataDir, 'system'), this.dataDir]) {
      const found = await findPostmaster(join(home, 'control-database', 'data')).catch(() => undefined);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Ends it as asked; answers its exit code. */
  async stop(): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    child.kill('SIGTERM');
    await once(child, 'exit');
    return child.exitCode;
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    if (this.#child?.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
  }

  /** Ends it, its database and its folder, whatever state they are in. */
  async remove(): Promise<void> {
    await this.stop();
    const orphan = await this.postmaster();
    if (orphan !== undefined) {
      signalProcess(orphan, 'SIGINT');
      await gone(orphan, 10_000);
    }
    const system = join(this.dataDir, 'system');
    const { realpath } = await import('node:fs/promises');
    const home = await realpath(system).catch(() => undefined);
    if (home !== undefined) await rm(home, { recursive: true, force: true });
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

/** A folder of its own that another user may pass, since as root the database runs as one. */
export async function freshFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-server-'));
  await chmod(dir, 0o755);
  return dir;
}

/** Runs `main.ts` until it ends by itself. */
export async function runMain(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return { code, stderr };
}

/** Looks every 25 ms until it holds; throws what it last saw at the deadline. */
export async function until(what: string, holds: () => Promise<boolean>, deadlineMs = 30_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  let last: unknown;
  while (performance.now() < end) {
    try {
      if (await holds()) return;
      last = undefined;
    } catch (error) {
      last = error;
      if (/the server ended/.test((error as Error).message)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`not within ${deadlineMs} ms: ${what}`, { cause: last });
}
