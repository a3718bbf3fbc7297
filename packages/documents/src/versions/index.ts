/**
 * Forms of documents that were written for an older Headgate: converted at every door, and rewritten when people ask for
 * it. What an older form looked like is said in one place, as a function on plain data.
 */
export { type Converted, toCurrent } from './conversions.ts';
export { type Migrated, migrateText } from './migrate-text.ts';
