/**
 * What a window's recurrence rule may say: RFC 5545 as far as change windows need it, and no further. Rules come from
 * people's documents, so whatever would make evaluating one costly (below hourly, long lists, foreign calendars) is
 * refused when the document is read, not found out in a tick.
 */
import { Temporal } from 'temporal-polyfill';
import type { WindowSpec } from '../model/specs.ts';
import { cut } from '../model/text.ts';

/** The longest that one occurrence may last. Milliseconds. */
export const WINDOW_MAX_MS = 7 * 86_400_000;
/** The shortest: a step must be able to start in it. Milliseconds. */
export const WINDOW_MIN_MS = 60_000;

const START = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$/;
const DAYS = '(MO|TU|WE|TH|FR|SA|SU)';

interface Part {
  readonly pattern: RegExp;
  readonly expected: string;
  readonly range?: readonly [least: number, most: number];
  readonly most?: number;
}

const list = (item: string): RegExp => new RegExp(`^${item}(,${item})*$`);

const PARTS: Readonly<Record<string, Part>> = {
  FREQ: { pattern: /^(YEARLY|MONTHLY|WEEKLY|DAILY|HOURLY)$/, expected: 'YEARLY, MONTHLY, WEEKLY, DAILY or HOURLY' },
  INTERVAL: { pattern: /^\d{1,4}$/, expected: 'a number from 1 to 9999', range: [1, 9_999] },
  COUNT: { pattern: /^\d{1,5}$/, expected: 'a number from 1 to 10000', range: [1, 10_000] },
  UNTIL: { pattern: /^\d{8}(T\d{6}Z?)?$/, expected: 'a date, or a date-time (local, or UTC with Z)' },
  WKST: { pattern: new RegExp(`^${DAYS}$`), expected: 'MO to SU' },
  BYDAY: { pattern: list(`([+-]?[1-9]\\d?)?${DAYS}`), expected: 'days such as MO or -1FR' },
  BYMONTH: { pattern: list('\\d{1,2}'), expected: 'months from 1 to 12', range: [1, 12] },
  BYMONTHDAY: { pattern: list('[+-]?\\d{1,2}'), expected: 'days from 1 to 31, or -31 to -1', range: [-31, 31] },
  BYYEARDAY: { pattern: list('[+-]?\\d{1,3}'), expected: 'days from 1 to 366, or -366 to -1', range: [-366, 366] },
  BYWEEKNO: { pattern: list('[+-]?\\d{1,2}'), expected: 'weeks from 1 to 53, or -53 to -1', range: [-53, 53] },
  BYSETPOS: { pattern: list('[+-]?\\d{1,3}'), expected: 'positions from 1 to 366, or -366 to -1', range: [-366, 366] },
  BYHOUR: { pattern: list('\\d{1,2}'), expected: 'hours from 0 to 23', range: [0, 23] },
  BYMINUTE: { pattern: list('\\d{1,2}'), expected: 'at most four minutes from 0 to 59', range: [0, 59], most: 4 },
};

const COUNTED_FROM_ONE: ReadonlySet<string> = new Set(['BYMONTHDAY', 'BYYEARDAY', 'BYWEEKNO', 'BYSETPOS']);

export type RuleParts = ReadonlyMap<string, string>;

/** Splits a rule into its parts, or says what is wrong with it and what was expected. */
export function partsOf(rrule: string): RuleParts | string {
  if (rrule.length > 500) return 'rrule is longer than 500 characters';
  const parts = new Map<string, string>();
  for (const text of rrule.split(';')) {
    const at = text.indexOf('=');
    const key = text.slice(0, Math.max(at, 0));
    const value = text.slice(at + 1);
    const part = Object.hasOwn(PARTS, key) ? PARTS[key] : undefined;
    if (part === undefined)
      return `rrule has the part '${cut(text, 40)}'; expected ${Object.keys(PARTS).join(', ')}, each as NAME=value`;
    if (parts.has(key)) return `rrule names ${key} twice`;
    const values = value.split(',');
    const within = ({ range }: Part, text: string): boolean =>
      range === undefined || (Number(text) >= range[0] && Number(text) <= range[1]);
    const counted = !COUNTED_FROM_ONE.has(key) || values.every((v) => Number(v) !== 0);
    const few = values.length <= (part.most ?? 400);
    if (!part.pattern.test(value) || !few || !counted || !values.every((v) => within(part, v)))
      return `rrule's ${key} is '${cut(value, 40)}'; expected ${part.expected}`;
    parts.set(key, value);
  }
  if (!parts.has('FREQ')) return `rrule has no FREQ; expected ${PARTS.FREQ?.expected}`;
  if (parts.has('COUNT') && parts.has('UNTIL')) return 'rrule has both COUNT and UNTIL; expected one of them';
  if (/\d/.test(parts.get('BYDAY') ?? '') && !/^(YEARLY|MONTHLY)$/.test(parts.get('FREQ') ?? ''))
    return "rrule's BYDAY counts days; expected that only with FREQ=MONTHLY or FREQ=YEARLY";
  return parts;
}

/** A window's local start, or undefined when it is no date-time. */
export function startOf(spec: WindowSpec): Temporal.PlainDateTime | undefined {
  if (!START.test(spec.start)) return undefined;
  try {
    return Temporal.PlainDateTime.from(spec.start, { overflow: 'reject' });
  } catch {
    return undefined;
  }
}

/** Why a time zone can't be used, or undefined when it can. */
export function checkTimezone(timezone: string): string | undefined {
  const expected = `timezone is '${cut(timezone, 60)}'; expected an IANA name such as Europe/Berlin`;
  if (!/^[A-Za-z]/.test(timezone)) return expected;
  try {
    new Temporal.ZonedDateTime(0n, timezone);
    return undefined;
  } catch {
    return expected;
  }
}
