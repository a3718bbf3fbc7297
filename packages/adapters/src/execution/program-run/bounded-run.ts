import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, chown, mkdir } from 'node:fs/promises';
import { identify } from '../../machine/process-identity.ts';
import { asUser, type RunAs } from '../../machine/run-as.ts';
import { niceSession, STEP_NICENESS } from '../../machine/session-niceness.ts';
import { yieldProcessor } from '../../machine/yielding-group.ts';
import { KeptOutput } from './kept-output.ts';
import { endLeftovers, RUN_VARIABLE, rememberRun } from './leftovers.ts';
import { Masker, spellings } from './masking.ts';

/** A program that is run to its end, within a deadline. */
export interface BoundedRun {
  readonly command: readonly string[];
  /** All that it gets of an environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Its own folder, which it may write; what a killed predecessor left at work for it is ended first. */
  readonly workDir: string;
  /** Where it begins to work, when that isn't its own folder. */
  readonly cwd?: string;
  readonly user: RunAs | undefined;
  readonly deadlineMs: number;
  /** At the deadline it is asked to end, and ended so much later. Milliseconds; 0: ended at once. */
  readonly graceMs?: number;
  readonly signal: AbortSignal;
  /** `false`: somebody waits for it, and it is as quick as it can be; else it lets all others go first. */
  readonly yields?: boolean;
  /** Given on its standard input. */
  readonly input?: string;
  /** Texts that must not show in what is kept of its output, however they are encoded. */
  readonly secrets: readonly string[];
  /** Kept of its output. */
  readonly maxOutputBytes?: number;
  /** Its standard output is data: kept whole and apart, unmasked, up to so many bytes; at one more the program is ended. */
  readonly wholeBytes?: number;
}

export interface RunResult {
  /** `undefined`: it was ended, by the deadline or from outside. */
  readonly exitCode: number | undefined;
  readonly ended: 'by-itself' | 'deadline' | 'aborted' | 'killed' | 'too-much';
  /** The first and the last part of what it printed, secrets masked. */
  readonly output: string;
  /** All of its standard output, where that was asked for whole; then it isn't in `output`. */
  readonly whole?: Buffer;
  readonly durationMs: number;
}

const KEPT_BYTES = 256 * 1024;
/** How long the pipes of a program that is gone may still give something. Milliseconds. */
const DRAIN_MS = 2_000;

/**
 * Runs a program niced (unless somebody waits for it), in a process group of its own, and ends the whole group at the deadline. What it prints is
 * bounded. Nothing that it left in the background outlives this call. Throws only when it can't be started.
 */
export async function runBounded(run: BoundedRun): Promise<RunResult> {
  await mkdir(run.workDir, { recursive: true, mode: 0o755 });
  if (run.user) await chown(run.workDir, run.user.uid, run.user.gid);
  await chmod(run.workDir, 0o700);
  await endLeftovers(run.workDir);
  const started = performance.now();
  const yields = run.yields !== false;
  const niceness = yields ? STEP_NICENESS : 0;
  const child = spawn('/usr/bin/nice', ['-n', String(niceness), ...run.command], {
    ...asUser(run.user),
    cwd: run.cwd ?? run.workDir,
    env: { ...run.environment, [RUN_VARIABLE]: run.workDir },
    detached: true, // leader of a session and a group: its children end with it
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code));
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  exited.catch(() => {}); // awaited below
  const output = keep(child, run);
  const whole = keepWhole(child, run, () => ending.end('too-much'));
  child.stdin!.on('error', () => {}); // it ended without reading: its exit code tells
  child.stdin!.end(run.input ?? '');
  const leader = child.pid === undefined ? undefined : identify(child.pid);
  const ending = endInTime(child, run);
  try {
    if (leader) await rememberRun(run.workDir, leader);
    if (child.pid !== undefined && yields) {
      await niceSession(child.pid, STEP_NICENESS);
      await yieldProcessor(child.pid, true);
    }
    const exitCode = await exited;
    // What it left in the background may hold the pipe, and has no business any more.
    await endLeftovers(run.workDir);
    await Promise.race([closed, new Promise((done) => setTimeout(done, DRAIN_MS).unref())]);
    const ended = ending.how();
    return {
      exitCode: ended === undefined ? (exitCode ?? undefined) : undefined,
      ended: ended ?? (exitCode === null ? 'killed' : 'by-itself'),
      output: output(),
      whole: whole(),
      durationMs: Math.round(performance.now() - started),
    };
  } catch (error) {
    // Nobody looks after it any more.
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
    throw error;
  } finally {
    ending.cancel();
    child.stdout!.destroy();
    child.stderr!.destroy();
  }
}

function endInTime(child: ChildProcess, run: BoundedRun) {
  let how: 'deadline' | 'aborted' | 'too-much' | undefined;
  let kill: NodeJS.Timeout | undefined;
  const end = (why: 'deadline' | 'aborted' | 'too-much') => {
    if (how !== undefined || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    how = why;
    const graceMs = run.graceMs ?? 0;
    signalGroup(child.pid, graceMs > 0 ? 'SIGTERM' : 'SIGKILL');
    if (graceMs > 0) kill = setTimeout(() => signalGroup(child.pid!, 'SIGKILL'), graceMs);
  };
  const timer = setTimeout(() => end('deadline'), Math.max(0, run.deadlineMs));
  const abort = () => end('aborted');
  run.signal.addEventListener('abort', abort, { once: true });
  if (run.signal.aborted) abort();
  return {
    end,
    how: () => how,
    cancel() {
      clearTimeout(timer);
      clearTimeout(kill);
      run.signal.removeEventListener('abort', abort);
    },
  };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Each stream is masked by itself, since they come in turns; what comes out is kept in the order in which it came. */
function keep(child: ChildProcess, run: BoundedRun): () => string {
  const kept = new KeptOutput(run.maxOutputBytes ?? KEPT_BYTES);
  const needles = spellings(run.secrets);
  const streams = run.wholeBytes === undefined ? [child.stdout!, child.stderr!] : [child.stderr!];
  const maskers = streams.map((stream) => {
    const masker = new Masker(needles);
    stream.on('data', (chunk: Buffer) => kept.push(masker.push(chunk)));
    stream.on('error', () => {}); // its end is what we wait for
    return masker;
  });
  return () => {
    for (const masker of maskers) kept.push(masker.end());
    return kept.text();
  };
}

/** Standard output as data; at a byte too many `tooMuch`, and nothing more is kept. */
function keepWhole(child: ChildProcess, { wholeBytes }: BoundedRun, tooMuch: () => void): () => Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  if (wholeBytes !== undefined) {
    child.stdout!.on('error', () => {}); // its end is what we wait for
    child.stdout!.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= wholeBytes) chunks.push(chunk);
      else tooMuch();
    });
  }
  return () => Buffer.concat(chunks);
}
