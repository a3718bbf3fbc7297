/**
 * Why a document from outside was not taken: the domain's refusal (what, where, why, what would unblock) with `ok: false`
 * beside it, so that a reader's result is told apart by one field. Only broken infrastructure throws.
 */
import type { Refusal } from '@headgate/domain/model/refusal';

export interface Refused<Code extends string = string> extends Refusal {
  readonly ok: false;
  readonly code: Code;
}

/** Builds a refusal. `where` is a JSON pointer, `file:line:column` or a field's name; no secrets in any of it. */
export function refuse<Code extends string>(
  code: Code,
  what: string,
  why: string,
  more: { readonly where?: string; readonly unblock?: string } = {},
): Refused<Code> {
  return { ok: false, code, what, where: more.where ?? '', why, unblock: more.unblock ?? '' };
}

/** At most `max` characters of a value from outside, as JSON (so control characters are escaped), for use in a message. */
export function quoted(value: unknown, max = 80): string {
  if (value === undefined) return 'nothing';
  let text: string;
  try {
    text = JSON.stringify(typeof value === 'string' ? value.slice(0, max + 1) : value) ?? String(value);
  } catch {
    text = String(value);
  }
  return text.length > max ? `${text.slice(0, max)}…` : text;
}
