import { spawn } from 'node:child_process';

export interface ProgramRun {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs: number;
}

/** Kept of what a program says. Bytes. */
const MAX_OUTPUT = 4 * 1024 * 1024;

/**
 * Runs one of the system's programs with a clean environment and returns what it printed. Throws its last lines when it
 * fails. Heavy work (installs) is niced, since others may be working on the machine.
 */
export async function runProgram(command: readonly string[], run: ProgramRun): Promise<string> {
  const child = spawn('/usr/bin/nice', ['-n', '10', ...command], {
    cwd: run.cwd ?? '/',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive', ...run.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: run.timeoutMs,
    killSignal: 'SIGKILL',
  });
  const out = collect(child.stdout);
  const err = collect(child.stderr);
  const code = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exit, signal) => resolve(exit ?? signal ?? 'unknown'));
  });
  if (code === 0) return out();
  const said = `${err()}\n${out()}`.trim().split('\n').slice(-8).join('\n').slice(-1_500);
  throw new Error(`${command.slice(0, 3).join(' ')} ended with ${code}: ${said}`);
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    if (size < MAX_OUTPUT) chunks.push(chunk);
    size += chunk.length;
  });
  return () => Buffer.concat(chunks).toString('utf8');
}
