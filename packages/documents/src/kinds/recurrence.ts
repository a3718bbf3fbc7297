/** iCalendar recurrence rules (RFC 5545 section 3.3.10), checked part by part so that a mistyped rule is named, not ignored. */
import { didYouMean } from '../schema/nearest.ts';

const weekday = '(SU|MO|TU|WE|TH|FR|SA)';
const listOf = (item: string) => new RegExp(`^${item}(,${item})*$`);

const PARTS: Readonly<Record<string, { readonly form: RegExp; readonly expected: string }>> = {
  // Windows that recur more often than hourly are a mistake, and cost time without end to compute.
  FREQ: { form: /^(YEARLY|MONTHLY|WEEKLY|DAILY|HOURLY)$/, expected: 'YEARLY, MONTHLY, WEEKLY, DAILY or HOURLY' },
  INTERVAL: { form: /^[1-9]\d{0,3}$/, expected: 'a whole number >= 1' },
  COUNT: { form: /^[1-9]\d{0,5}$/, expected: 'a whole number >= 1' },
  UNTIL: { form: /^\d{8}(T\d{6}Z?)?$/, expected: 'a date like 20261231 or 20261231T235959Z' },
  BYMONTH: { form: listOf('(0?[1-9]|1[0-2])'), expected: 'months from 1 to 12' },
  BYMONTHDAY: { form: listOf('[+-]?(0?[1-9]|[12]\\d|3[01])'), expected: 'days from 1 to 31 or -31 to -1' },
  BYYEARDAY: {
    form: listOf('[+-]?(0{0,2}[1-9]|0?[1-9]\\d|[12]\\d\\d|3[0-5]\\d|36[0-6])'),
    expected: 'days from 1 to 366 or -366 to -1',
  },
  BYWEEKNO: { form: listOf('[+-]?(0?[1-9]|[1-4]\\d|5[0-3])'), expected: 'weeks from 1 to 53 or -53 to -1' },
  BYDAY: { form: listOf(`([+-]?[1-9]\\d?)?${weekday}`), expected: 'weekdays like MO,WE or -1FR' },
  BYHOUR: { form: listOf('([01]?\\d|2[0-3])'), expected: 'hours from 0 to 23' },
  BYMINUTE: { form: listOf('[0-5]?\\d'), expected: 'minutes from 0 to 59' },
  BYSECOND: { form: listOf('[0-5]?\\d'), expected: 'seconds from 0 to 59' },
  BYSETPOS: { form: listOf('[+-]?[1-9]\\d{0,2}'), expected: 'places from 1 to 366 or -366 to -1' },
  WKST: { form: new RegExp(`^${weekday}$`), expected: 'a weekday like MO' },
};

/** What is wrong with a recurrence rule, as the phrase after "expected"; undefined when it is well formed. */
export function recurrenceTrouble(rule: string): string | undefined {
  if (rule.length > 500) return 'a rule of at most 500 characters';
  if (/^RRULE:/i.test(rule)) return 'the rule without "RRULE:" before it';
  const seen = new Set<string>();
  for (const part of rule.split(';')) {
    const equals = part.indexOf('=');
    const key = part.slice(0, equals);
    if (equals < 1) return `parts like FREQ=WEEKLY with ; between them, not "${part.slice(0, 60)}"`;
    const known = Object.hasOwn(PARTS, key) ? PARTS[key] : undefined;
    if (known === undefined)
      return `one of the parts ${Object.keys(PARTS).join(', ')}, not "${key.slice(0, 60)}"${didYouMean(key, Object.keys(PARTS))}`;
    if (seen.has(key)) return `${key} only once`;
    if (!known.form.test(part.slice(equals + 1))) return `${key}= ${known.expected}`;
    seen.add(key);
  }
  if (!seen.has('FREQ')) return 'a part FREQ=…';
  if (seen.has('COUNT') && seen.has('UNTIL')) return 'COUNT or UNTIL, not both';
  return undefined;
}
