import type { UndoneAway } from '@headgate/domain';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import type { Logger } from '../log.ts';
import { type Undoing, untold } from './journal.ts';
import type { JournalFile } from './journal-file.ts';

/**
 * Tells the server what was undone without it, before anything new is taken from it. Throws while it is away. What the
 * server doesn't know of, or refuses, is told all the same: it stands in the journal, and an agent that waited for another
 * answer would never work again.
 */
export async function tellUndone(
  plane: Pick<ControlPlane, 'undone'>,
  journal: Pick<JournalFile, 'all' | 'note'>,
  log: Logger,
): Promise<void> {
  for (const undoing of untold(journal.all)) {
    const told = toldOf(undoing);
    let answer = await plane.undone(undoing.rollout, told);
    // What was reported is for people; that it was undone is what must be known.
    if (answer.startsWith('refused')) answer = await plane.undone(undoing.rollout, withoutReports(told));
    await journal.note({ type: 'told', id: undoing.id, answer });
    const facts = { cell: undoing.cell, rollout: undoing.rollout, answer };
    if (answer.startsWith('refused')) log.error(facts, 'the server did not take up what was undone without it');
    else log.info(facts, 'the server heard what was undone without it');
  }
}

function withoutReports(told: UndoneAway): UndoneAway {
  const steps = told.steps.map(({ id, result: { checks: _, reconciliation: __, ...proof } }) => ({
    id,
    result: proof,
  }));
  return { ...told, steps };
}

export function toldOf({ plan, scope, begun, done, n, by, because, since, why }: Undoing): UndoneAway {
  const steps = [...new Map(done.map((step) => [step.id, step])).values()];
  const told = { plan, scope, begun, steps, n, by, because, since: Date.parse(since) };
  return why === undefined ? told : { ...told, stopped: why.slice(0, 1_000).toWellFormed() };
}
