/**
 * What is to go wrong, and what people do, in one promotion: drawn beforehand as plain data, so that a run that violates
 * an invariant can be lived through again with one thing less.
 */
import { Random } from '../engine/random.ts';

/** Counted in commits of the run, so that faults strike wherever a rollout is busy. */
type AtCommit = { readonly commit: number };
/** Counted in leases of the run. */
type AtLease = { readonly lease: number };

export type StoreFault = AtCommit & {
  readonly kind: 'crash-before' | 'crash-after' | 'unavailable-before' | 'unavailable-after' | 'stall';
  /** How long the server is down, or the commit hangs. Milliseconds. */
  readonly ms: number;
};

export const STEP_FAULTS = [
  'transient',
  'rejected',
  'unknown',
  'red',
  'no-reading',
  'unverified',
  'hangs',
  'slow',
  'late-outcome',
  'zombie',
  'dies-before',
  'dies-after',
  'lease-lost',
  'outcome-twice',
  'impostor',
  'stranger',
] as const;

export type StepFault = AtLease & {
  readonly kind: (typeof STEP_FAULTS)[number];
  /** How many leases in a row it hits. */
  readonly times: number;
  /** How late, how long. Milliseconds. */
  readonly ms: number;
};

export type WorldFault = AtCommit & {
  readonly kind:
    | 'freeze'
    | 'freeze-all'
    | 'window-closes'
    | 'red-evidence'
    | 'control-restored'
    | 'clock-skew'
    | 'pause'
    | 'rollback'
    | 'agents-down';
  readonly ms: number;
  /** For a restored control plane: how many commits are lost. */
  readonly lost: number;
};

export type Fault = StoreFault | StepFault | WorldFault;

/** What people do besides asking and approving in time. */
export const ACTS = [
  'author-approves',
  'requester-approves',
  'auditor-rolls-back',
  'operator-approves',
  'approves-other-envelope',
  'approves-twice',
  'asks-twice',
  'approves-late',
  'never-approves',
  'rival',
  'sequel',
  'watched',
  'nobody-answers',
  'keeps-rest',
  'rejects',
  'operator-agrees',
  'asks-for-trap',
  'asks-for-unsigned',
  'asks-for-untested',
  'asks-for-unsoaked',
  'observes',
  'asks-for-some',
  'overtakes',
  'declines',
] as const;

export type Act = (typeof ACTS)[number];

export interface Scenario {
  readonly seed: number;
  readonly index: number;
  readonly fleet: number;
  readonly servers: number;
  readonly faults: readonly Fault[];
  readonly acts: readonly Act[];
}

export interface ScenarioOptions {
  readonly seed: number;
  /** Faults per promotion, on average. */
  readonly faults: number;
  /** How much more often than usual people do what they should not, and ask for what is a trap. */
  readonly acts: number;
  /** Whether every control plane is restored from a backup once. */
  readonly restores?: boolean;
  /** Whether all tenants have stores of their own. */
  readonly ownStores?: boolean;
  /** Different installations that promotions are drawn from. */
  readonly fleets: number;
}

/** How often each act is seen; together they are rarer than faults. */
const ACT_CHANCE: Partial<Record<Act, number>> = {
  'never-approves': 0.003,
  rejects: 0.005,
  'nobody-answers': 0.02,
  rival: 0.03,
  sequel: 0.06,
  watched: 0.03,
  'asks-for-trap': 0.04,
  'asks-for-some': 0.05,
  overtakes: 0.06,
  declines: 0.12,
};
const OTHER_ACT_CHANCE = 0.02;
/** They came later than the others: drawn last, they leave the histories of earlier seeds as they were. */
const LAST_DRAWN: readonly Act[] = ['asks-for-some', 'overtakes', 'declines'];

/** One fleet in so many has tenants with stores of their own. */
export const OWN_STORES_EVERY = 4;

