import type { Edition } from '../../core/edition.ts';
import { postInvoice } from '../../core/post-invoice.ts';
import { draft } from './draft.ts';

/** 1.1.0: a project may have a discount, which each line of its invoices shows. */
export const edition: Edition = {
  version: '1.1.0',
  schemaRange: { min: 2, max: 3 },
  discounts: true,
  draft,
  postInvoice,
};
