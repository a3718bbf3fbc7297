import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { SHIPPED } from '@headgate/example-psa/demo/world.ts';
import { holding } from './scratch.ts';

export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** From its start to the first `200` of `/readyz`. Milliseconds. */
  readonly readyMs: number;
}

const READY_MS = 60_000;
const STOP_MS = 15_000;

/** Starts the shipped server on a data folder, and waits until it is ready. It ends with the work, or before. */
export async function withServer<T>(
  dataDir: string,
  databaseUrl: string | undefined,
  work: (server: ServerProcess) => Promise<T>,
): Promise<T> {
  await mkdir(dataDir, { recursive: true });
  const logFile = join(dataDir, 'server.log');
  const log = await open(logFile, 'a', 0o600);
  const env = databaseUrl === undefined ? process.env : { ...process.env, HEADGATE_DATABASE_URL: databaseUrl };
  const began = performance.now();
  const args = [SHIPPED.server, '--data', dataDir, '--port', '0'];
  const child = spawn(execPath, args, { stdio: ['ignore', log.fd, log.fd], env });
  await once(child, 'spawn');
  await log.close();
  return holding(
    () => stop(child),
    async () => {
      const url = await ready(child, dataDir, logFile);
      return work({ url, pid: child.pid as number, readyMs: performance.now() - began });
    },
  );
}

async function ready(child: ChildProcess, dataDir: string, logFile: string): Promise<string> {
  const deadline = performance.now() + READY_MS;
  for (;;) {
    if (child.exitCode !== null)
      throw new Error(`the server ended: ${(await readFile(logFile, 'utf8')).slice(-2_000)}`);
    const text = await readFile(join(dataDir, 'server.json'), 'utf8').catch(() => undefined);
    const said = text === undefined ? undefined : (JSON.parse(text) as { url: string; pid: number });
    if (said?.pid === child.pid) {
      const answer = await fetch(`${said?.url}/readyz`).catch(() => undefined);
      if (answer?.ok) return said?.url as string;
    }
    if (performance.now() > deadline) throw new Error(`the server was not ready within ${READY_MS} ms`);
    await pause(10);
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}
