/**
 * A refusal is a value: it says what was refused, where, why, and what would unblock it. Broken infrastructure throws;
 * a rule that says no never does.
 */
export interface Refusal {
  /** Stable, for programs: `not-permitted`, `wrong-phase`, `author-approves` … */
  readonly code: string;
  /** What was refused, in words. */
  readonly what: string;
  /** The resource or place. */
  readonly where: string;
  readonly why: string;
  readonly unblock: string;
}

export type Decided<E> =
  | { readonly ok: true; readonly events: readonly E[] }
  | { readonly ok: false; readonly refusal: Refusal };

export function accepted<E>(...events: readonly E[]): Decided<E> {
  return { ok: true, events };
}

export function refused(
  code: string,
  what: string,
  where: string,
  why: string,
  unblock: string,
): { ok: false; refusal: Refusal } {
  return { ok: false, refusal: { code, what, where, why, unblock } };
}
