import { spawn } from 'node:child_process';
import { chmod, chown, mkdir } from 'node:fs/promises';
import { identify, signalProcess } from '../../machine/process-identity.ts';
import { processesIn } from '../../machine/processes-in.ts';
import { asUser, type RunAs } from '../../machine/run-as.ts';

/** A program that is run to its end, within a deadline. */
export interface BoundedRun {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** It works here; what a killed predecessor left working here is ended first. */
  readonly workDir: string;
  readonly user: RunAs | undefined;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  /** Given on its standard input. */
  readonly input?: string;
  /** Texts that must not show in what is kept of its output. */
  readonly secrets: readonly string[];
}

export interface RunResult {
  /** `undefined`: it was ended, by the deadline or from outside. */
  readonly exitCode: number | undefined;
  readonly ended: 'by-itself' | 'deadline' | 'aborted' | 'killed';
  /** The last part of what it printed, secrets masked. */
  readonly output: string;
  readonly durationMs: number;
}

/** Kept of the output: the end, where errors stand. Bytes. */
const KEPT = 256 * 1024;

/**
 * Runs a program niced, in a process group of its own, and ends the whole group at the deadline. What it prints is
 * bounded. Throws only when it can't be started.
 */
export async function runBounded(run: BoundedRun): Promise<RunResult> {
  await mkdir(run.workDir, { recursive: true, mode: 0o755 });
  if (run.user) await chown(run.workDir, run.user.uid, run.user.gid);
  await chmod(run.workDir, 0o700);
  await endLeftovers(run.workDir);
  const started = performance.now();
  const child = spawn('/usr/bin/nice', ['-n', '10', ...run.command], {
    ...asUser(run.user),
    cwd: run.workDir,
    env: run.environment,
    detached: true, // leader of a group: its children end with it
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const output = tailOf([child.stdout, child.stderr]);
  child.stdin.on('error', () => {}); // it ended without reading: its exit code tells
  child.stdin.end(run.input ?? '');
  let ended: RunResult['ended'] = 'by-itself';
  const end = (how: 'deadline' | 'aborted') => () => {
    ended = how;
    endGroup(child.pid!);
  };
  const timer = setTimeout(end('deadline'), Math.max(0, run.deadlineMs));
  const abort = end('aborted');
  run.signal.addEventListener('abort', abort, { once: true });
  if (run.signal.aborted) abort();
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => resolve(code));
    });
    // A child of its own may have outlived it and hold the pipe: its group ends with it.
    endGroup(child.pid!);
    return {
      exitCode: exitCode ?? undefined,
      ended: ended === 'by-itself' && exitCode === null ? 'killed' : ended,
      output: mask(output(), run.secrets),
      durationMs: Math.round(performance.now() - started),
    };
  } finally {
    clearTimeout(timer);
    run.signal.removeEventListener('abort', abort);
  }
}

/** Ends what works in a folder: processes that an agent which was killed left behind. */
export async function endLeftovers(workDir: string): Promise<void> {
  for (const pid of await processesIn(workDir)) {
    const identity = pid === process.pid ? undefined : identify(pid);
    if (identity) signalProcess(identity, 'SIGKILL');
  }
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function tailOf(streams: readonly NodeJS.ReadableStream[]): () => string {
  let kept = Buffer.alloc(0);
  for (const stream of streams)
    stream.on('data', (chunk: Buffer) => {
      kept = Buffer.concat([kept, chunk]);
      if (kept.length > 2 * KEPT) kept = kept.subarray(kept.length - KEPT);
    });
  return () => kept.subarray(Math.max(0, kept.length - KEPT)).toString('utf8');
}

/** Text without the secrets in it. */
export function mask(text: string, secrets: readonly string[]): string {
  return secrets.filter((secret) => secret.length >= 4).reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
}
