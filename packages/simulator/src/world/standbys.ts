/**
 * The standbys of the simulated cells' stores: now and then they fall behind, or nobody hears of them. A function of the time
 * alone, so that whoever checks knows it as well as whoever is asked.
 */
import type { StandbyLooks } from '@headgate/control';
import type { CellState, Instant } from '@headgate/domain';

/** How far behind a standby may be, as the fleets' policies say. Milliseconds. */
export const MAX_LAG_MS = 10_000;

const EVERY_MS = 180_000;
const SPELL_MS = 30_000;

/** The spell in which standbys can't be failed over to, by its number; undefined: they can. */
export function standbySpell(at: Instant): number | undefined {
  return at % EVERY_MS < SPELL_MS ? Math.floor(at / EVERY_MS) : undefined;
}

/** What agents told of a fleet's standbys, as it would be known at the moment of asking. */
export function simulatedStandbys(cells: readonly CellState[], now: () => Instant): StandbyLooks {
  const stores = new Map(cells.map(({ cell, stores }) => [cell, Object.keys(stores)]));
  return {
    tell: async () => now(),
    of: async (asked) => {
      const at = now();
      const spell = standbySpell(at);
      // In every other spell they lag, in the others nobody has told of them.
      if (spell !== undefined && spell % 2 === 1) return new Map();
      const lagMs = spell === undefined ? 0 : 6 * MAX_LAG_MS;
      const following = { standing: 'following', receiving: true, lagBytes: lagMs, lagMs, at } as const;
      return new Map(
        asked.map((cell) => [
          cell,
          (stores.get(cell) ?? []).map((store) => ({ cell, store, name: 'second', ...following })),
        ]),
      );
    },
  };
}
