/** How much is tried: the table of every class, and with HEADGATE_HOSTILE=all as many texts more, by a seed. */
import { env } from 'node:process';

export const SEED = Number(env.HEADGATE_HOSTILE_SEED ?? 1);

/** Texts by chance for each field and class of texts. */
export const MORE = env.HEADGATE_HOSTILE === 'all' ? 12 : 0;

/** Numbers by chance, the same for the same seed and place: mulberry32 begun with FNV-1a. */
export function chance(at: string): () => number {
  let state = 0x811c9dc5;
  for (const c of `${SEED} ${at}`) state = Math.imul(state ^ (c.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** One of the list, chosen by the seed; all of them when all were asked for. */
export function few<T>(list: readonly T[], at: string): readonly T[] {
  return MORE > 0 || list.length <= 1 ? list : [list[chance(at)() % list.length] as T];
}
