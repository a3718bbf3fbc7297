/** What a store that was brought back is found to be, beside what was promised of it: as statements of it say. */
import { z } from 'zod';
import { expects, list, oneOf, text, whole } from '../schema/fields.ts';
import { kept } from '../words/unkept.ts';

export const MAX_LIST = 200;

export const count = whole(0);
export const words = z.string(expects('a text')).max(2_000, expects('at most 2000 characters'));
const relation = text(300);

/** Its tables, its files, and what pg_amcheck says of it. */
export const COMPARED = {
  census: z
    .strictObject({
      tables: count,
      rows: count,
      differences: list(
        z.strictObject({
          relation,
          kind: oneOf('gone', 'new', 'rows', 'values'),
          promised: count.exactOptional(),
          found: count.exactOptional(),
        }),
        0,
        MAX_LIST,
      ),
      unsettled: list(relation, 0, MAX_LIST),
    })
    .exactOptional(),
  files: z.strictObject({ compared: count, wrong: list(words, 0, MAX_LIST) }).exactOptional(),
  amcheck: z.strictObject({ problems: list(words, 0, MAX_LIST) }).exactOptional(),
} as const;

/** Facts as a statement takes them: whole numbers, bounded lists (its own of `most`) and texts, nothing that is undefined. */
export function bounded(value: unknown, most = MAX_LIST): unknown {
  if (typeof value === 'number') return Math.max(0, Math.round(value));
  if (typeof value === 'string') return kept(value.slice(0, 1_999));
  if (Array.isArray(value)) return value.slice(0, most).map((each) => bounded(each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) =>
      each === undefined ? [] : [[key, key === 'relation' ? kept(String(each).slice(0, 300)) : bounded(each, most)]],
    ),
  );
}
