/** What a masking says to people: names and counts, never a value. */
import type { CopyMark } from '@headgate/adapters/execution/masking/copy-mark';
import type { MaskingProgress, MaskingReport } from '@headgate/adapters/execution/masking/mask-copy';
import type { CopyFacts, CopyVerdict } from '@headgate/domain/masking/copy';
import { IN_DEFINITION } from '@headgate/domain/masking/leaks';
import type { MaskingPlan, TablePlan } from '@headgate/domain/masking/plan';

const number = (n: number): string => n.toLocaleString('en-US');
const count = (n: number, one: string, many = `${one}s`): string => `${number(n)} ${n === 1 ? one : many}`;
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

function columnsOf({ masked }: Pick<TablePlan, 'masked'>): string {
  return masked.map(({ column, mask }) => `${column} (${mask})`).join(', ');
}

/** What would be done. */
export function planLines({ tables, foreignKeys, refresh }: MaskingPlan, { of, maskedBy }: CopyMark): string[] {
  const width = Math.max(0, ...tables.map(({ table }) => table.length));
  const views = refresh.filter((sql) => sql.startsWith('refresh')).length;
  return [
    maskedBy === undefined ? `A copy of ${of}, not masked yet.` : `A copy of ${of}, masked already by ${maskedBy}.`,
    '',
    `Would be masked, the largest first:`,
    ...tables.map((each) => `  ${each.table.padEnd(width)}  about ${count(each.rows, 'row')}: ${columnsOf(each)}`),
    ...(foreignKeys.length === 0 ? [] : [`Then checked, every row: ${count(foreignKeys.length, 'foreign key')}.`]),
    ...(views === 0 ? [] : [`Then computed again: ${count(views, 'materialized view')}.`]),
    'Then every column with texts is looked through for originals. Nothing was changed.',
  ];
}

export function progressLine(told: MaskingProgress): string {
  switch (told.what) {
    case 'planned': {
      const tables = count(told.plan.tables.length, 'table');
      return told.goesOn ? `Goes on with a masking that was begun: ${tables} in all.` : `To be masked: ${tables}.`;
    }
    case 'collected':
      return `Digests of the originals are put aside (${seconds(told.ms)}).`;
    case 'masked':
      return `  ${told.table}: ${count(told.rows, 'row')}`;
    case 'keys':
      return `Every row of ${count(told.keys, 'foreign key')} was checked: none is broken.${told.views === 0 ? '' : ` ${count(told.views, 'materialized view')} computed again.`}`;
  }
}

/** What a copy says of itself, and whether it may be attached where masked copies are asked for. */
export function statusLines(facts: CopyFacts, verdict: CopyVerdict): string[] {
  const { name, of, maskedBy, leaks } = facts;
  const what = of === undefined ? `${name} is not marked as a copy.` : `${name} is a copy of ${of}.`;
  const found = leaks === undefined ? 'not looked for' : count(leaks, 'place');
  return [
    what,
    ...(maskedBy === undefined ? [] : [`Masked by ${maskedBy}; originals found: ${found}.`]),
    verdict.ok
      ? 'It may be attached where masked copies are asked for.'
      : `It may not be attached where masked copies are asked for: ${verdict.refusal.why}\n  to unblock: ${verdict.refusal.unblock}`,
  ];
}

/** Columns of bytes that are named; the others are counted. */
const MOST_NAMED = 10;

/** What nobody looked through, so that nobody takes it for empty. */
function unreadLines({ columns, largeObjects }: MaskingReport['leakScan']['unread']): string[] {
  const named = columns.slice(0, MOST_NAMED).join(', ');
  const more = columns.length > MOST_NAMED ? ` and ${columns.length - MOST_NAMED} more` : '';
  return [
    ...(columns.length === 0
      ? []
      : [`  not looked at: columns of bytes and tables on other servers (${named}${more})`]),
    ...(largeObjects === 0 ? [] : [`  not looked at: ${count(largeObjects, 'large object')}`]),
  ];
}

/** What was done, and what was found. */
export function reportLines({ rows, tables, goesOn, maskMs, scanMs, leakScan }: MaskingReport): string[] {
  const { originals, ambiguous, columns, places, unread } = leakScan;
  const leaks = places.filter(({ because }) => because === undefined);
  const rate = maskMs > 0 && !goesOn ? ` (${number(Math.round((rows / maskMs) * 1_000))} rows/s)` : '';
  const looked = `${count(originals, 'original value')} looked for in ${count(columns, 'column')}, in ${seconds(scanMs)}`;
  return [
    `Masked: ${count(rows, 'row')} of ${count(tables.length, 'table')}${goesOn ? ', with what was done before' : ` in ${seconds(maskMs)}${rate}`}.`,
    leaks.length === 0 ? `No original was found: ${looked}.` : `ORIGINALS WERE FOUND: ${looked}.`,
    ...leaks.map(
      ({ table, column, rows: n }) =>
        `  ${table}.${column}${column.endsWith(IN_DEFINITION) ? '' : `: in ${count(n, 'row')}`}`,
    ),
    ...(leaks.length === 0
      ? []
      : [
          '  to unblock: add rules for these columns, and mask a fresh copy; what may stand there is said in the rules (leakScan.expected, with because)',
        ]),
    ...places.flatMap(({ table, column, rows: n, because }) =>
      because === undefined ? [] : [`  expected: ${table}.${column}: in ${count(n, 'row')}, because ${because}`],
    ),
    ...(ambiguous === 0
      ? []
      : [`  not looked for: ${count(ambiguous, 'value')} that another one’s mask equals, so that they tell nothing`]),
    ...unreadLines(unread),
  ];
}
