import type { Client } from '@headgate/contract';
import { useSyncExternalStore } from 'react';
import { currentSession, onSessionChange, type Session } from './session.ts';

export function useSession(): Session | undefined {
  return useSyncExternalStore(onSessionChange, currentSession);
}

/** The client of whoever is signed in. Only below the sign-in. */
export function useClient(): Client {
  const session = useSession();
  if (session === undefined) throw new Error('nobody is signed in');
  return session.client;
}
