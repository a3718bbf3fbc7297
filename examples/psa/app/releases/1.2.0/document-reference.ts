import type { PostableInvoice } from '../../core/post-invoice.ts';

/** How the customer's books name the invoice: its number, after the customer's purchase order if there is one. */
export function documentReference(invoice: Pick<PostableInvoice, 'number' | 'purchaseOrder'>): string {
  return invoice.purchaseOrder === null ? `${invoice.number}` : `${invoice.purchaseOrder}/${invoice.number}`;
}

/** The invoice number in a document reference. */
export function numberInReference(reference: string): bigint | undefined {
  const match = /^(?:[^/]+\/)?(\d+)/.exec(reference);
  return match?.[1] === undefined ? undefined : BigInt(match[1]);
}
