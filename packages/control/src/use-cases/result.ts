import { mayDo, type Principal, type Refusal, type Verb } from '@headgate/domain';

/** What a use case answers: a value, or the refusals that say why not. Broken infrastructure throws. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusals: readonly Refusal[] };

export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function no<T>(...refusals: readonly Refusal[]): Result<T> {
  return { ok: false, refusals };
}

export function refuse<T>(code: string, what: string, where: string, why: string, unblock: string): Result<T> {
  return no({ code, what, where, why, unblock });
}

/** The refusal for a verb that a principal's roles don't take, or undefined. */
export function notPermitted(principal: Principal, verb: Verb, where: string): Refusal | undefined {
  const may = mayDo(principal, verb);
  if (may.allowed) return undefined;
  return {
    code: 'not-permitted',
    what: verb,
    where,
    why: may.because,
    unblock: 'ask somebody with one of these roles',
  };
}

export function notFound<T>(what: string, where: string): Result<T> {
  return refuse('not-found', what, where, 'there is no such thing', 'list what there is and name one of these');
}

/** How often stale facts are gathered anew before the caller hears of it. */
const TRIES = 8;

/** Runs an attempt until it doesn't conflict. An attempt answers undefined when its facts were stale. */
export async function untilFresh<T>(
  what: string,
  where: string,
  attempt: () => Promise<Result<T> | undefined>,
): Promise<Result<T>> {
  for (let tries = 0; tries < TRIES; tries++) {
    const result = await attempt();
    if (result !== undefined) return result;
  }
  return refuse('busy', what, where, `it changed ${TRIES} times while this was decided`, 'try again');
}
