/**
 * The control plane's storage on PostgreSQL, 15 to 18: rows, the log and its tree, blobs. Everything that must be atomic
 * is one function in the database and one round trip: `commit`, `claim`, `log_place`. The database's clock is the only
 * one; NOTIFY is not used (it makes commits queue); nothing is cached, so any number of servers may share it.
 *
 * Two roles: who migrates owns the tables; the application's role may add to the log and read it, and has no right to
 * change what stands on it. Open `migrations/0003-commit.ts` first.
 */
export * from './agent-contacts.ts';
export * from './bench.ts';
export * from './clock.ts';
export * from './embedded.ts';
export * from './epoch.ts';
export { type Guest, onBehalfOf } from './guests.ts';
export * from './last-looks.ts';
export * from './migrate.ts';
export { MIGRATIONS } from './migrations/index.ts';
export * from './open.ts';
export * from './servers.ts';
export * from './standby-looks.ts';
export * from './standing.ts';
