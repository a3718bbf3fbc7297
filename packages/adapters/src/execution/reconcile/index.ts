/**
 * Two sides of a business fact, as a Reconciliation document describes them: a statement on the store, and paged JSON of
 * another system. Compared by key; what differs is classified by the document's rules, in order; a rule's statement runs
 * for all of its differences in one fenced transaction, as the application's own login.
 */
export * from './store-and-http-sides.ts';
