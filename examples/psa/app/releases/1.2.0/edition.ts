import type { Edition } from '../../core/edition.ts';
import { draft } from './draft.ts';
import { postInvoice } from './post-invoice.ts';

/** 1.2.0: the ledger gets the tax by code and the customer's own document reference. */
export const edition: Edition = {
  version: '1.2.0',
  schemaRange: { min: 3, max: 4 },
  discounts: true,
  draft,
  postInvoice,
};
