import type { StreamId } from './store.ts';

interface Filtered {
  readonly at?: number;
  readonly environment?: string;
  readonly application?: string;
  readonly phase?: string;
  readonly rule?: string;
  readonly desired?: { readonly environment?: string };
  readonly observed?: { readonly state?: { readonly environment?: string } };
}

/** What a list of a row's kind is filtered by: promotions, rollouts and cells by environment, releases by application, messages by notification. */
export function facetOf(stream: StreamId, state: unknown): string | undefined {
  const { environment, application, rule, desired, observed } = (state ?? {}) as Filtered;
  switch (stream.split('/', 1)[0]) {
    case 'promotion':
    case 'rollout':
      return environment;
    case 'release':
      return application;
    case 'delivery':
      return rule;
    case 'cell':
      return desired?.environment ?? observed?.state?.environment;
    default:
      return undefined;
  }
}

/** Whether a promotion has yet to end; undefined for what is none. */
export function isOpen(stream: StreamId, state: unknown): boolean | undefined {
  return stream.startsWith('promotion/') ? (state as Filtered).phase !== 'ended' : undefined;
}

/** When a promotion ended; undefined for one that hasn't, and for what is none. */
export function endedAt(stream: StreamId, state: unknown): number | undefined {
  if (!stream.startsWith('promotion/')) return undefined;
  const { phase, at } = state as Filtered;
  return phase === 'ended' ? at : undefined;
}
