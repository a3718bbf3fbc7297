import type { Cents } from './money.ts';

/** How a customer is taxed; the rate follows from it. */
export type TaxCode = 'standard' | 'reduced' | 'reverse-charge';

/** Hundredths of a percent. Under reverse charge the customer owes the tax, so none stands on the invoice. */
export const TAX_BASIS_POINTS: Readonly<Record<TaxCode, number>> = {
  standard: 1900,
  reduced: 700,
  'reverse-charge': 0,
};

/** A project with the terms of its customer. Columns that only a newer release knows are absent in an older store. */
export interface BillingTerms {
  readonly ratePerHour: Cents;
  readonly currency: string;
  readonly taxCode: TaxCode;
  /** The customer's purchase order, as the customer writes it. */
  readonly purchaseOrder: string | null;
  /** Hundredths of a percent, from schema version 2 on. */
  readonly discountBasisPoints: number;
}

/** An approved time entry that stands on no invoice yet. */
export interface BillableEntry {
  readonly id: string;
  readonly person: string;
  readonly day: string;
  readonly minutes: number;
  readonly note: string;
}

/** One line of an invoice. `more` holds columns that this release adds to the table. */
export interface DraftLine {
  readonly entryId: string;
  readonly description: string;
  readonly minutes: number;
  readonly net: Cents;
  readonly more: Readonly<Record<string, string | bigint>>;
}

/** An invoice before it has a number. `more` holds columns that this release adds to the table. */
export interface Draft {
  readonly lines: readonly DraftLine[];
  readonly net: Cents;
  readonly tax: Cents;
  readonly total: Cents;
  readonly more: Readonly<Record<string, string | bigint>>;
}
