import type { FailureCode } from '@headgate/domain';

/** What a port answers: a value, or a refusal with the code that the step then fails with. Broken infrastructure throws. */
export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: FailureCode; readonly why: string };

export function granted<T>(value: T): Answer<T> {
  return { ok: true, value };
}

export function denied(
  code: FailureCode,
  why: string,
): { readonly ok: false; readonly code: FailureCode; readonly why: string } {
  return { ok: false, code, why };
}
