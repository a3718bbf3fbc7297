import { ageText, durationText } from '../model/duration.ts';
import { type DrillEvidence, rtoText } from '../vault/drill.ts';
import { type Gate, type GateFacts, pass, type Subject, stop, type Verdict, wholeNumber } from './gate.ts';

/** Predicate type of our statement of a restore drill. */
export const RESTORE_DRILL = 'https://headgate.dev/restore-drill/v1';

/** How far the clock of the machine that drilled may be ahead of ours. Milliseconds. */
const CLOCK_STEP_MS = 60_000;
const NAME = 'restore-drilled';

/**
 * Each store that the plan migrates was brought back in a drill, lately and well, and as fast and as fresh as its targets say.
 * The newest drill of a store counts.
 */
export const restoreDrilled: Gate = {
  name: NAME,
  asks: 'Was each store that it migrates brought back in a drill lately, whole, and as fast and as fresh as it has to be?',
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
    const [rtoMs, rpoMs, drillMaxAgeMs] = ['rtoMs', 'rpoMs', 'drillMaxAgeMs'].map((each) => wholeNumber(params, each));
    const { transactions = false } = params;
    if (!rtoMs || !rpoMs || !drillMaxAgeMs || typeof transactions !== 'boolean')
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
    const asked = { rtoMs, rpoMs, drillMaxAgeMs, transactions };
    const drills = newestByStore(facts.drills ?? []);
    const verdicts = stores.map((store) => judgeStore(store, drills.get(nameOf(store)), facts.now, asked));
    const stopped = verdicts.filter(({ verdict }) => verdict !== 'pass');
    const [first] = stopped.length > 0 ? stopped : verdicts;
    const others = (stopped.length > 0 ? stopped : verdicts).length - 1;
    if (first === undefined || others === 0) return first ?? pass(NAME, 'no store is migrated');
    return { ...first, because: `${first.because}; and ${others} more ${others === 1 ? 'store' : 'stores'}` };
  },
};

interface StoreName {
  readonly cell: string;
  readonly store: string;
}

interface Asked {
  readonly rtoMs: number;
  readonly rpoMs: number;
  readonly drillMaxAgeMs: number;
  readonly transactions: boolean;
}

/** Those that the plan migrates; before a step of one store, that one. */
function storesOf({ migrated }: GateFacts, subject: Subject): readonly StoreName[] | undefined {
  if (subject.kind !== 'step' || !('store' in subject.action)) return migrated;
  const { store } = subject.action;
  return migrated?.filter((each) => each.store === store);
}

function nameOf({ cell, store }: StoreName): string {
  return `${cell}/${store}`;
}

function newestByStore(drills: readonly DrillEvidence[]): ReadonlyMap<string, DrillEvidence> {
  const newest = new Map<string, DrillEvidence>();
  for (const drill of drills) {
    const known = newest.get(nameOf(drill));
    if (known === undefined || drill.at >= known.at) newest.set(nameOf(drill), drill);
  }
  return newest;
}

function judgeStore(of: StoreName, drill: DrillEvidence | undefined, now: number, asked: Asked): Verdict {
  const name = nameOf(of);
  const again = `run headgate-agent drill --config FILE --store ${of.store} --cell ${of.cell} --attach`;
  const no = (verdict: 'fail' | 'no-data' | 'error', why: string, unblock = again): Verdict =>
    stop(NAME, verdict, why, unblock, 'operator');
  if (drill === undefined) return no('no-data', `the store ${name} was never brought back in a drill`);
  const { at, because, missing, rtoMs, rpoMs, rtoUntil } = drill;
  const ageMs = now - at;
  if (!Number.isSafeInteger(at) || ageMs < -CLOCK_STEP_MS)
    return no('error', `the last drill of ${name} is dated ahead of now`, `set the clocks right and ${again}`);
  if (because.length > 0)
    return no(
      'fail',
      `the last drill of ${name} did not go well: ${because.join('; ')}`,
      `mend what it found, take a restore point, and ${again}`,
    );
  if (!drill.ok || missing.length > 0)
    return no('no-data', `the last drill of ${name} says nothing: ${missing.join('; ') || 'it doesn’t say why'}`);
  if (ageMs > asked.drillMaxAgeMs)
    return no(
      'fail',
      `the last drill of ${name} was ${ageText(ageMs)} ago, ${durationText(asked.drillMaxAgeMs)} are allowed`,
    );
  if (rtoMs === undefined || rpoMs === undefined) return no('no-data', `the last drill of ${name} measured no time`);
  if (asked.transactions && rtoUntil !== 'first-transaction')
    return no(
      'no-data',
      `the last drill of ${name} ran no business transaction`,
      `declare vault.drill.transactions for the cell ${of.cell}, and ${again}`,
    );
  if (rtoMs > asked.rtoMs)
    return no(
      'fail',
      `bringing back ${name} took ${rtoText(drill)}, ${durationText(asked.rtoMs)} are allowed`,
      `make the way back shorter or the target longer, and ${again}`,
    );
  if (rpoMs > asked.rpoMs)
    return no(
      'fail',
      `of ${name} the last ${ageText(rpoMs)} would be lost, ${durationText(asked.rpoMs)} are allowed`,
      `take restore points more often (vault.schedule.everyMs), and ${again}`,
    );
  const told = `back after ${rtoText(drill)}, at most the last ${ageText(rpoMs)} lost`;
  return pass(NAME, `${name} was drilled ${ageText(Math.max(0, ageMs))} ago: ${told}`);
}
