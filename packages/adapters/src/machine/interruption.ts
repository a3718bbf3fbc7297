const ASKING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Within so much of the first signal, more of them say the same thing once more: `timeout`, a service manager and a terminal
 * that is closed tell each process of a group, and the launcher, which is one of them, passes it on.
 */
export const SAME_ASKING_MS = 5_000;
const INTERRUPTED = 130;

/** Whether somebody asked a command to end, for as long as it has something to take away. */
export interface Interruption {
  /** Aborted at the first SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
  /** Nothing is left to take away: a signal ends the process again. */
  over(): void;
}

/**
 * Listens until `over()`, so that no signal ends the process while it takes away what it made. Asked once more after
 * `sameMs`, it ends at once (130), and leaves what it made. `heard` is called at the first, to tell it. `reason`: what
 * the signal is aborted with.
 */
export function listenForInterruption({
  reason,
  heard,
  sameMs = SAME_ASKING_MS,
}: {
  readonly reason?: Error;
  readonly sameMs?: number;
  readonly heard?: () => void;
} = {}): Interruption {
  const asked = new AbortController();
  let first: number | undefined;
  const ask = (): void => {
    if (first !== undefined) {
      if (performance.now() - first >= sameMs) process.exit(INTERRUPTED);
      return;
    }
    first = performance.now();
    // Who read what is said may have ended with the same signal; that is no reason to leave something behind.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
    asked.abort(reason);
    heard?.();
  };
  for (const signal of ASKING) process.on(signal, ask);
  const over = (): void => {
    for (const signal of ASKING) process.off(signal, ask);
  };
  return { signal: asked.signal, over };
}
