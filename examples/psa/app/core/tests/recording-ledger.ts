import type { BillableEntry, BillingTerms } from '../billing.ts';
import type { Edition } from '../edition.ts';
import type { Ledger, LedgerEntry } from '../ledger.ts';
import type { PostableInvoice } from '../post-invoice.ts';

/** A customer's terms in the releases' tests; each test says what differs. */
export function termsOf(more: Partial<BillingTerms> = {}): BillingTerms {
  return {
    ratePerHour: 10_000n,
    currency: 'EUR',
    taxCode: 'standard',
    purchaseOrder: null,
    discountBasisPoints: 0,
    ...more,
  };
}

/** Approved time of the given minutes. */
export function timeOf(...minutes: readonly number[]): BillableEntry[] {
  return minutes.map((each, index) => ({
    id: `tim-${index + 1}`,
    person: 'per-001',
    day: '2026-02-28',
    minutes: each,
    note: index === 0 ? 'Kick-off' : '',
  }));
}

/** The invoice that an edition makes of some time, as its worker would read it back. */
export function invoiceOf(edition: Edition, terms: BillingTerms, ...minutes: readonly number[]): PostableInvoice {
  const draft = edition.draft(terms, timeOf(...minutes));
  return {
    tenant: 'ten-1',
    number: 12n,
    currency: terms.currency,
    net: draft.net,
    tax: draft.tax,
    total: draft.total,
    taxCode: terms.taxCode,
    purchaseOrder: terms.purchaseOrder,
    lines: draft.lines.map((line) => ({
      net: line.net,
      tax: (line.more.tax_cents as bigint | undefined) ?? null,
      taxCode: (line.more.tax_code as PostableInvoice['taxCode'] | undefined) ?? null,
    })),
  };
}

/** Carries out a posting and answers what the ledger was sent and which invoices were acknowledged. */
export async function posting(edition: Edition, invoice: PostableInvoice) {
  const sent: LedgerEntry[] = [];
  const acknowledged: [bigint, string][] = [];
  const ledger: Ledger = {
    async post(entry) {
      sent.push(entry);
      return { ...entry, erpReference: `ERP-${sent.length}` };
    },
  };
  await edition.postInvoice(invoice, ledger, async (number, reference) => {
    acknowledged.push([number, reference]);
  });
  return { sent, acknowledged };
}