export function scenarioOf(options: ScenarioOptions, index: number): Scenario {
  const { seed, fleets } = options;
  const random = new Random(seed, index, 2);
  const faults: Fault[] = [];
  const wanted = random.count(options.faults);
  while (faults.length < wanted) {
    const drawn = fault(random);
    faults.push(drawn);
    // What was decided hangs on its way, and just then the facts change: two faults that are worth meeting.
    if (drawn.kind === 'stall' && faults.length < wanted && random.chance(0.6))
      faults.push({ ...worldFault(random), commit: drawn.commit - random.int(0, 2) });
    if (drawn.kind === 'control-restored' && random.chance(0.5))
      faults.push(...lateFrom(drawn.commit, random).slice(0, wanted - faults.length));
  }
  if (options.restores === true) {
    const commit = random.int(20, 200);
    faults.push({ kind: 'control-restored', commit, ms: 0, lost: random.int(2, 30) }, ...lateFrom(commit, random));
  }
  faults.push(...atTheEnd(options, index));
  const draws = (act: Act): boolean => random.chance((ACT_CHANCE[act] ?? OTHER_ACT_CHANCE) * options.acts);
  const acts = ACTS.filter((act) => !LAST_DRAWN.includes(act) && draws(act));
  const drawn = random.int(0, fleets - 1);
  const fleet = options.ownStores === true ? drawn - (drawn % OWN_STORES_EVERY) + OWN_STORES_EVERY - 1 : drawn;
  const servers = random.int(2, 3);
  return { seed, index, fleet, servers, faults, acts: [...acts, ...LAST_DRAWN.filter(draws)] };
}

/** What fails late, where activations are. Drawn apart, it leaves the other histories of earlier seeds as they were. */
function atTheEnd({ seed, faults }: ScenarioOptions, index: number): Fault[] {
  const random = new Random(seed, index, 5);
  if (faults === 0 || !random.chance(0.1)) return [];
  const lease = random.int(60, 180);
  return [{ kind: random.pick(['red', 'rejected'] as const), lease, times: 4, ms: 500 }];
}

/** Agents that were at work as a past was forgotten: they answer when it has gone on without them. */
function lateFrom(commit: number, random: Random): Fault[] {
  const first = Math.max(1, Math.floor(commit / 3) - random.int(5, 9));
  return [0, 1, 2].map((i) => ({ kind: 'late-outcome', lease: first + i, times: 1, ms: random.int(3_000, 7_000) }));
}

function fault(random: Random): Fault {
  const turn = random.unit();
  if (turn < 0.3) {
    const kind = random.pick([
      'crash-before',
      'crash-after',
      'unavailable-before',
      'unavailable-after',
      'stall',
      'stall',
    ] as const);
    const ms = kind === 'stall' ? random.pick([5, 40, 400, 2_500]) : random.pick([200, 1_000, 5_000]);
    return { kind, commit: random.int(2, 260), ms };
  }
  if (turn < 0.8) {
    const times = random.chance(0.7) ? 1 : random.int(2, 4);
    return {
      kind: random.chance(0.15) ? 'red' : random.pick(STEP_FAULTS),
      lease: random.int(1, 90),
      times,
      ms: random.pick([500, 4_000, 10_000]),
    };
  }
  return worldFault(random);
}

function worldFault(random: Random): WorldFault {
  const kind = random.pick<WorldFault['kind']>([
    'freeze',
    'freeze-all',
    'window-closes',
    'red-evidence',
    'control-restored',
    'clock-skew',
    'pause',
    'rollback',
    'rollback',
    'agents-down',
  ]);
  return { kind, commit: random.int(1, 240), ms: random.pick([2_000, 30_000, 240_000]), lost: random.int(1, 30) };
}

/** Whether a fault counts commits of the store. */
export function isStoreFault(fault: Fault): fault is StoreFault {
  return 'commit' in fault && !('lost' in fault);
}

export function isStepFault(fault: Fault): fault is StepFault {
  return 'lease' in fault;
}

export function isWorldFault(fault: Fault): fault is WorldFault {
  return 'lost' in fault;
}
