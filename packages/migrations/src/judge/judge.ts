/** From what a statement does to what is said about it, with the sizes of the tables that it meets. */
import type { Effects, Later, LockTaken, Work, WorkKind } from '../effects/effects.ts';
import { blocksWrites, type LockMode, stronger, whoWaits } from '../effects/lock-modes.ts';
import type { Finding } from './finding.ts';
import { type Duration, durationOf, durationText, type Rates, together } from './rates.ts';
import type { Rule } from './rules.ts';

/** From this on, who waits for a lock notices. Milliseconds. */
export const STALL_MS = 1_000;

export interface Limits {
  readonly rates: Rates;
  /** How long others may wait, at the slow end of an estimate. Milliseconds. */
  readonly stallMs: number;
}

/** A lock that an earlier statement of the same transaction took, and that keeps writers away. */
export interface Held {
  readonly mode: LockMode;
  readonly line: number;
}

/** A finding before it has a place. `part`: which of the statement's it is of; absent: of none by itself. */
export type Said = Pick<Finding, 'rule' | 'level' | 'message'> &
  Partial<Pick<Finding, 'relation' | 'lock' | 'stall'>> & { readonly part?: number };

/** What there is to say of one statement, by itself and after those before it in the same transaction. */
export function judge(effects: Effects, held: ReadonlyMap<string, Held>, limits: Limits): readonly Said[] {
  return [
    ...effects.notKnown.map((message): Said => ({ rule: 'not-known', level: 'error', message })),
    ...stalls(effects, held, limits),
    ...writes(effects, limits),
    ...effects.destroys.map(
      ({ what, part }): Said => ({ rule: 'destroys-data', level: 'error', message: `${what}: gone afterwards`, part }),
    ),
    ...effects.breaks.map(
      ({ certainty, what, part }): Said =>
        certainty === 'certain'
          ? { rule: 'breaks-running-code', level: 'error', message: what, part }
          : { rule: 'may-break-running-code', level: 'warning', message: what, part },
    ),
    ...effects.remarks.map(({ rule, level, what, part }): Said => ({ rule: rule as Rule, level, message: what, part })),
    ...(effects.later ?? []).flatMap((later) => setOff(later, limits)),
    ...irreversible(effects),
  ];
}

const UNDER: Readonly<Record<WorkKind, Rule>> = {
  rewrite: 'rewrite-under-lock',
  scan: 'scan-under-lock',
  'index-build': 'index-build-under-lock',
  write: 'work-under-lock',
  read: 'work-under-lock',
};

const DOING: Readonly<Record<WorkKind, string>> = {
  rewrite: 'is written again',
  scan: 'is read from end to end',
  'index-build': 'gets an index',
  write: 'is changed',
  read: 'is read',
};

/** Of the locks that earlier statements hold so many are told for each statement: in a file of hundreds each holds all before. */
const MOST_HELD = 10;

/** Every table that others wait for while this statement works. */
function stalls(effects: Effects, held: ReadonlyMap<string, Held>, limits: Limits): readonly Said[] {
  const timed = effects.work.map((work) => ({ work, duration: durationOf(work, limits.rates) }));
  const long = timed.filter(({ duration }) => duration === undefined || duration.mostMs > 0);
  const stall = together(long.map(({ duration }) => duration));
  const worst = long.toSorted((a, b) => most(b.duration) - most(a.duration))[0]?.work;
  if (worst === undefined || !isLong(stall, limits)) return [];
  // What an earlier statement holds more strongly is what others wait for.
  const own = effects.locks.filter(
    ({ fresh, mode, relation, unfelt }) =>
      !fresh && unfelt !== true && blocksWrites(mode) && stronger(mode, held.get(relation)?.mode) === mode,
  );
  const waiting = new Set(own.map(({ relation }) => relation));
  const before = heldBeside(waiting, held);
  return [
    ...own.map((lock): Said => stalled(lock, worst, stall)),
    ...before.told.map(
      ([relation, { mode, line }], i): Said => ({
        rule: 'lock-held-during-work',
        level: 'error',
        message: `${mode} on ${relation} (line ${line}) is held while ${doing(worst)}: ${whoWaits(mode)} for ${durationText(stall)}${i === MOST_HELD - 1 && before.more > 0 ? `; so are ${before.more} more` : ''}`,
        relation,
        lock: mode,
        stall: stall ?? null,
        part: worst.part,
      }),
    ),
  ];
}

