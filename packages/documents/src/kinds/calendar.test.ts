import { describe, expect, it, test } from 'vitest';
import { digestOf } from '../digest.ts';
import type { AnyContent, KindName } from './catalog.ts';
import { instantMillis, localMillis } from './date-time.ts';
import { parseDocuments } from './parse-documents.ts';
import { recurrenceTrouble } from './recurrence.ts';
import { SAMPLE } from './testing/sample.ts';
import { applicationSpec, calendarSpec, environmentSpec, policySpec } from './to-domain.ts';

describe('recurrence rules', () => {
  test.each([
    'FREQ=DAILY',
    'FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=22',
    'FREQ=MONTHLY;BYDAY=-1FR;INTERVAL=2',
    'FREQ=YEARLY;BYMONTH=1,12;BYMONTHDAY=-1;COUNT=3',
    'FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1;UNTIL=20261231T000000Z;WKST=MO',
  ])('%s is well formed', (rule) => {
    expect(recurrenceTrouble(rule)).toBeUndefined();
  });

  test.each([
    ['', 'parts like FREQ=WEEKLY'],
    ['BYDAY=MO', 'a part FREQ='],
    ['RRULE:FREQ=DAILY', 'without "RRULE:"'],
    ['FREQ=SECONDLY', 'YEARLY, MONTHLY'],
    ['FREQ=DAILY;BYDAI=MO', 'did you mean "BYDAY"?'],
    ['FREQ=DAILY;FREQ=DAILY', 'FREQ only once'],
    ['FREQ=DAILY;COUNT=1;UNTIL=20260101', 'not both'],
    ['FREQ=DAILY;COUNT=0', 'COUNT= a whole number >= 1'],
    ['FREQ=DAILY;__proto__=1', 'one of the parts'],
  ])('%j is told what was expected', (rule, words) => {
    expect(recurrenceTrouble(rule)).toContain(words);
  });
});

describe('dates and times', () => {
  it('that do not exist are none', () => {
    expect(localMillis('2026-02-29T00:00')).toBeUndefined();
    expect(localMillis('2028-02-29T00:00')).toBe(Date.UTC(2028, 1, 29));
    expect(localMillis('2026-01-01T24:00')).toBeUndefined();
    expect(instantMillis('2026-01-01T00:00:60Z')).toBeUndefined();
    expect(instantMillis('2026-01-01T00:00:00')).toBeUndefined();
    expect(instantMillis('2026-01-01T00:00:00+99:00')).toBeUndefined();
    expect(instantMillis('2026-06-01T00:00+02:00')).toBe(Date.UTC(2026, 4, 31, 22));
  });
});

describe('what was declared, as the domain takes it', () => {
  const parsed = parseDocuments(SAMPLE, { file: 'x' });
  if (!parsed.ok) throw new Error('sample');
  const find = <K extends KindName>(kind: K, name: string) =>
    parsed.documents.find((d) => d.content.kind === kind && d.content.metadata.name === name)!.content as Extract<
      AnyContent,
      { kind: K }
    >;

  it('maps calendars: local starts, durations and instants in milliseconds', () => {
    expect(calendarSpec(find('Calendar', 'always'))).toEqual({
      name: 'always',
      timezone: 'Europe/Berlin',
      windows: [
        { name: 'day', start: '2026-01-01T00:00:00', rrule: 'FREQ=DAILY', durationMs: 90_000_000 },
        { name: 'once', start: '2026-03-01T22:00:00', rrule: 'FREQ=DAILY;COUNT=1', durationMs: 16_200_000 },
      ],
      freezes: [
        { name: 'peak', from: Date.UTC(2026, 10, 26, 23), to: Date.UTC(2026, 10, 30, 23), reason: 'Black Friday' },
      ],
    });
  });

  it('maps policies, applications and environments', () => {
    expect(policySpec(find('Policy', 'strict'))).toMatchObject({
      name: 'strict',
      rollbackScope: 'ring',
      attempts: 5,
      defaultTimeoutMs: 300_000,
      timeoutsMs: { verify: 60_000 },
      hypercare: [{ name: 'first-hour', durationMs: 3_600_000 }],
    });
    const digest = digestOf('x');
    expect(applicationSpec(find('Application', 'psa'), () => digest)).toEqual({
      name: 'psa',
      tenancy: 'rows',
      pipeline: ['staging', 'production'],
      rings: [
        { name: 'internal', soakMs: 2_000 },
        { name: 'broad', soakMs: 0 },
      ],
      verification: { name: 'psa-business', digest },
      reconciliation: { name: 'psa-erp', digest },
    });
    expect(environmentSpec(find('Environment', 'staging'))).toEqual({
      name: 'staging',
      application: 'psa',
      policy: 'lax',
      calendars: ['always'],
    });
  });
});
