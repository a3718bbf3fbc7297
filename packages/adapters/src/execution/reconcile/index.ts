/**
 * Two sides of a business fact, as a Reconciliation document describes them: a statement on the store, and paged JSON of
 * another system; what somebody asked for comes from a third place, where there is one. Compared by key; what differs is
 * classified by the document's rules, in order; a rule's statement runs for all of its differences in one fenced
 * transaction, as the application's own login.
 */
export * from './store-and-http-sides.ts';
