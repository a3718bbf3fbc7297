import type { KillPoint } from './points.ts';

export type Wanted = Pick<KillPoint, 'victim' | 'when'> & Partial<Pick<KillPoint, 'where'>>;

/**
 * Chooses one point for each wanted kind, by a seed; no two commits of a step and no two of its effects, so that they
 * spread.
 */
export function choose(points: readonly KillPoint[], wanted: readonly Wanted[], seed: number): readonly KillPoint[] {
  const random = mulberry32(seed);
  const taken = new Set<string>();
  const placeOf = (p: KillPoint): string => `${p.where} ${p.lane} ${p.step ?? p.what}`;
  return wanted.flatMap(({ victim, when, where }) => {
    const candidates = points.filter(
      (p) =>
        p.victim === victim && p.when === when && (where === undefined || p.where === where) && !taken.has(placeOf(p)),
    );
    const point = candidates[Math.floor(random() * candidates.length)];
    if (point === undefined) return [];
    taken.add(placeOf(point));
    return [point];
  });
}

/**
 * A part of the open points that one telling can hold: at each spot one victim before and one after, another one in each
 * telling and at each neighbour. So a step is not disturbed so often that its attempts run out, and as many tellings as
 * there are victims get through them all.
 */
export function rotate(
  points: readonly KillPoint[],
  telling: number,
  open: (point: KillPoint) => boolean,
): readonly KillPoint[] {
  const spots = Map.groupBy(points, (p) => `${p.where} ${p.lane} ${p.step} ${p.what} ${p.when}`);
  return [...spots.values()].flatMap((own, i) => {
    const first = (telling + i) % own.length;
    return [...own.slice(first), ...own.slice(0, first)].find(open) ?? [];
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
