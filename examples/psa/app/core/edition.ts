import type { BillableEntry, BillingTerms, Draft } from './billing.ts';
import type { PostInvoice } from './post-invoice.ts';

/**
 * What differs from one release of the system to the next. The core is shared source; each release is built with its
 * own edition into files that stand alone, so nothing is shared once it runs.
 */
export interface Edition {
  readonly version: string;
  /** Store schema versions that this release's code runs on. */
  readonly schemaRange: { readonly min: number; readonly max: number };
  /** Whether a project may be given a discount in this release. */
  readonly discounts: boolean;
  /** Turns approved time into an invoice; pure. */
  readonly draft: (terms: BillingTerms, entries: readonly BillableEntry[]) => Draft;
  /** Carries out a `post-invoice` job. */
  readonly postInvoice: PostInvoice;
}
