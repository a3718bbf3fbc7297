/** Which mutants of a class are tried: all of them, or a seeded few that begin somewhere else each time. */
import { env } from 'node:process';

export const ALL = env.HEADGATE_HOSTILE === 'all';
export const SEED = Number(env.HEADGATE_HOSTILE_SEED ?? 1);

/** At least one of the list; all of them when all were asked for. `at` keeps the choice apart from others. */
export function sampled<T>(list: readonly T[], at: string, most = 1): readonly T[] {
  if (ALL || list.length <= most) return list;
  const from = hash(`${SEED} ${at}`) % list.length;
  return Array.from({ length: most }, (_, i) => list[(from + i) % list.length] as T);
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return h;
}
