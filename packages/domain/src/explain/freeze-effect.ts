/**
 * What a freeze stops and what it doesn't, for one promotion: told before it is declared and once more after it. It takes
 * effect before the next step: what an agent is in the middle of ends its step, and no way back is ever held up.
 */
import type { ReleaseRef } from '../model/release.ts';
import type { Plan } from '../plan/plan.ts';
import { actionText, counted } from '../plan/render-words.ts';
import type { Promotion } from '../promotion/state.ts';
import { heldFor, stepAtHand } from '../rollout/decide.ts';
import type { Rollout } from '../rollout/state.ts';

export interface StepAtWork {
  readonly cell: string;
  readonly step: string;
  readonly text: string;
  readonly agent: string;
  readonly course: 'forward' | 'undo';
}

export interface FreezeStop {
  readonly promotion: string;
  readonly application: string;
  readonly environment: string;
  readonly release: ReleaseRef;
  /** `waits`: it stood still already. `goes-back`: nothing of it is stopped. */
  readonly stands: 'stopped' | 'waits' | 'goes-back';
  readonly words: string;
  /** What is at work now and ends its step all the same. */
  readonly running: readonly StepAtWork[];
  /** Tenants that are held at this moment. */
  readonly held: number;
}

/** Undefined for a promotion that has ended: a freeze is nothing to it. */
export function freezeEffect(
  promotion: Promotion,
  rollouts: ReadonlyMap<string, Rollout>,
  plan: Plan,
): FreezeStop | undefined {
  if (promotion.phase === 'ended') return undefined;
  const { id, application, environment, release } = promotion;
  const running: StepAtWork[] = [];
  let held = 0;
  for (const cell of plan.cells) {
    const rollout = rollouts.get(cell.cell);
    if (rollout === undefined) continue;
    if (rollout.undo === null) held += heldFor(rollout, cell)?.length ?? 0;
    if (rollout.phase !== 'leased') continue;
    const step = stepAtHand(rollout, cell);
    running.push({
      cell: cell.cell,
      step: rollout.step,
      text: step === undefined ? rollout.step : actionText(step.action),
      agent: rollout.agent,
      course: rollout.undo === null ? 'forward' : 'undo',
    });
  }
  const stop = { promotion: id, application, environment, release, running, held };
  return { ...stop, ...wordsOf(promotion, held, running.length) };
}

function wordsOf(promotion: Promotion, held: number, running: number): Pick<FreezeStop, 'stands' | 'words'> {
  const { phase, wave, waves, undo } = promotion;
  const ends = running === 0 ? '' : `; ${counted(running, 'step')} at work ${running === 1 ? 'ends' : 'end'} first`;
  if (phase === 'undoing' || undo !== null)
    return { stands: 'goes-back', words: 'it goes back, and a freeze stops no step of that' };
  const back =
    held === 0
      ? ''
      : `; ${counted(held, 'tenant')} held now ${held === 1 ? 'goes' : 'go'} back, since nobody is kept waiting behind a freeze`;
  switch (phase) {
    case 'awaiting':
      return wave === 0
        ? { stands: 'waits', words: 'its first wave does not open' }
        : { stands: 'stopped', words: `wave ${wave + 1} of ${waves} does not open${ends}` };
    case 'advancing':
      return { stands: 'stopped', words: `no further step of wave ${wave} of ${waves} begins${ends}${back}` };
    default:
      return { stands: 'waits', words: `it is ${phase} already${ends}` };
  }
}
