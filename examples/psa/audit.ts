/**
 * What a run really did, measured at its targets: the customers' journal, the stores and the ERP's ledger. Nothing here
 * reads what Headgate itself wrote down, so that its own books can't make a figure look good.
 */
export * from './audit/customers-away.ts';
export * from './audit/failed-requests.ts';
export * from './audit/findings.ts';
export * from './audit/ledger.ts';
export * from './audit/lost-writes.ts';
