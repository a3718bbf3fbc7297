import type { Outcome } from '@headgate/domain';

export function done(result: Extract<Outcome, { kind: 'done' }>['result']): Outcome {
  return { kind: 'done', result };
}

export function failed(code: Extract<Outcome, { kind: 'failed' }>['code'], why: string): Outcome {
  return { kind: 'failed', code, why };
}
