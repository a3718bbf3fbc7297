/**
 * Whether a calendar is inside one of its windows, and when that changes. An occurrence is read as wall-clock times, as
 * people mean it: 22:00 for eight hours ends at 06:00, also in the nights in which the clocks change. A start or end
 * that the clocks skip is later by the skipped time, so a window never opens early and isn't lost either; one that
 * occurs twice is its first occurrence. Freezes are instants and don't come here.
 *
 * Evaluating a rule costs milliseconds, so the spans of time in which a calendar is open are kept by the calendar's
 * identity for as far as was looked, and asked again they cost microseconds. The cache holds nothing but what follows
 * from its key.
 */

import { RRuleTemporal } from 'rrule-temporal';
import { Temporal } from 'temporal-polyfill';
import type { Instant } from '../model/identity.ts';
import type { CalendarSpec, WindowSpec } from '../model/specs.ts';
import { cut } from '../model/text.ts';
import { checkTimezone, partsOf, startOf, WINDOW_MAX_MS, WINDOW_MIN_MS } from './rule.ts';
import type { WindowFact } from './window.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** More than any zone is away from UTC, so that local times can bound a search by instants. */
const SLACK_MS = 26 * HOUR_MS;
/** How far back an answer holds: clocks of several servers differ a little. */
const BACK_MS = 6 * HOUR_MS;
/** What was known of the past is kept so long when more of the future is looked up: who asks a little back asks again. */
const KEEP_MS = 30 * DAY_MS;
/** How far ahead is looked, in turn, until the next change is found. */
const HORIZONS_MS = [4 * DAY_MS, 40 * DAY_MS, 400 * DAY_MS, 5 * 366 * DAY_MS];
/** No farther horizon is tried after so many occurrences: what is open that long is asked again when it ends. */
const OCCURRENCES_MAX = 1_000;

interface Recurrence {
  readonly rule: RRuleTemporal;
  readonly durationMs: number;
}

interface Span {
  readonly from: Instant;
  readonly to: Instant;
}

/** What is known of a calendar between two instants: its open spans, disjoint and in order. */
interface Known {
  readonly from: Instant;
  readonly to: Instant;
  /** Looking farther was given up; until then the answer stands, although the next change may lie beyond `to`. */
  readonly settledUntil?: Instant;
  readonly spans: readonly Span[];
}

interface Compiled {
  readonly timezone: string;
  readonly recurrences: readonly Recurrence[];
  known: Known | undefined;
}

const compiled = new WeakMap<CalendarSpec, Compiled>();

/** Whether a calendar is open at `now`, and when it closes or opens next. What can't be evaluated is closed. */
export function windowFact(calendar: CalendarSpec, now: Instant): WindowFact {
  let held = compiled.get(calendar);
  if (held === undefined) {
    held = compile(calendar);
    compiled.set(calendar, held);
  }
  const { known } = held;
  if (known !== undefined && known.from <= now && now < known.to) {
    const fact = read(calendar.name, known, now);
    if (fact !== undefined) return fact;
  }
  let fact: WindowFact | undefined;
  for (const horizonMs of HORIZONS_MS) {
    const looked = look(held, now, horizonMs);
    held.known = looked.known;
    fact = read(calendar.name, looked.known, now);
    if (fact !== undefined) return fact;
    if (looked.occurrences > OCCURRENCES_MAX) break;
  }
  const farthest = held.known as Known;
  held.known = { ...farthest, settledUntil: now + DAY_MS };
  return read(calendar.name, held.known, now) ?? { calendar: calendar.name, open: false };
}

/** Why a window is refused, with what was expected; undefined when it can be evaluated at bounded cost. */
export function checkWindow(spec: WindowSpec): string | undefined {
  const parts = partsOf(spec.rrule);
  if (typeof parts === 'string') return parts;
  if (startOf(spec) === undefined)
    return `start is '${cut(spec.start, 40)}'; expected a local date-time such as 2026-01-31T22:00:00`;
  if (!Number.isSafeInteger(spec.durationMs) || spec.durationMs < WINDOW_MIN_MS || spec.durationMs > WINDOW_MAX_MS)
    return `its duration is ${spec.durationMs} ms; expected from one minute to seven days`;
  try {
    const first = recurrenceOf(spec, 'UTC').rule.next(new Date(0), true);
    return first === null ? 'rrule never occurs; expected at least one occurrence' : undefined;
  } catch (error) {
    return `rrule can't be evaluated (${error instanceof Error ? error.message : String(error)}); expected one that occurs`;
  }
}

