import { checkWindow } from '@headgate/domain/calendars/evaluate';
import { z } from 'zod';
import { expects, fields, name, named, text, whole } from '../schema/fields.ts';
import { instant, instantMillis, localDateTime, localMillis, timezone } from './date-time.ts';
import { type ContentOf, kind } from './document.ts';
import { recurrenceTrouble } from './recurrence.ts';

/** Longest window, in minutes: a week. What is open longer is said by a rule that recurs. */
const MAX_WINDOW_MINUTES = 7 * 24 * 60;

/** Why the domain wouldn't evaluate a well-formed window: a rule that never occurs, or that costs too much. */
function windowTrouble(window: { start: string; rrule?: string; durationMinutes?: number }): string | undefined {
  const { start, rrule = 'FREQ=DAILY;COUNT=1', durationMinutes = 60 } = window;
  if (recurrenceTrouble(rrule) !== undefined) return undefined;
  const why = checkWindow({ name: '', start, rrule, durationMs: durationMinutes * 60_000 });
  return why?.slice(why.lastIndexOf('expected ') + 'expected '.length);
}

/** A window as calendars declare it; quiet hours are declared the same way. */
export const window = fields({
  name,
  start: localDateTime.describe('Where the first occurrence starts, on the calendar’s own clock.'),
  rrule: z
    .string(expects('a recurrence rule like FREQ=WEEKLY;BYDAY=SA'))
    .check((context) => {
      const trouble = recurrenceTrouble(context.value);
      if (trouble !== undefined)
        context.issues.push({ code: 'custom', message: `expected:${trouble}`, input: context.value });
    })
    .exactOptional()
    .describe('RFC 5545 recurrence rule; without one, the window opens once.'),
  durationMinutes: whole(1, MAX_WINDOW_MINUTES).exactOptional().describe('How long each occurrence is open.'),
  end: localDateTime.exactOptional().describe('In place of durationMinutes: where the first occurrence ends.'),
}).check((context) => {
  const { start, end, durationMinutes } = context.value;
  const issue = (path: string, expected: string) =>
    context.issues.push({ code: 'custom', message: `expected:${expected}`, path: [path], input: context.value });
  if (end === undefined && durationMinutes === undefined)
    return void issue('durationMinutes', 'how long the window is open: durationMinutes, or end');
  if (end !== undefined && durationMinutes !== undefined) return void issue('end', 'durationMinutes or end, not both');
  const unsound = windowTrouble(context.value);
  if (unsound !== undefined) issue('rrule', unsound);
  if (end === undefined) return;
  const minutes = ((localMillis(end) ?? 0) - (localMillis(start) ?? 0)) / 60_000;
  if (minutes <= 0) issue('end', 'a time after start');
  else if (minutes > MAX_WINDOW_MINUTES) issue('end', 'a time at most 7 days after start');
});

const freeze = fields({
  name,
  from: instant.describe('The freeze holds from this instant on.'),
  to: instant.describe('The first instant at which it no longer holds.'),
  reason: text(500),
}).check((context) => {
  const { from, to } = context.value;
  if ((instantMillis(from) ?? 0) >= (instantMillis(to) ?? 0)) {
    context.issues.push({ code: 'custom', message: 'expected:an instant after "from"', path: ['to'], input: to });
  }
});

const spec = fields({
  timezone: timezone.describe('IANA name; windows are on this clock.'),
  windows: named(window, 0, 100).describe('When changes may start. None: never.'),
  freezes: named(freeze, 0, 200).default([]).describe('When nothing moves forward, whatever the windows say.'),
});

export const calendar = kind('Calendar', 'When a tenant, cell or environment may change, and when it may not.', spec);
export type CalendarContent = ContentOf<typeof calendar>;
