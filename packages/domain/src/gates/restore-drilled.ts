import type { DrillEvidence } from '../vault/drill.ts';
import { judgeDrilled, judgeVault, nameOf, RESTORE_DRILLED, type StoreName, targetsOf } from './drilled-store.ts';
import { type Gate, type GateFacts, pass, type Subject, stop } from './gate.ts';

/** Predicate type of our statement of a restore drill. */
export const RESTORE_DRILL = 'https://headgate.dev/restore-drill/v1';

const NAME = RESTORE_DRILLED;

/**
 * Each store that the plan migrates was brought back in a drill, lately and well, and as fast and as fresh as its targets say.
 * The newest drill of a store counts. Where its agent tells what lies in its vault, that has to be within its targets as a wave
 * begins: a drill says what was, and a piece of the log may be gone since.
 */
export const restoreDrilled: Gate = {
  name: NAME,
  asks: 'Was each store that it migrates brought back in a drill lately, whole, and as fast and as fresh as it has to be, and does nothing that its agent sees in its vault speak against that?',
  parameters: {
    type: 'object',
    additionalProperties: false,
    required: ['rtoMs', 'rpoMs', 'drillMaxAgeMs'],
    properties: {
      rtoMs: { type: 'integer', minimum: 1, description: 'How long it may take until a store can be used again' },
      rpoMs: { type: 'integer', minimum: 1, description: 'How much of what was written last may be lost' },
      drillMaxAgeMs: { type: 'integer', minimum: 1, description: 'How old the last drill may be' },
      transactions: {
        type: 'boolean',
        description: 'The time counts only where it was measured to the first business transaction',
      },
    },
  },
  at: 'promotion',
  judge(params, facts, subject) {
    const asked = targetsOf(params);
    if (asked === undefined)
      return stop(
        NAME,
        'error',
        'the policy doesn’t say how fast, how fresh, or how long ago',
        'set params.rtoMs, params.rpoMs and params.drillMaxAgeMs in the policy',
        'release manager',
      );
    const stores = storesOf(facts, subject);
    if (stores === undefined)
      return stop(NAME, 'no-data', 'it isn’t known which stores the plan migrates', 'plan it again', 'operator');
    if (stores.length === 0) return pass(NAME, 'no store is migrated');
    const drills = newestByStore(facts.drills ?? []);
    // What lies there is asked before a wave alone: nobody who is held waits for a round of the agent's.
    const seen = new Map(subject.kind === 'step' ? [] : (facts.vaults ?? []).map((each) => [nameOf(each), each]));
    const verdicts = stores.map((store) => {
      const drilled = judgeDrilled(store, drills.get(nameOf(store)), facts.now, asked);
      const look = seen.get(nameOf(store));
      if (look === undefined || drilled.verdict !== 'pass') return drilled;
      const lies = judgeVault(store, look, facts.now, asked);
      return lies.verdict === 'pass' ? { ...drilled, because: `${drilled.because}; ${lies.because}` } : lies;
    });
    const stopped = verdicts.filter(({ verdict }) => verdict !== 'pass');
    const [first] = stopped.length > 0 ? stopped : verdicts;
    const others = (stopped.length > 0 ? stopped : verdicts).length - 1;
    if (first === undefined || others === 0) return first ?? pass(NAME, 'no store is migrated');
    return { ...first, because: `${first.because}; and ${others} more ${others === 1 ? 'store' : 'stores'}` };
  },
};

/** Those that the plan migrates; before a step of one store, that one. */
function storesOf({ migrated }: GateFacts, subject: Subject): readonly StoreName[] | undefined {
  if (subject.kind !== 'step' || !('store' in subject.action)) return migrated;
  const { store } = subject.action;
  return migrated?.filter((each) => each.store === store);
}

function newestByStore(drills: readonly DrillEvidence[]): ReadonlyMap<string, DrillEvidence> {
  const newest = new Map<string, DrillEvidence>();
  for (const drill of drills) {
    const known = newest.get(nameOf(drill));
    if (known === undefined || drill.at >= known.at) newest.set(nameOf(drill), drill);
  }
  return newest;
}
