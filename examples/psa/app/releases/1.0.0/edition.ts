import type { Edition } from '../../core/edition.ts';
import { postInvoice } from '../../core/post-invoice.ts';
import { draft } from './draft.ts';

/** 1.0.0: time, approvals, invoices. */
export const edition: Edition = {
  version: '1.0.0',
  schemaRange: { min: 1, max: 2 },
  discounts: false,
  draft,
  postInvoice,
};
