import { spawn } from 'node:child_process';

export interface ProgramRun {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs: number;
}

/** What a program that ended well said. */
export interface Said {
  readonly out: string;
  readonly err: string;
}

/** Kept of what a program says. Bytes. */
const MAX_OUTPUT = 4 * 1024 * 1024;

/**
 * Runs one of the system's programs with a clean environment, nothing to read and nobody to ask, and returns what it
 * printed. Throws its last lines when it fails or doesn't end in time. Heavy work (installs) is niced, since others may be
 * working on the machine.
 */
export async function runProgram(command: readonly string[], run: ProgramRun): Promise<string> {
  return (await runAndListen(command, run)).out;
}

/** The same for who wants its warnings too. */
export async function runAndListen(command: readonly string[], run: ProgramRun): Promise<Said> {
  const child = spawn('/usr/bin/nice', ['-n', '10', ...command], {
    cwd: run.cwd ?? '/',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', ...UNASKED, ...run.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
    // Helpers of its own may hold the pipes for a while.
    child.stdout.destroy();
    child.stderr.destroy();
  }, run.timeoutMs);
  const out = collect(child.stdout);
  const err = collect(child.stderr);
  const code = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exit, signal) => resolve(exit ?? signal ?? 'unknown'));
  }).finally(() => clearTimeout(timer));
  if (code === 0) return { out: out(), err: err() };
  const how = late ? `didn't end within ${Math.round(run.timeoutMs / 1000)} s` : `ended with ${code}`;
  throw new Error(`${command.slice(0, 2).join(' ')} ${how}: ${lastLines(`${err()}\n${out()}`)}`);
}

/** What keeps Debian's tools from asking whoever isn't there. */
const UNASKED = { DEBIAN_FRONTEND: 'noninteractive', DEBIAN_PRIORITY: 'critical', APT_LISTCHANGES_FRONTEND: 'none' };

/** The end of what a program said, where errors stand. */
export function lastLines(text: string): string {
  return text.trim().split('\n').slice(-8).join('\n').slice(-1_500);
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
