/** Which safe ways are a finding's own: those of its part of the statement that spare the harm which it tells of. */
import { canStandAlone } from '../alone/alone-statement.ts';
import type { Effects, Harm, PartsWay, SafeWay } from '../effects/effects.ts';
import type { Said } from './judge.ts';
import type { Rule } from './rules.ts';

const HARM: Partial<Record<Rule, Harm>> = {
  'rewrite-under-lock': 'lock',
  'scan-under-lock': 'lock',
  'index-build-under-lock': 'lock',
  'work-under-lock': 'lock',
  'lock-held-during-work': 'lock',
  'no-lock-timeout': 'queue',
  'explicit-lock': 'held',
  'whole-table-write': 'write',
  'destroys-data': 'loss',
  'destroys-few': 'loss',
  'breaks-running-code': 'break',
  'may-break-running-code': 'break',
  'triggers-run': 'break',
  fails: 'fails',
  'does-nothing': 'fails',
};

/** Ways that a rule has by itself, whatever the statement does. `text`: of the statement. */
const BY_RULE: Partial<Record<Rule, (text: string) => SafeWay | undefined>> = {
  'not-in-transaction': (text) =>
    canStandAlone(text)
      ? {
          words: 'Alone in a file of its own, which says so before it: Headgate runs that outside of a transaction.',
          sql: ['-- headgate:no-transaction', `${text.replace(/;?\s*$/, '')};`],
        }
      : undefined,
  'lock-held-during-work': () => ({
    words: 'Put it into a file of its own: by then the earlier lock is gone.',
    sql: [],
  }),
  'no-lock-timeout': (text) => ({
    words: 'End the waiting by yourself, and try again when nobody is in the way.',
    sql: [`SET lock_timeout = '2s';`, `${text.replace(/;?\s*$/, '')};`],
  }),
};

/** The safe ways of one finding, those of its rule first. A note needs none. */
export function waysOf({ rule, level, part }: Said, text: string, effects: Effects | undefined): readonly SafeWay[] {
  if (level === 'note') return [];
  const byRule = BY_RULE[rule]?.(text);
  const harm = HARM[rule];
  const all = part === undefined ? effects?.safeWays : byPart(effects).get(part);
  const own = (all ?? []).filter((way) => harm !== undefined && way.spares.includes(harm));
  return [...(byRule === undefined ? [] : [byRule]), ...own.map(({ words, sql }) => ({ words, sql }))];
}

const PARTS = new WeakMap<Effects, ReadonlyMap<number, readonly PartsWay[]>>();

/** Sorted once: a statement may have as many findings as parts. */
function byPart(effects: Effects | undefined): ReadonlyMap<number, readonly PartsWay[]> {
  const known = effects === undefined ? undefined : PARTS.get(effects);
  if (known !== undefined || effects === undefined) return known ?? new Map();
  const sorted = Map.groupBy(effects.safeWays, ({ part }) => part);
  PARTS.set(effects, sorted);
  return sorted;
}
