/**
 * Data that is being moved in the simulated cells: now and then both places differ, or nobody has told of them. A function of
 * the time alone, so that whoever checks knows it as well as whoever is asked.
 */
import type { MoveLooks } from '@headgate/control';
import type { Instant, SeenMove } from '@headgate/domain';

/** The move that the fleets' policies name. */
export const MOVE = 'address';

const EVERY_MS = 210_000;
const SPELL_MS = 20_000;

/** The spell in which both places don't agree, by its number; undefined: they do. */
export function moveSpell(at: Instant): number | undefined {
  return (at + EVERY_MS / 2) % EVERY_MS < SPELL_MS ? Math.floor(at / EVERY_MS) : undefined;
}

/** What agents told of a fleet's moves, as it would be known at the moment of asking. */
export function simulatedMoves(now: () => Instant): MoveLooks {
  return {
    tell: async () => now(),
    of: async (cells) => {
      const at = now();
      const spell = moveSpell(at);
      // In every other spell they differ, in the others nobody has told of them.
      if (spell !== undefined && spell % 2 === 1) return [];
      const none = { missingInNew: 0, missingInOld: 0, different: 0, doubled: 0, keyless: 0 };
      const last: SeenMove['last'] = {
        ...{ rows: { old: 9, new: 9 }, unsettled: 0, tenants: [], others: 0, sums: [] },
        differences: spell === undefined ? none : { ...none, different: 1 },
        ...{ ageMs: 0, tookMs: 1, versions: ['0'], current: true },
      };
      // No release of theirs goes on writing both: each asks.
      const move = { store: 'main', name: MOVE, writtenBy: ['0'], readBy: [], removedBy: [], runs: ['0'], last, at };
      return cells.map((cell) => ({ ...move, cell }));
    },
  };
}
