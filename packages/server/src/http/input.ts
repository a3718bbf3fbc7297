import type { Schema } from '@headgate/contract';
import type { Refusal } from '@headgate/domain';

const MOST_PROBLEMS = 20;

export type Checked =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly refusals: readonly Refusal[] };

/** Checks a part of a request by its schema; each problem names its place. What was sent is not repeated. */
export function check(schema: Schema | undefined, value: unknown, part: string, what: string): Checked {
  if (schema === undefined) return { ok: true, value: {} };
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const refusals = parsed.error.issues.slice(0, MOST_PROBLEMS).map(
    (issue): Refusal => ({
      code: 'malformed',
      what,
      where: [part, ...issue.path.map(String)].join('/').slice(0, 300),
      why: issue.message.slice(0, 300),
      unblock: 'the schema stands in /openapi.json',
    }),
  );
  return { ok: false, refusals };
}
