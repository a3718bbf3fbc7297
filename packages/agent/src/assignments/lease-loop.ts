import { setTimeout as pause } from 'node:timers/promises';
import type { Assignment } from '../control-plane/assignment.ts';
import { Away, type ControlPlane } from '../control-plane/control-plane.ts';
import type { Logger } from '../log.ts';

/** How long the server may hold an empty answer back. Milliseconds. */
export const LONG_POLL_MS = 15_000;
const FIRST_BACKOFF_MS = 200;
const LONGEST_BACKOFF_MS = 3_000;
/** The server is told anew that it is away at most this often. Milliseconds. */
const SAY_AGAIN_MS = 60_000;
const NOTHING_SEEN = { epoch: 0, head: 0 };

/** What the loop tells of us, who hears whether the server is there, and who has a word before anything is taken from it. */
export interface LeaseContact {
  /** The cells that we have. */
  readonly cells?: readonly string[];
  /** The newest epoch and the size of the log that we have seen. */
  seen?(): { readonly epoch: number; readonly head: number };
  /** Throws while the server is away; settles when work may be asked for. */
  before?(signal: AbortSignal): Promise<void>;
  found?(): void;
  /** `refusal`: it is there, and doesn't take what this agent asks; why. */
  lost?(at: Date, refusal?: string): void;
  /** The server answers again; it may be another one, on another database. */
  isBack?(): void;
}

/** Asks for work, one assignment after the other, and hands each to whoever does its cell's. Backs off while the server is away. */
export async function leaseLoop(
  plane: Pick<ControlPlane, 'lease'>,
  take: (assignment: Assignment, askedAt: number) => void,
  log: Logger,
  signal: AbortSignal,
  contact: LeaseContact = {},
): Promise<void> {
  let backoffMs = FIRST_BACKOFF_MS;
  let awaySince: number | undefined;
  let saidAt = 0;
  while (!signal.aborted) {
    const askedAt = performance.now();
    try {
      await contact.before?.(signal);
      const assignment = await plane.lease(LONG_POLL_MS, signal, contact.seen?.() ?? NOTHING_SEEN, contact.cells);
      if (awaySince !== undefined) {
        log.info({ awayMs: Math.round(performance.now() - awaySince) }, 'the server is back');
        contact.isBack?.();
      }
      awaySince = undefined;
      contact.found?.();
      backoffMs = FIRST_BACKOFF_MS;
      if (assignment !== undefined) take(assignment, askedAt);
      // An empty answer that came at once is a server that doesn't hold polls back: don't spin.
      else if (performance.now() - askedAt < FIRST_BACKOFF_MS) await rest(FIRST_BACKOFF_MS, signal);
    } catch (error) {
      if (signal.aborted) return;
      const refusal = error instanceof Away && error.refuses ? error.message : undefined;
      // A fault of our own, such as a full disk, says nothing of the server.
      if (error instanceof Away) {
        awaySince ??= askedAt;
        contact.lost?.(new Date(), refusal);
      }
      if (saidAt === 0 || performance.now() - saidAt > SAY_AGAIN_MS) {
        saidAt = performance.now();
        const what =
          error instanceof Away
            ? `the server ${refusal === undefined ? 'is away' : 'refuses this agent'}`
            : 'this agent can’t ask for work';
        log.warn({ why: (error as Error).message }, `${what}: nothing new is begun; the cells are kept as they are`);
      }
      // Spread, so that many agents don't come back in one moment.
      await rest(backoffMs * (0.75 + Math.random() / 2), signal);
      backoffMs = Math.min(backoffMs * 2, LONGEST_BACKOFF_MS);
    }
  }
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal }).catch(() => {});
}
