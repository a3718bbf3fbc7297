import { ProblemError } from '@headgate/contract';
import { until } from '../../examples/psa/demo/until.ts';

/** Tries again while the server or its database is away, as people do; anything else is an answer. */
export async function patiently<T>(what: string, call: () => Promise<T>): Promise<T> {
  let refusal: ProblemError | undefined;
  const answer = await until(what, 60_000, async () => {
    try {
      return { value: await call() };
    } catch (error) {
      if (!(error instanceof ProblemError) || error.status >= 500 || error.status === 409) throw error;
      refusal = error;
      return { refused: true } as const;
    }
  });
  if ('refused' in answer) throw refusal as ProblemError;
  return answer.value;
}
