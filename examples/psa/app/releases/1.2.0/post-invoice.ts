import { centsToJson } from '../../core/money.ts';
import type { PostInvoice } from '../../core/post-invoice.ts';
import { documentReference, numberInReference } from './document-reference.ts';
import { taxBreakdown } from './tax-breakdown.ts';

/** Posts the invoice with its tax breakdown and document reference, then acknowledges what the ledger says it took. */
export const postInvoice: PostInvoice = async (invoice, ledger, acknowledge) => {
  const breakdown = taxBreakdown(invoice);
  // An invoice that a discount took down to nothing has no amounts for the ledger.
  if (breakdown.length === 0) return;

  const taken = await ledger.post({
    tenant: invoice.tenant,
    invoice: centsToJson(invoice.number),
    currency: invoice.currency,
    netCents: centsToJson(invoice.net),
    taxCents: centsToJson(invoice.tax),
    totalCents: centsToJson(invoice.total),
    reference: documentReference(invoice),
    taxBreakdown: breakdown.map((part) => ({
      code: part.code,
      netCents: centsToJson(part.net),
      taxCents: centsToJson(part.tax),
    })),
  });
  // Earlier releases' entries have no reference.
  const number = taken.reference === undefined ? invoice.number : numberInReference(taken.reference);
  await acknowledge(number ?? invoice.number, taken.erpReference);
};
