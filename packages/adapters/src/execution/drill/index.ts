/**
 * Restore drills: a restore point comes back from its vault into a place that is thrown away, what came back is compared with
 * what was promised when it was taken, and all of it is timed. Nothing that serves customers is touched: the copy is a
 * PostgreSQL of its own below a folder of its own, both with a random name that the next drill knows for ours.
 *
 *   drill.ts           the story, from the vault to the facts
 *   bring-back.ts      a copy of a cluster's files becomes a cluster; a dump is loaded into one
 *   transactions.ts    the application's own program, on the copy
 *   amcheck.ts         PostgreSQL's check of tables and indexes
 *   store-to-drill.ts  what a cell's configuration says of a store
 *
 * Rows are compared in the snapshot that was taken before anybody wrote to the copy: business transactions may go first, since
 * they end the clock.
 */
export * from './drill.ts';
export * from './store-to-drill.ts';
