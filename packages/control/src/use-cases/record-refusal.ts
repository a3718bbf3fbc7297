import type { Principal, Refusal } from '@headgate/domain';
import type { Deps } from '../deps.ts';

/**
 * Puts a refused attempt to act on the log: who tried what, where, and why not. Each attempt is a stream of its own, so
 * that many of them don't queue on one version. What the caller sent is not repeated, only our own words.
 */
export async function recordRefusal(deps: Deps, principal: Principal, refusals: readonly Refusal[]): Promise<void> {
  const first = refusals[0];
  if (first === undefined) return;
  const short = (text: string): string => text.slice(0, 300).toWellFormed();
  const { code, what, where, why } = first;
  const data = { code, what: short(what), where: short(where), why: short(why), refusals: refusals.length };
  await deps.store.commit({
    by: principal.id,
    writes: [
      {
        stream: `attempt/${deps.newId('att')}`,
        expected: 0,
        entries: [{ type: 'attempt.refused', data }],
        state: data,
        dueAt: null,
      },
    ],
  });
}
