import { notWholeNumbers, type Schema, visible } from '@headgate/contract';
import { placeOfUnkept, UNKEPT } from '@headgate/documents/words/unkept';
import type { Refusal } from '@headgate/domain';

const MOST_PROBLEMS = 20;

export type Checked =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly refusals: readonly Refusal[] };

/** Checks a part of a request by its schema; each problem names its place. What was sent is not repeated. */
export function check(schema: Schema | undefined, value: unknown, part: string, what: string): Checked {
  if (schema === undefined) return { ok: true, value: {} };
  const odd = part === 'body' ? [] : notWholeNumbers(schema, value);
  if (odd.length > 0) return { ok: false, refusals: odd.map((name) => malformed(what, [part, name], WHOLE_NUMBER)) };
  const parsed = schema.safeParse(value);
  if (parsed.success) {
    // Behind the schema, which cleans what agents quote; whatever it lets by would be a fault of the database's.
    const unkept = placeOfUnkept(parsed.data);
    if (unkept === undefined) return { ok: true, value: parsed.data };
    return { ok: false, refusals: [malformed(what, [part, ...unkept], `expected ${UNKEPT}`)] };
  }
  const { issues } = parsed.error;
  return {
    ok: false,
    refusals: issues.slice(0, MOST_PROBLEMS).map((i) => malformed(what, [part, ...i.path], i.message)),
  };
}

const WHOLE_NUMBER = 'expected a whole number in digits';

function malformed(what: string, path: readonly PropertyKey[], why: string): Refusal {
  // A key is anybody's text: what can't be seen in it is made visible before it is repeated.
  const where = path
    .map((part) => visible(String(part).slice(0, 80)))
    .join('/')
    .slice(0, 300);
  return { code: 'malformed', what, where, why: why.slice(0, 300), unblock: 'the schema stands in /openapi.json' };
}
