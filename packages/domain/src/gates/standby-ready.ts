import { durationText } from '../model/duration.ts';
import {
  bytesText,
  isStale,
  LOOK_AHEAD_MS,
  LOOK_MAX_AGE_MS,
  lagText,
  notFollowing,
  type SeenStandby,
  seenText,
  standbyText,
  storeOf,
} from '../standby/standby.ts';
import { type Gate, type GateFacts, pass, type Subject, stop, type Verdict, wholeNumber } from './gate.ts';

const NAME = 'standby-ready';

/** So many standbys are named of one store. */
const MOST_NAMED = 3;

/**
 * Each store of the plan's cells has standbys that one could fail over to: following the primary, not too far behind, and seen
 * so lately. Asked before every wave and used up by it: a migration makes a standby lag by itself, and who waits in
 * maintenance isn't kept waiting for it.
 */
export const standbyReady: Gate = {
  name: NAME,
  asks: 'Is there for each store a standby that one could fail over to now, by what its agent saw a moment ago?',
  parameters: {
    type: 'object',
    additionalProperties: false,
    required: ['maxLagMs'],
    properties: {
      maxLagMs: { type: 'integer', minimum: 1, description: 'How far behind in time a standby may be' },
      maxLagBytes: { type: 'integer', minimum: 1, description: 'How much of the log it may not have replayed yet' },
      atLeast: { type: 'integer', minimum: 1, maximum: 5, description: 'So many standbys of each store, 1 by default' },
      maxAgeMs: {
        type: 'integer',
        minimum: 15_000,
        description: 'How long ago they were looked at, a minute by default; an agent tells every ten seconds',
      },
      receiving: {
        type: 'boolean',
        description: 'False: one that is fed from an archive counts, too, though nothing streams to it',
      },
      stores: {
        type: 'array',
        minItems: 1,
        maxItems: 100,
        items: { type: 'string' },
        description: 'Only these stores; by default all of the cells',
      },
    },
  },
  at: 'wave',
  consumedByWave: true,
  judge(params, facts, subject) {
    const asked = askedOf(params);
    if (typeof asked === 'string')
      return stop(NAME, 'error', asked, 'correct the params in the policy', 'release manager');
    const stores = storesOf(facts, subject);
    if (stores === undefined)
      return stop(NAME, 'no-data', 'it isn’t known which stores the plan’s cells have', 'plan it again', 'operator');
    const missing = asked.stores?.find((name) => !stores.some(({ store }) => store === name));
    if (missing !== undefined && subject.kind !== 'step')
      return stop(NAME, 'error', `no cell of the plan has a store ${missing}`, 'correct the policy', 'release manager');
    const judged = stores.filter(({ store }) => asked.stores?.includes(store) ?? true);
    if (judged.length === 0) return pass(NAME, 'no store is asked about');
    const seen = byStore(facts.standbys?.seen ?? []);
    const verdicts = judged.map((of) => judgeStore(of, seen.get(storeOf(of)) ?? [], facts.now, asked));
    const stopped = verdicts.filter(({ verdict }) => verdict !== 'pass');
    const told = stopped.length > 0 ? stopped : verdicts;
    const first = told[0] as Verdict;
    const others = told.length - 1;
    if (others === 0) return first;
    return { ...first, because: `${first.because}; and ${others} more ${others === 1 ? 'store' : 'stores'}` };
  },
};

interface Asked {
  readonly maxLagMs: number;
  readonly maxLagBytes: number | undefined;
  readonly atLeast: number;
  readonly maxAgeMs: number;
  readonly receiving: boolean;
  readonly stores: readonly string[] | undefined;
}

/** What the policy asks, or what of it makes no sense. */
function askedOf(params: Readonly<Record<string, unknown>>): Asked | string {
  const maxLagMs = wholeNumber(params, 'maxLagMs');
  if (!maxLagMs) return 'the policy doesn’t say how far behind a standby may be (maxLagMs)';
  const number = (name: string, otherwise: number): number | undefined =>
    params[name] === undefined ? otherwise : wholeNumber(params, name) || undefined;
  const maxLagBytes = number('maxLagBytes', Number.POSITIVE_INFINITY);
  const atLeast = number('atLeast', 1);
  const maxAgeMs = number('maxAgeMs', LOOK_MAX_AGE_MS);
  const { receiving = true, stores } = params;
  const named =
    stores === undefined || (Array.isArray(stores) && stores.length > 0 && stores.every((s) => typeof s === 'string'));
  if (
    maxLagBytes === undefined ||
    atLeast === undefined ||
    maxAgeMs === undefined ||
    typeof receiving !== 'boolean' ||
    !named
  )
    return 'the policy has a parameter that makes no sense';
  return {
    maxLagMs,
    maxLagBytes: maxLagBytes === Number.POSITIVE_INFINITY ? undefined : maxLagBytes,
    atLeast,
    maxAgeMs,
    receiving,
    stores: stores as readonly string[] | undefined,
  };
}

type StoreName = NonNullable<GateFacts['standbys']>['stores'][number];

