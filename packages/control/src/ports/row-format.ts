/**
 * Builds of Headgate run side by side while one is exchanged for the next. What an older one can't decide on (a field that
 * it would drop, a phase that it doesn't know) is said by the row's *format*: the lowest that code must know to decide on
 * the row. A row gets a higher one only when its state really has what is new, so older servers do the rest as before.
 */
import type { Delivery, Promotion, Rollout } from '@headgate/domain';
import type { PrincipalRecord } from '../records.ts';
import type { StreamId } from './store.ts';

/** The highest format that this code decides on. It reads a format one release before it first writes it. */
export const KNOWN_FORMAT = 5;

interface Newer {
  readonly format: number;
  /** The streams' kind. */
  readonly kind: string;
  /** Whether a state has what came with this format. */
  readonly has: (state: unknown) => boolean;
}

/** What came since format 1, oldest first. */
const NEWER: readonly Newer[] = [
  {
    // Format 1 knows no list of cells in a scope: it would leave half-way cells on the release, and forget the hotfix.
    format: 2,
    kind: 'promotion',
    has: (state) => {
      const { overtakes, overtakenBy } = state as Partial<Promotion>;
      return overtakes !== undefined || overtakenBy !== undefined;
    },
  },
  {
    // Format 1 folds `principal.widened` to nothing: its audit would say that row and log don't agree.
    format: 2,
    kind: 'principal',
    has: (state) => (state as Partial<PrincipalRecord>).widened === true,
  },
  {
    // Format 2 has no words for a drill that failed: it would send none.
    format: 3,
    kind: 'delivery',
    has: (state) => {
      const { about, items } = state as Partial<Delivery>;
      return about === 'drill-failed' || items?.some(({ happening }) => happening === 'drill-failed') === true;
    },
  },
  {
    // Format 3 knows no gate at the point of no return: it would hand out what loses data before anybody was asked. It drops
    // with the next event that a go was asked for and said, and folds both to nothing.
    format: 4,
    kind: 'promotion',
    has: (state) => {
      const { gatedAtNoReturn, goAsked } = state as Partial<Promotion>;
      return gatedAtNoReturn === true || goAsked !== undefined;
    },
  },
  {
    // Format 3 drops which undo steps may have had their effect: it would take a no to what may have been carried out.
    format: 4,
    kind: 'rollout',
    has: (state) => (state as Partial<Rollout>).tried !== undefined,
  },
  {
    // Format 4 knows no operations: it would believe any agent that they are closed or open, and never open them in an undo.
    format: 5,
    kind: 'promotion',
    has: (state) => (state as Partial<Promotion>).closesOperations === true,
  },
  {
    format: 5,
    kind: 'rollout',
    has: (state) => (state as Partial<Rollout>).closesOperations === true,
  },
];

/** The lowest format that code must know to decide on a stream in this state. */
export function formatOf(stream: StreamId, state: unknown): number {
  return NEWER.findLast(({ kind, has }) => stream.startsWith(`${kind}/`) && has(state))?.format ?? 1;
}
