/**
 * Stores in databases that are there already, on a PostgreSQL that somebody else keeps: a company's own server, or one that
 * a provider runs. Their URLs come from the agent's environment or from 0600 files.
 *
 * Such a server can't be copied as a folder or wound forward by its WAL, so its restore points are dumps (pg_dump's folder
 * format, of one moment, with SHA-256 of every file), and going back fills a database beside the one that serves and changes
 * their names. What needs more than the application's rights is done by `adminUrl`'s login, and that alone.
 */
export * from './connection-url.ts';
export * from './dump-restore-points.ts';
export * from './external-store.ts';
export * from './postgres-tools.ts';
