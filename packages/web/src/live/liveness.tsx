import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect, useSyncExternalStore } from 'react';
import { useSession } from '../session/use-client.ts';
import { follow, type Liveness } from './follow.ts';

/** How often what is on the screen is fetched again: without events, and with them for what time alone changes. Milliseconds. */
const ASK_MS = { connecting: 5_000, asking: 5_000, live: 30_000 } as const;

let current: Liveness = 'connecting';
const listeners = new Set<() => void>();

function tell(to: Liveness): void {
  current = to;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** After how many milliseconds a query asks again, as things stand. */
export function askAgainMs(): number {
  return ASK_MS[current];
}

export function useLiveness(): Liveness {
  return useSyncExternalStore(subscribe, () => current);
}

/** Follows the log for everything below, as long as somebody is signed in. */
export function Live({ children }: { readonly children: ReactNode }) {
  const session = useSession();
  const queries = useQueryClient();
  useEffect(() => {
    if (session === undefined) return;
    const end = new AbortController();
    tell('connecting');
    void follow(session, queries, end.signal, tell);
    return () => end.abort();
  }, [session, queries]);
  return children;
}
