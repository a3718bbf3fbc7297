import type { KillPoint } from './points.ts';

export type Wanted = Pick<KillPoint, 'victim' | 'when'>;

/**
 * Chooses one point for each wanted kind, by a seed, no two at the same step: a policy allows a step few attempts, and
 * this is not about them.
 */
export function choose(points: readonly KillPoint[], wanted: readonly Wanted[], seed: number): readonly KillPoint[] {
  const random = mulberry32(seed);
  const taken = new Set<string>();
  return wanted.flatMap(({ victim, when }) => {
    const candidates = points.filter(
      (p) => p.victim === victim && p.when === when && !taken.has(`${p.lane} ${p.step ?? p.what}`),
    );
    const point = candidates[Math.floor(random() * candidates.length)];
    if (point === undefined) return [];
    taken.add(`${point.lane} ${point.step ?? point.what}`);
    return [point];
  });
}

/** A small generator that is the same everywhere: numbers in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