/** Locks that were held before, of other relations, without looking at more than are told. */
function heldBeside(waiting: ReadonlySet<string>, held: ReadonlyMap<string, Held>) {
  const told: [string, Held][] = [];
  for (const each of held) {
    if (told.length === MOST_HELD) break;
    if (!waiting.has(each[0])) told.push(each);
  }
  const own = [...waiting].filter((relation) => held.has(relation)).length;
  return { told, more: held.size - own - told.length };
}

function stalled({ relation, mode }: LockTaken, worst: Work, stall: Duration | undefined): Said {
  const what = worst.relation === relation ? `it ${DOING[worst.kind]} (${worst.why})` : doing(worst);
  return {
    rule: UNDER[worst.kind],
    level: 'error',
    message: `${mode} on ${relation} while ${what}: ${whoWaits(mode)} for ${durationText(stall)}${size(worst)}`,
    relation,
    lock: mode,
    stall: stall ?? null,
    part: worst.part,
  };
}

/** Rows that are changed stay locked until the transaction ends. */
function writes(effects: Effects, limits: Limits): readonly Said[] {
  return effects.work.flatMap((work): readonly Said[] => {
    if (work.kind !== 'write' || work.fresh) return [];
    const stall = durationOf(work, limits.rates);
    if (!isLong(stall, limits)) return [];
    const message = `${work.relation}: ${work.why}; whoever writes one of them waits for ${durationText(stall)}${size(work)}`;
    return [
      {
        rule: 'whole-table-write',
        level: 'error',
        message,
        relation: work.relation,
        lock: 'ROW EXCLUSIVE',
        stall: stall ?? null,
        part: work.part,
      },
    ];
  });
}

/** What a new trigger makes of every write of running code. */
function setOff({ runs, relation, effects, part }: Later, limits: Limits): readonly Said[] {
  const say = (level: Said['level'], what: string): Said => ({
    rule: 'triggers-run',
    level,
    relation,
    part,
    message: `${runs}() runs for what running code writes to ${relation} from now on, and ${what}`,
  });
  const locks = effects.locks.filter(({ fresh, mode }) => !fresh && blocksWrites(mode));
  const work = effects.work.flatMap((each): readonly Said[] => {
    const { kind, relation: other, why, fresh, partly } = each;
    if (fresh || !isLong(durationOf(each, limits.rates), limits)) return [];
    const what = `${other} ${DOING[kind]} each time (${why})${size(each)}`;
    return [say(partly ? 'warning' : 'error', partly ? `a part of ${what}` : what)];
  });
  return [
    ...effects.notKnown.map((why) => say('error', why)),
    ...locks.map(({ relation: other, mode }) => say('error', `takes ${mode} on ${other}: ${whoWaits(mode)} each time`)),
    ...work,
    ...effects.destroys.map(({ what }) => say('error', `${what}: gone`)),
  ];
}

function irreversible({ undo, destroys }: Effects): readonly Said[] {
  if (undo !== 'never' || destroys.length > 0) return [];
  return [{ rule: 'irreversible', level: 'note', message: 'it can’t be taken back: what was there before isn’t kept' }];
}

function isLong(stall: Duration | undefined, limits: Limits): boolean {
  return stall === undefined || stall.mostMs >= limits.stallMs;
}

function most(duration: Duration | undefined): number {
  return duration?.mostMs ?? Number.POSITIVE_INFINITY;
}

function doing(work: Work): string {
  return `${work.relation} ${DOING[work.kind]} (${work.why})`;
}

function size({ rows, bytes }: Work): string {
  const parts = [
    ...(rows === null ? [] : [`${Math.round(rows).toLocaleString('en')} rows`]),
    ...(bytes === null ? [] : [bytesText(bytes)]),
  ];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  return `${Number((bytes / 1_000 ** power).toPrecision(3))} ${units[power]}`;
}
