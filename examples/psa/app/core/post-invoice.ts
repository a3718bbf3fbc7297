import type { TaxCode } from './billing.ts';
import type { Ledger } from './ledger.ts';
import { type Cents, centsToJson } from './money.ts';

/** An invoice as the worker reads it back from the store. */
export interface PostableInvoice {
  readonly tenant: string;
  readonly number: bigint;
  readonly currency: string;
  readonly net: Cents;
  readonly tax: Cents;
  readonly total: Cents;
  /** Of the customer whom the invoice goes to. */
  readonly taxCode: TaxCode;
  readonly purchaseOrder: string | null;
  readonly lines: readonly PostableLine[];
}

export interface PostableLine {
  readonly net: Cents;
  /** From schema version 3 on, and only on invoices that a release which knows them made. */
  readonly tax: Cents | null;
  readonly taxCode: TaxCode | null;
}

/** Records in the store that the ledger took an invoice. Acknowledging one twice changes nothing. */
export type Acknowledge = (number: bigint, erpReference: string) => Promise<void>;

/** Carries out one posting. Returning means that the job is finished; throwing means that it is tried again later. */
export type PostInvoice = (invoice: PostableInvoice, ledger: Ledger, acknowledge: Acknowledge) => Promise<void>;

/** Posts the invoice's amounts to the ledger under its own number, then acknowledges it. */
export const postInvoice: PostInvoice = async (invoice, ledger, acknowledge) => {
  const taken = await ledger.post({
    tenant: invoice.tenant,
    invoice: centsToJson(invoice.number),
    currency: invoice.currency,
    netCents: centsToJson(invoice.net),
    taxCents: centsToJson(invoice.tax),
    totalCents: centsToJson(invoice.total),
  });
  await acknowledge(invoice.number, taken.erpReference);
};
