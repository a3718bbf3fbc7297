import type { StreamId } from './store.ts';

interface Filtered {
  readonly at?: number;
  readonly environment?: string;
  readonly application?: string;
  readonly phase?: string;
  readonly requester?: string;
  readonly wave?: number;
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

interface SeenThere {
  readonly uncertain?: boolean;
  readonly observed?: {
    readonly state?: {
      readonly tenants?: Readonly<Record<string, { readonly held?: boolean }>>;
      readonly stores?: Readonly<Record<string, { readonly drift?: readonly string[] }>>;
    };
  };
}

/** Whether a cell is uncertain, or was seen with a held tenant or with drift; undefined for what is no cell. */
export function isTroubled(stream: StreamId, state: unknown): boolean | undefined {
  if (!stream.startsWith('cell/')) return undefined;
  const { uncertain, observed } = state as SeenThere;
  const { tenants = {}, stores = {} } = observed?.state ?? {};
  return (
    uncertain === true ||
    Object.values(tenants).some(({ held }) => held === true) ||
    Object.values(stores).some(({ drift }) => drift !== undefined)
  );
}

/** Whether it is a promotion of this application. */
export function isOfApplication(stream: StreamId, state: unknown, application: string): boolean {
  return stream.startsWith('promotion/') && (state as Filtered).application === application;
}

/** Whether it is a promotion in this phase. */
export function isInPhase(stream: StreamId, state: unknown, phase: string): boolean {
  return stream.startsWith('promotion/') && (state as Filtered).phase === phase;
}

/** Whether it is a promotion that this principal asked for and that has yet to begin: `hasBegun` of the domain. */
export function waitsFor(stream: StreamId, state: unknown, requester: string): boolean {
  if (!isInPhase(stream, state, 'awaiting')) return false;
  const { requester: by, wave = 0 } = state as Filtered;
  return by === requester && wave === 0;
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
