import type { BillableEntry, BillingTerms, Draft } from '../../core/billing.ts';
import { TAX_BASIS_POINTS } from '../../core/billing.ts';
import { basisPoints } from '../../core/money.ts';
import { draft as draftWithDiscount } from '../1.1.0/draft.ts';

/**
 * As in 1.1.0, and each line carries its tax code and its share of the tax. The shares are cumulative differences, so
 * that they add up to the tax of the sum, to the cent.
 */
export function draft(terms: BillingTerms, entries: readonly BillableEntry[]): Draft {
  const before = draftWithDiscount(terms, entries);
  let netSoFar = 0n;
  let taxSoFar = 0n;
  const lines = before.lines.map((line) => {
    netSoFar += line.net;
    const taxUpToHere = basisPoints(netSoFar, TAX_BASIS_POINTS[terms.taxCode]);
    const tax = taxUpToHere - taxSoFar;
    taxSoFar = taxUpToHere;
    return { ...line, more: { ...line.more, tax_code: terms.taxCode, tax_cents: tax } };
  });
  return { ...before, lines };
}