/** Of a plan, all of its cells' stores; before a step of one store, that one. */
function storesOf({ standbys }: GateFacts, subject: Subject): readonly StoreName[] | undefined {
  if (subject.kind !== 'step' || !('store' in subject.action)) return standbys?.stores;
  const { store } = subject.action;
  return standbys?.stores.filter((each) => each.store === store);
}

function byStore(all: readonly SeenStandby[]): ReadonlyMap<string, readonly SeenStandby[]> {
  const found = new Map<string, SeenStandby[]>();
  for (const seen of all) {
    const of = storeOf(seen);
    const those = found.get(of);
    if (those === undefined) found.set(of, [seen]);
    else those.push(seen);
  }
  return found;
}

/** Why a standby doesn't count: `known` is false where nobody knows whether it would. */
interface Short {
  readonly name: string;
  readonly known: boolean;
  readonly why: string;
  readonly mend: string;
}

function judgeStore(of: StoreName, seen: readonly SeenStandby[], now: number, asked: Asked): Verdict {
  const store = storeOf(of);
  if (seen.length === 0)
    return stop(
      NAME,
      'no-data',
      `nobody has told of a standby of ${store}`,
      `declare it in the agent's configuration (standbys of the store ${of.store}), and see that the agent of ${of.cell} runs: headgate status`,
      'operator',
    );
  const short = new Map(seen.map((each) => [each, shortOf(each, now, asked)] as const));
  const ready = seen.filter((each) => short.get(each) === undefined);
  if (ready.length >= asked.atLeast) {
    const told = ready.slice(0, MOST_NAMED).map((each) => `${each.name} ${isOrHas(each)}, ${seenText(each, now)}`);
    return pass(NAME, `standby of ${store}: ${told.join('; ')}${more(ready.length)}`);
  }
  const without = seen.flatMap((each) => short.get(each) ?? []);
  const unknown = without.filter(({ known }) => !known).length;
  const told = without.slice(0, MOST_NAMED).map(({ name, why }) => `${name}: ${why}`);
  const enough = asked.atLeast === 1 ? 'no standby is ready' : `${ready.length} of ${asked.atLeast} standbys are ready`;
  if (without.length === 0)
    return stop(
      NAME,
      'fail',
      `of ${store} ${ready.length} ${ready.length === 1 ? 'standby is' : 'standbys are'} declared, ${asked.atLeast} are asked for`,
      `declare more in the agent's configuration, or correct atLeast in the policy`,
      'operator',
    );
  return stop(
    NAME,
    // What isn't known may be sound: that there are too few is then nobody's knowledge.
    ready.length + unknown >= asked.atLeast ? 'no-data' : 'fail',
    `of ${store} ${enough}: ${told.join('; ')}${more(without.length)}`,
    without
      .slice(0, MOST_NAMED)
      .map(({ mend }) => mend)
      .filter((mend, i, all) => all.indexOf(mend) === i)
      .join('; or '),
    'operator',
  );
}

function isOrHas(seen: SeenStandby): string {
  return seen.lagBytes === 0 ? lagText(seen) : `is ${lagText(seen)}`;
}

function more(count: number): string {
  return count > MOST_NAMED ? `; and ${count - MOST_NAMED} more` : '';
}

function shortOf(seen: SeenStandby, now: number, asked: Asked): Short | undefined {
  const { name, cell, at, standing, lagBytes, lagMs, receiving } = seen;
  const short = (known: boolean, why: string, mend: string): Short => ({ name, known, why, mend });
  if (isStale(seen, now, asked.maxAgeMs)) {
    const ahead = now - at < -LOOK_AHEAD_MS;
    const why = ahead ? seenText(seen, now) : `${seenText(seen, now)}, ${durationText(asked.maxAgeMs)} are allowed`;
    return short(false, why, ahead ? 'set the clocks right' : `see that the agent of ${cell} runs: headgate status`);
  }
  const judged = asked.receiving ? seen : { ...seen, receiving: true };
  const trouble = notFollowing(judged);
  const known = standing !== 'unreachable' && standing !== 'unknown';
  if (trouble !== undefined) return short(known, standbyText(judged, now), trouble.mend);
  if (asked.receiving && receiving === undefined)
    return short(false, 'whether it receives isn’t known', `give the login of ${name} the role pg_monitor`);
  if (lagMs === undefined || lagBytes === undefined)
    return short(false, lagText(seen), `see what the agent of ${cell} logs of its look`);
  const late = `it is ${lagText(seen)}, ${seenText(seen, now)}`;
  const catchUp = `wait until ${name} has caught up; if it doesn't, see what holds its replay back (long queries there, its disk, its network)`;
  if (lagMs > asked.maxLagMs) return short(true, `${late}; ${durationText(asked.maxLagMs)} are allowed`, catchUp);
  if (lagBytes > (asked.maxLagBytes ?? Number.POSITIVE_INFINITY))
    return short(true, `${late}; ${bytesText(asked.maxLagBytes ?? 0)} are allowed`, catchUp);
  return undefined;
}
