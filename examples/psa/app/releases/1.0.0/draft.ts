import { type BillableEntry, type BillingTerms, type Draft, TAX_BASIS_POINTS } from '../../core/billing.ts';
import { basisPoints, timeAmount } from '../../core/money.ts';

/** One line for each approved time entry; tax on the sum of the lines. */
export function draft(terms: BillingTerms, entries: readonly BillableEntry[]): Draft {
  const lines = entries.map((entry) => ({
    entryId: entry.id,
    description: `${entry.day} ${entry.person}${entry.note === '' ? '' : `: ${entry.note}`}`,
    minutes: entry.minutes,
    net: timeAmount(entry.minutes, terms.ratePerHour),
    more: {},
  }));
  const net = lines.reduce((sum, line) => sum + line.net, 0n);
  const tax = basisPoints(net, TAX_BASIS_POINTS[terms.taxCode]);
  return { lines, net, tax, total: net + tax, more: {} };
}
