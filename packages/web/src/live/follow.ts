import { logEvent, ProblemError } from '@headgate/contract';
import type { QueryClient } from '@tanstack/react-query';
import { type Session, signOut } from '../session/session.ts';
import { logSize } from './log-size.ts';
import { staleAfter } from './stale.ts';

export type Liveness = 'connecting' | 'live' | 'asking';

/** Entries of this span are answered by one round of fetching, however many they are. Milliseconds. */
const GATHER_MS = 300;
/** Between two tries to connect. Milliseconds. */
const AGAIN_MS = { least: 500, most: 10_000 };

/**
 * Follows the log and marks what changed as stale, so that what is on the screen is fetched again. After a break it goes
 * on behind the last entry that it saw. Whoever may not follow the log is told by `asking`: then pages ask by themselves.
 */
export async function follow(
  session: Session,
  queries: QueryClient,
  signal: AbortSignal,
  tell: (liveness: Liveness) => void,
): Promise<void> {
  const client = session.watching(() => tell('live'));
  const stale = gatherer(queries, signal);
  let after: number | undefined;
  let pauseMs = AGAIN_MS.least;
  while (!signal.aborted) {
    try {
      if (after === undefined) {
        after = (await logSize(client)) - 1;
        // What was fetched before this place was known may be older than it.
        void queries.invalidateQueries();
      }
      for await (const { id, data } of await client.watch({ signal, after })) {
        after = Number(id);
        pauseMs = AGAIN_MS.least;
        const entry = logEvent.safeParse(JSON.parse(data));
        if (entry.success) stale(entry.data.stream);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ProblemError && error.status === 401) return signOut(OVER);
      if (error instanceof ProblemError && error.status === 403) return tell('asking');
      // The log was restored and is shorter than what was seen: it is followed from its end, and all of the screen is fetched anew.
      if (error instanceof ProblemError && error.code === 'beyond-head') after = undefined;
    }
    if (signal.aborted) return;
    tell('asking');
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    pauseMs = Math.min(pauseMs * 2, AGAIN_MS.most);
  }
}

/**
 * Gathers streams for a moment, and marks what they touch. One round of fetching ends before the next begins: otherwise a
 * busy log would cut off each slow answer by asking again.
 */
function gatherer(queries: QueryClient, signal: AbortSignal): (stream: string) => void {
  let gathered = new Set<string>();
  let busy = false;
  const round = async () => {
    while (gathered.size > 0 && !signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
      const streams = gathered;
      gathered = new Set();
      await queries.invalidateQueries({ predicate: ({ queryKey }) => staleAfter(streams, queryKey) });
    }
    busy = false;
  };
  return (stream) => {
    gathered.add(stream);
    if (busy) return;
    busy = true;
    void round();
  };
}

/** Said where a session ended by itself. */
export const OVER = 'The server doesn’t take this token any more. Sign in again with a valid one.';
