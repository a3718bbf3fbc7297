/** The moves of a cell, each with the store that it is in. */
import { digestOfJson } from '@headgate/documents';
import type { Digest } from '@headgate/domain';
import type { AnyCellConfig } from '../cell-kinds.ts';
import { storeToLookAt } from '../reconcile/sides-to-look-at.ts';
import { ownersConnection } from '../store/store-session.ts';
import { type ComparedPlaces, comparePlaces } from './compare-places.ts';
import type { MoveConfig } from './move-config.ts';

export interface CellMove {
  readonly store: string;
  readonly name: string;
  readonly move: MoveConfig;
  /** Of what is compared with what: a comparison by another declaration says nothing of this one. */
  readonly declared: Digest;
  /** Throws what there is to say in words. */
  compare(signal: AbortSignal): Promise<ComparedPlaces>;
}

/** Those that a cell's configuration declares. */
export function movesOf(config: AnyCellConfig): readonly CellMove[] {
  if (config.kind !== 'process') return [];
  return Object.entries({ ...config.externalStores, ...config.stores }).flatMap(([store, { moves }]) =>
    Object.entries(moves).map(([name, move]) => {
      const { old, key, compare, tenant = null, amounts, settleMs } = move;
      return {
        ...{ store, name, move },
        declared: digestOfJson({ store, old, new: move.new, key, compare, tenant, amounts, settleMs }),
        compare: async (signal: AbortSignal) =>
          comparePlaces(await ownersConnection(await storeToLookAt(config, store)), move, signal),
      };
    }),
  );
}
