import type { TaxCode } from '../../core/billing.ts';
import type { Cents } from '../../core/money.ts';
import type { PostableInvoice } from '../../core/post-invoice.ts';

/** The part of an invoice that is taxed by one code. */
export interface TaxPart {
  readonly code: TaxCode;
  readonly net: Cents;
  readonly tax: Cents;
}

/**
 * An invoice's amounts by tax code, in the order of its lines. Invoices that an earlier release made have no tax on
 * their lines: they have one part, by the customer's code.
 */
export function taxBreakdown(invoice: PostableInvoice): TaxPart[] {
  const parts = new Map<TaxCode, TaxPart>();
  if (invoice.lines.some((line) => line.tax === null)) {
    parts.set(invoice.taxCode, { code: invoice.taxCode, net: invoice.net, tax: invoice.tax });
  } else {
    for (const line of invoice.lines) {
      const code = line.taxCode ?? invoice.taxCode;
      const part = parts.get(code) ?? { code, net: 0n, tax: 0n };
      parts.set(code, { code, net: part.net + line.net, tax: part.tax + (line.tax ?? 0n) });
    }
  }
  // The ledger has no use for parts without an amount.
  return [...parts.values()].filter((part) => part.tax !== 0n);
}
