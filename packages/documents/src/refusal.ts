/**
 * Why a document from outside was not taken. A refusal is a value: it names what was refused, where in the document
 * the trouble stands, why, and what would unblock it. Only broken infrastructure throws.
 */
export interface Refusal<Code extends string = string> {
  readonly ok: false;
  readonly code: Code;
  /** One sentence for a person: what was found and what was expected. No secrets. */
  readonly why: string;
  /** JSON pointer, `file:line:column` or a field's name. */
  readonly where?: string;
  /** What somebody can do about it. */
  readonly unblock?: string;
}

/** Builds a refusal; leaves out what isn't known. */
export function refuse<Code extends string>(
  code: Code,
  why: string,
  more: { readonly where?: string; readonly unblock?: string } = {},
): Refusal<Code> {
  return { ok: false, code, why, ...more };
}

/** At most `max` characters of text from outside, quoted and with control characters escaped, for use in a message. */
export function quoted(value: unknown, max = 80): string {
  let text: string;
  if (value === undefined) return 'nothing';
  try {
    text = JSON.stringify(value) ?? String(value);
  } catch {
    text = String(value);
  }
  return text.length > max ? `${text.slice(0, max)}…` : text;
}
