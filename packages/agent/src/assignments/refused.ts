import type { Outcome, Refusal } from '@headgate/domain';

/** A refusal of ours, thrown through an executor that asked for something it may not have. */
export class Refused extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(sayRefusal(refusal));
    this.name = 'Refused';
    this.refusal = refusal;
  }
}

/** What, where, why and what would unblock, as one line for people. */
export function sayRefusal({ code, what, where, why, unblock }: Refusal): string {
  const place = where === '' ? '' : ` at ${where}`;
  return `${code}: can't ${what}${place}: ${why}${unblock === '' ? '' : `; ${unblock}`}`;
}

/** A refusal as the step's outcome: never tried again, because trying doesn't make it right. */
export function rejected(refusal: Refusal): Outcome {
  return { kind: 'failed', code: 'rejected', why: sayRefusal(refusal) };
}
