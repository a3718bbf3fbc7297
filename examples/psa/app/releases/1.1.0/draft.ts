import type { BillableEntry, BillingTerms, Draft } from '../../core/billing.ts';
import { TAX_BASIS_POINTS } from '../../core/billing.ts';
import { basisPoints, timeAmount } from '../../core/money.ts';

/** One line for each approved time entry, less the project's discount; tax on the sum of the lines. */
export function draft(terms: BillingTerms, entries: readonly BillableEntry[]): Draft {
  const lines = entries.map((entry) => {
    const gross = timeAmount(entry.minutes, terms.ratePerHour);
    const discount = basisPoints(gross, terms.discountBasisPoints);
    return {
      entryId: entry.id,
      description: `${entry.day} ${entry.person}${entry.note === '' ? '' : `: ${entry.note}`}`,
      minutes: entry.minutes,
      net: gross - discount,
      more: { discount_cents: discount },
    };
  });
  const net = lines.reduce((sum, line) => sum + line.net, 0n);
  const tax = basisPoints(net, TAX_BASIS_POINTS[terms.taxCode]);
  return { lines, net, tax, total: net + tax, more: {} };
}
