import { HOUR_MS, MINUTE_MS } from '@headgate/testkit/domain/builders';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CalendarSpec, WindowSpec } from '../model/specs.ts';
import { checkWindow, windowFact } from './evaluate.ts';
import { checkTimezone } from './rule.ts';

function aWindow(start: string, rrule: string, hours: number): WindowSpec {
  return { name: 'w', start, rrule, durationMs: hours * HOUR_MS };
}

function aCalendar(timezone: string, ...windows: WindowSpec[]): CalendarSpec {
  return { name: 'nights', timezone, windows, freezes: [] };
}

function at(calendar: CalendarSpec, instant: string): string {
  const { open, changesAt } = windowFact(calendar, Date.parse(instant));
  const until = changesAt === undefined ? 'for good' : `until ${new Date(changesAt).toISOString().slice(0, 16)}`;
  return `${open ? 'open' : 'closed'} ${until}`;
}

describe('a window is read as wall-clock times of its zone', () => {
  const berlin = aCalendar('Europe/Berlin', aWindow('2026-01-01T22:00:00', 'FREQ=DAILY', 8));
  const york = aCalendar('America/New_York', aWindow('2026-01-01T22:00:00', 'FREQ=WEEKLY;BYDAY=SA', 8));
  const howe = aCalendar('Australia/Lord_Howe', aWindow('2026-01-01T02:15:00', 'FREQ=DAILY', 1));
  const half = aCalendar('Europe/Berlin', aWindow('2026-01-01T02:30:00', 'FREQ=DAILY', 2));

  test.each([
    ['Berlin in winter', berlin, '2026-01-10T20:59:59Z', 'closed until 2026-01-10T21:00'],
    ['Berlin in winter, at the first moment', berlin, '2026-01-10T21:00:00Z', 'open until 2026-01-11T05:00'],
    ['Berlin in winter, at the last moment', berlin, '2026-01-11T04:59:59Z', 'open until 2026-01-11T05:00'],
    ['Berlin in winter, after it', berlin, '2026-01-11T05:00:00Z', 'closed until 2026-01-11T21:00'],
    ['Berlin in summer', berlin, '2026-07-10T20:30:00Z', 'open until 2026-07-11T04:00'],
    [
      'Berlin, clocks forward: ends at 06:00 local, an hour less',
      berlin,
      '2026-03-29T03:59:00Z',
      'open until 2026-03-29T04:00',
    ],
    [
      'Berlin, clocks back: ends at 06:00 local, an hour more',
      berlin,
      '2026-10-25T04:59:00Z',
      'open until 2026-10-25T05:00',
    ],
    ['New York, clocks forward in mid-window', york, '2026-03-08T09:59:00Z', 'open until 2026-03-08T10:00'],
    ['New York, clocks back in mid-window', york, '2026-11-01T10:59:00Z', 'open until 2026-11-01T11:00'],
    ['New York, on a Sunday', york, '2026-03-08T12:00:00Z', 'closed until 2026-03-15T02:00'],
    ['a start that Berlin skips is not early', half, '2026-03-29T01:15:00Z', 'closed until 2026-03-29T01:30'],
    ['a start that Berlin skips is not lost', half, '2026-03-29T01:30:00Z', 'open until 2026-03-29T02:30'],
    [
      'a start that Berlin repeats is its first occurrence',
      half,
      '2026-10-25T00:30:00Z',
      'open until 2026-10-25T03:30',
    ],
    ['a start that Lord Howe skips half an hour of', howe, '2026-10-03T15:30:00Z', 'closed until 2026-10-03T15:45'],
    [
      'a start that Lord Howe skips opens half an hour later',
      howe,
      '2026-10-03T15:45:00Z',
      'open until 2026-10-03T16:15',
    ],
    ['Lord Howe, clocks back by half an hour before it', howe, '2026-04-04T15:30:00Z', 'closed until 2026-04-04T15:45'],
  ])('%s', (_name, calendar, instant, expected) => {
    expect(at(calendar, instant)).toBe(expected);
  });
});

