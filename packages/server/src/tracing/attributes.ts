import type { LineIds } from '../log-lines.ts';

/** Ids as attributes: `headgate.promotion`, `headgate.rollout`, `headgate.cell` … No tenant and no person is among them. */
export function attributesOf(ids: LineIds): Record<string, string> {
  return Object.fromEntries(Object.entries(ids).map(([name, id]) => [`headgate.${name}`, id]));
}
