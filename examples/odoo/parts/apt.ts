import { setTimeout as sleep } from 'node:timers/promises';
import { runAndListen, type Said } from './run-program.ts';

/** How patient we are with a mirror. Milliseconds. */
export interface MirrorPatience {
  /** It says nothing for so long. */
  readonly silenceMs: number;
  /** Reading the suites' indexes, all in all. */
  readonly indexMs: number;
  /** Downloading packages, all in all. */
  readonly downloadMs: number;
  /** Before asking once more. */
  readonly pauseMs: number;
}

export const PATIENCE: MirrorPatience = {
  silenceMs: 20_000,
  indexMs: 120_000,
  downloadMs: 600_000,
  pauseMs: 5_000,
};

/** Somebody else's apt or dpkg at work, in whose way we don't come. */
const LOCKED = /Could not get lock|is another process using it|Unable to lock/;
/** How long we wait for them. Milliseconds. */
const LOCK_WAIT_MS = 300_000;

export interface AptRun {
  readonly timeoutMs: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs one of apt's programs for something that goes over the network and can be cut short at any moment: a mirror that
 * hangs ends it, and it is tried twice. Throws what the second try said.
 */
export async function askMirror(command: readonly string[], run: AptRun, patience = PATIENCE): Promise<Said> {
  const seconds = String(Math.ceil(patience.silenceMs / 1000));
  const limits = ['http', 'https'].flatMap((scheme) => ['-o', `Acquire::${scheme}::Timeout=${seconds}`]);
  // One try of apt's own is one of ours.
  const bounded = [...command, ...limits, '-o', 'Acquire::Retries=0'];
  const once = (): Promise<Said> => pastLocks(() => runAndListen(bounded, run));
  return once().catch(async () => {
    await sleep(patience.pauseMs);
    return once();
  });
}

/** Waits while somebody else holds apt's locks; some of them apt itself doesn't wait for. */
export async function pastLocks<T>(work: () => Promise<T>, waitMs = LOCK_WAIT_MS): Promise<T> {
  const until = performance.now() + waitMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!LOCKED.test((error as Error).message) || performance.now() > until) throw error;
      await sleep(1_000);
    }
  }
}