describe('several occurrences', () => {
  test('adjoining ones are one window', () => {
    const calendar = aCalendar('UTC', aWindow('2026-01-05T00:00:00', 'FREQ=DAILY;COUNT=3', 24));
    expect(at(calendar, '2026-01-05T12:00:00Z')).toBe('open until 2026-01-08T00:00');
    expect(at(calendar, '2026-01-08T00:00:00Z')).toBe('closed for good');
  });

  test('one that is longer than its interval still runs when the next began', () => {
    const calendar = aCalendar(
      'UTC',
      aWindow('2026-01-05T00:00:00', 'FREQ=WEEKLY;COUNT=1', 168),
      aWindow('2026-01-06T00:00:00', 'FREQ=DAILY;COUNT=1', 1),
    );
    expect(at(calendar, '2026-01-11T23:59:00Z')).toBe('open until 2026-01-12T00:00');
  });

  test('open round the clock stays open in the nights in which the clocks change, asked in any order', () => {
    const calendar = aCalendar('Europe/Berlin', aWindow('2026-01-01T00:00:00', 'FREQ=DAILY', 24));
    for (const day of ['2026-10-25', '2026-03-29', '2026-10-24', '2027-03-28'])
      for (let hour = 0; hour < 24; hour++)
        expect(windowFact(calendar, Date.parse(`${day}T00:00:00Z`) + hour * HOUR_MS).open).toBe(true);
  });

  test('the next one is found years ahead', () => {
    const calendar = aCalendar('UTC', aWindow('2024-02-29T08:00:00', 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29', 1));
    expect(at(calendar, '2026-01-01T00:00:00Z')).toBe('closed until 2028-02-29T08:00');
  });

  test('none before the first, none after UNTIL, which may be UTC, local or a date', () => {
    for (const until of ['20260106T000000Z', '20260106T010000', '20260106']) {
      const calendar = aCalendar('Europe/Berlin', aWindow('2026-01-05T01:00:00', `FREQ=DAILY;UNTIL=${until}`, 1));
      expect(at(calendar, '2026-01-01T00:00:00Z')).toBe('closed until 2026-01-05T00:00');
      expect(at(calendar, '2026-01-06T00:30:00Z')).toBe('open until 2026-01-06T01:00');
      expect(at(calendar, '2026-01-06T01:00:00Z')).toBe('closed for good');
    }
  });
});

test('the answer does not depend on what was asked before', () => {
  const make = () =>
    aCalendar(
      'America/New_York',
      aWindow('2026-01-01T01:30:00', 'FREQ=DAILY', 2),
      aWindow('2026-01-01T20:00:00', 'FREQ=MONTHLY;BYDAY=-1FR', 12),
    );
  const instant = fc.integer({ min: Date.UTC(2026, 1), max: Date.UTC(2027, 1) });
  fc.assert(
    fc.property(fc.array(instant, { minLength: 1, maxLength: 6 }), (instants) => {
      const asked = make();
      for (const now of instants) {
        const { open, changesAt } = windowFact(asked, now);
        expect(windowFact(make(), now)).toEqual({ calendar: 'nights', open, changesAt });
        expect(changesAt).toBeGreaterThan(now);
        expect(windowFact(make(), (changesAt ?? 0) - 1).open).toBe(open);
        expect(windowFact(make(), changesAt ?? 0).open).toBe(!open);
      }
    }),
    { numRuns: 60 },
  );
});

test('asked again with the same calendar and a nearby now, it costs microseconds', () => {
  const calendar = aCalendar('Europe/Berlin', aWindow('2026-01-01T00:00:00', 'FREQ=HOURLY;BYMINUTE=0,15,30,45', 168));
  const now = Date.UTC(2026, 5, 1);
  windowFact(calendar, now);
  const begun = performance.now();
  for (let i = 0; i < 10_000; i++) windowFact(calendar, now + i * 1_000);
  expect((performance.now() - begun) / 10_000).toBeLessThan(0.1);
});

test('no window, an unknown zone and an unsound rule are closed', () => {
  for (const calendar of [
    aCalendar('UTC'),
    aCalendar('Europe/Atlantis', aWindow('2026-01-01T00:00:00', 'FREQ=DAILY', 24)),
    aCalendar('UTC', aWindow('2026-01-01T00:00:00', 'FREQ=SECONDLY', 24)),
  ])
    expect(windowFact(calendar, Date.UTC(2026, 5, 1))).toEqual({ calendar: 'nights', open: false });
});

describe('what a window may say', () => {
  test.each([
    'FREQ=HOURLY',
    'FREQ=DAILY;INTERVAL=2;COUNT=10',
    'FREQ=WEEKLY;BYDAY=MO,TU,WE;WKST=MO',
    'FREQ=MONTHLY;BYDAY=-1FR',
    'FREQ=MONTHLY;BYMONTHDAY=+1,-1',
    'FREQ=YEARLY;BYDAY=20MO',
    'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1',
    'FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=31;BYHOUR=20;BYMINUTE=0,30',
  ])('%s', (rrule) => {
    expect(checkWindow(aWindow('2026-01-01T00:00:00', rrule, 1))).toBeUndefined();
  });

  test.each([
    ['below hourly', 'FREQ=SECONDLY', 'YEARLY, MONTHLY, WEEKLY, DAILY or HOURLY'],
    ['every minute by a list', `FREQ=HOURLY;BYMINUTE=${[...Array(60).keys()].join()}`, 'at most four minutes'],
    ['seconds', 'FREQ=DAILY;BYSECOND=1', 'expected FREQ'],
    ['another calendar', 'FREQ=DAILY;RSCALE=HEBREW', 'expected FREQ'],
    ['a second property', 'FREQ=DAILY\nRDATE:20260101T000000', 'YEARLY, MONTHLY'],
    ['no frequency', 'COUNT=3', 'no FREQ'],
    ['a part twice', 'FREQ=DAILY;FREQ=DAILY', 'twice'],
    ['both ends', 'FREQ=DAILY;COUNT=1;UNTIL=20270101', 'one of them'],
    ['an interval of nothing', 'FREQ=DAILY;INTERVAL=0', 'from 1 to 9999'],
    ['an hour that no day has', 'FREQ=DAILY;BYHOUR=24', 'hours from 0 to 23'],
    ['position zero', 'FREQ=MONTHLY;BYSETPOS=0', 'positions'],
    ['counted days of a day', 'FREQ=DAILY;BYDAY=2MO', 'only with FREQ=MONTHLY'],
    ['a day that no year has', 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', 'one that occurs'],
    ['an end before the start', 'FREQ=DAILY;UNTIL=20251231', 'at least one occurrence'],
    ['a date that is none', 'FREQ=DAILY;UNTIL=20260230', 'one that occurs'],
    ['an essay', `FREQ=DAILY;BYMONTH=${'1,'.repeat(400)}1`, '500 characters'],
    ['a prototype', 'constructor=1', 'expected FREQ'],
    ['nothing', '', 'expected FREQ'],
  ])('refuses %s', (_name, rrule, expected) => {
    expect(checkWindow(aWindow('2026-01-01T00:00:00', rrule, 1))).toContain(expected);
  });

  test.each([
    ['a start that is no date', { start: '2026-02-30T00:00:00' }, 'local date-time'],
    ['a start in UTC', { start: '2026-01-01T00:00:00Z' }, 'local date-time'],
    ['no duration', { durationMs: 0 }, 'from one minute to seven days'],
    ['a duration of months', { durationMs: 60 * 24 * HOUR_MS }, 'from one minute to seven days'],
    ['a duration that is no number', { durationMs: Number.NaN }, 'from one minute to seven days'],
  ])('refuses %s', (_name, more, expected) => {
    expect(checkWindow({ ...aWindow('2026-01-01T00:00:00', 'FREQ=DAILY', 1), ...more })).toContain(expected);
  });

  test('whatever it accepts is evaluated at bounded cost', () => {
    const part = fc.constantFrom(
      'INTERVAL=7',
      'BYMONTH=2,3',
      'BYMONTHDAY=29,-1',
      'BYYEARDAY=366',
      'BYWEEKNO=53',
      'BYHOUR=0,23',
      'BYMINUTE=0,1,58,59',
      'BYDAY=MO',
      'BYSETPOS=-1',
      'COUNT=10000',
      'UNTIL=20300101',
    );
    const rule = fc
      .tuple(fc.constantFrom('HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'), fc.uniqueArray(part, { maxLength: 4 }))
      .map(([freq, parts]) => [`FREQ=${freq}`, ...parts].join(';'));
    fc.assert(
      fc.property(rule, (rrule) => {
        const spec = aWindow('2026-01-01T00:00:00', rrule, 168);
        if (checkWindow(spec) !== undefined) return;
        // Of the processor, not of the clock: what it costs is no question of who else is on the machine.
        const begun = process.cpuUsage();
        windowFact(aCalendar('Europe/Berlin', spec), Date.UTC(2026, 7, 1) + 3 * MINUTE_MS);
        const { user, system } = process.cpuUsage(begun);
        expect((user + system) / 1_000).toBeLessThan(2_000);
      }),
      { numRuns: 60 },
    );
  });

  test.each(['Europe/Berlin', 'UTC', 'Australia/Lord_Howe'])('zone %s is known', (zone) => {
    expect(checkTimezone(zone)).toBeUndefined();
  });
  test.each(['Europe/Atlantis', '+02:00', ''])("zone '%s' is refused", (zone) => {
    expect(checkTimezone(zone)).toContain('IANA');
  });
});