/** The answer at an instant, or undefined when the next change lies beyond what is known. */
function read(calendar: string, known: Known, now: Instant): WindowFact | undefined {
  const settled = known.settledUntil !== undefined && now < known.settledUntil;
  for (const span of known.spans) {
    if (span.to <= now) continue;
    const open = span.from <= now;
    const changesAt = open ? span.to : span.from;
    return changesAt < known.to || settled ? { calendar, open, changesAt } : undefined;
  }
  return settled ? { calendar, open: false } : undefined;
}

function look(
  { timezone, recurrences, known }: Compiled,
  now: Instant,
  horizonMs: number,
): { readonly known: Known; readonly occurrences: number } {
  const keeps = known !== undefined && known.from <= now && now - known.from < KEEP_MS;
  const from = keeps ? Math.min(known.from, now - BACK_MS) : now - BACK_MS;
  const to = now + horizonMs;
  const spans: Span[] = [];
  for (const { rule, durationMs } of recurrences) {
    const since = new Date(from - durationMs - SLACK_MS);
    for (const start of startsBetween(rule, since, new Date(to + SLACK_MS))) {
      const local = start.toPlainDateTime();
      const end = local.add({ milliseconds: durationMs });
      spans.push({ from: instantOf(local, timezone), to: instantOf(end, timezone) });
    }
  }
  return { known: { from, to, spans: merge(spans) }, occurrences: spans.length };
}

/** A rule that costs more than the library's own limits counts as closed: a tick must never fail on a document. */
function startsBetween(rule: RRuleTemporal, from: Date, to: Date): ReturnType<RRuleTemporal['between']> {
  try {
    return rule.between(from, to, true);
  } catch {
    return [];
  }
}

type Local = {
  toZonedDateTime(timezone: string, options: { disambiguation: 'compatible' }): { epochMilliseconds: number };
};

function instantOf(local: Local, timezone: string): Instant {
  return local.toZonedDateTime(timezone, { disambiguation: 'compatible' }).epochMilliseconds;
}

function merge(spans: Span[]): readonly Span[] {
  const merged: Span[] = [];
  for (const span of spans.sort((a, b) => a.from - b.from)) {
    // An occurrence that begins and ends inside a skipped hour has no length left.
    if (span.to <= span.from) continue;
    const last = merged.at(-1);
    if (last !== undefined && span.from <= last.to)
      merged[merged.length - 1] = { from: last.from, to: Math.max(last.to, span.to) };
    else merged.push(span);
  }
  return merged;
}

function compile({ timezone, windows }: CalendarSpec): Compiled {
  if (checkTimezone(timezone) !== undefined) return { timezone: 'UTC', recurrences: [], known: undefined };
  const sound = windows.filter((spec) => checkWindow(spec) === undefined);
  return { timezone, recurrences: sound.map((spec) => recurrenceOf(spec, timezone)), known: undefined };
}

/**
 * The rule over local times, written as if they were UTC: the library leaves out what the clocks skip, and we want to
 * say ourselves what becomes of it.
 */
function recurrenceOf(spec: WindowSpec, timezone: string): Recurrence {
  const parts = partsOf(spec.rrule);
  const start = startOf(spec);
  if (typeof parts === 'string' || start === undefined) throw new Error(`window ${spec.name} was not checked`);
  const text = [...parts].map(([key, value]) => `${key}=${key === 'UNTIL' ? untilAsLocal(value, timezone) : value}`);
  const rule = new RRuleTemporal({ rruleString: text.join(';'), dtstart: start.toZonedDateTime('UTC'), tzid: 'UTC' });
  return { rule, durationMs: spec.durationMs };
}

/** UNTIL on the same footing as the start: a UTC time becomes the calendar's local one, a date its last second. */
function untilAsLocal(until: string, timezone: string): string {
  if (until.length === 8) return `${until}T235959Z`;
  if (!until.endsWith('Z')) return `${until}Z`;
  const [, year, month, day, hour, minute, second] = /^(....)(..)(..)T(..)(..)(..)Z$/.exec(until) ?? [];
  const instant = Temporal.Instant.from(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  const local = instant.toZonedDateTimeISO(timezone).toPlainDateTime();
  return `${local.toString({ smallestUnit: 'second' }).replace(/[-:]/g, '')}Z`;
}
