/** What a store that was brought back is found to be, beside what was promised of it: as statements of it say. */
import { z } from 'zod';
import { expects, list, oneOf, text, whole } from '../schema/fields.ts';

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
