import { type Client, createClient } from '@headgate/contract';

/** Where the token is kept: this tab's own storage, which ends with the tab. Never in an address, never in a cookie. */
const KEY = 'headgate.token';

export interface Session {
  readonly client: Client;
  /** The same client; `opened` is called each time that a stream of events opens. */
  watching(opened: () => void): Client;
}

let session: Session | undefined = fromStorage();
let reason = '';
const listeners = new Set<() => void>();

function fromStorage(): Session | undefined {
  const token = sessionStorage.getItem(KEY);
  return token === null ? undefined : sessionOf(token);
}

function sessionOf(token: string): Session {
  const clientOf = (send: typeof fetch) => createClient({ baseUrl: location.origin, token, fetch: send });
  return {
    // Through a wrapper: the browser's fetch wants its window as `this`.
    client: clientOf((...args) => fetch(...args)),
    watching: (opened) =>
      clientOf(async (...args) => {
        const response = await fetch(...args);
        if (response.ok && response.headers.get('content-type')?.startsWith('text/event-stream')) opened();
        return response;
      }),
  };
}

/** Who is signed in here; undefined when nobody is. For `useSyncExternalStore`. */
export function currentSession(): Session | undefined {
  return session;
}

/** Why the last session ended, when it wasn't the person who ended it. */
export function endedBecause(): string {
  return reason;
}

export function onSessionChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Asks the server who the token belongs to, and keeps it if it belongs to somebody; throws the server's problem. */
export async function signIn(token: string): Promise<void> {
  const to = sessionOf(token);
  await to.client.call('whoami');
  sessionStorage.setItem(KEY, token);
  change(to, '');
}

/** Forgets the token. `because`: what ended it, if it wasn't the person. */
export function signOut(because = ''): void {
  sessionStorage.removeItem(KEY);
  change(undefined, because);
}

function change(to: Session | undefined, because: string): void {
  session = to;
  reason = because;
  for (const listener of listeners) listener();
}
