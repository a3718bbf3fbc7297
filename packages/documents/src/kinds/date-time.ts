/** Dates and times as calendars write them. */
import { z } from 'zod';
import { expects } from '../schema/fields.ts';
import { nearest } from '../schema/nearest.ts';

const LOCAL = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d))?$/;
const ZONED = /^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(?:\.\d{1,3})?(Z|[+-]\d\d:\d\d)$/;

const localPhrase = expects('a local date and time like 2026-01-31T22:00');
/** A date and time on the calendar's own clock, without a zone. */
export const localDateTime = z.string(localPhrase).refine((text) => localMillis(text) !== undefined, localPhrase);

const zonedPhrase = expects('a date and time with its zone, like 2026-11-27T00:00:00+01:00');
/** An instant: RFC 3339, with `Z` or an offset. */
export const instant = z.string(zonedPhrase).refine((text) => instantMillis(text) !== undefined, zonedPhrase);

const zonePhrase = expects('an IANA time zone like Europe/Berlin');
/** A time zone that this runtime knows, by its IANA name. */
export const timezone = z
  .string(zonePhrase)
  .max(100, zonePhrase)
  .refine(isTimezone, {
    error: ({ input }) =>
      `expected:an IANA time zone like ${nearest(String(input), Intl.supportedValuesOf('timeZone')) ?? 'Europe/Berlin'}`,
  });

/** The wall clock's milliseconds as if it were UTC: for differences and order only. Undefined when there is no such time. */
export function localMillis(text: string): number | undefined {
  const match = LOCAL.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // Date rolls over what doesn't exist (30 February, 24:00): then the parts differ.
  const same =
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    second < 60;
  return same && year >= 1970 ? date.getTime() : undefined;
}

/** Milliseconds since 1970 of a zoned date-time; undefined when there is no such time. */
export function instantMillis(text: string): number | undefined {
  const match = ZONED.exec(text);
  if (match === null || localMillis(match[1]!) === undefined) return undefined;
  const millis = Date.parse(text);
  return Number.isNaN(millis) ? undefined : millis;
}

function isTimezone(text: string): boolean {
  // Offsets like +01:00 are accepted by Intl, but they are no time zone: they know no summer time.
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(text)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}
