/**
 * A release's migrations, run on a copy of a store before they run on the store. It runs where the agent runs: that machine
 * alone holds the stores' credentials.
 *
 *   copy-from-point.ts    the latest restore point, restored by the port that restores after a failure: a drill of it, too
 *   copy-from-aside.ts    the same of stores whose restore points pgBackRest keeps, or somebody's program as snapshots
 *   copy-from-dump.ts     a database that is there, dumped
 *   throw-away-*.ts       random names, always dropped; what a kill -9 left goes with the next rehearsal
 *   rehearse.ts           forward, back, forward; checksums and plans around them
 *   run-pass.ts           one way: its files, and readers and writers beside them
 *   trace-file.ts         one file, statement by statement, as its runner would; looks.ts asks, statement-diff.ts concludes
 *   trace-program.ts      one call of the application's own program, seen from outside; program-on-copy.ts points it at the copy
 *   lock-watch.ts         a second session that looks at the first one's locks
 *   canaries.ts           what people would have felt
 *   fingerprint.ts        every object by its definition, every table by checksums
 *   plans.ts              the plans of an application's heaviest statements
 *   business/             the application's business transactions on the migrated copy, of the old version and the new
 *   under-load/           the migrations once more, interrupted and tried again while users work
 *
 * What is said of a statement is what a server said of it. Each look costs a millisecond or two while the locks are held;
 * that time is taken off what is told of the migration, and is in what the canaries felt.
 *
 * The copy's migrations run as they do in production: by a login that may be the application's owner and nothing more
 * (../sql-migrator/index.ts), with its lock timeout, a file in one transaction. Only that they are carried out one by one
 * differs, since between two of them somebody has to look.
 */
export { type BusinessAsk, whyNoBusiness } from './business/run-business.ts';
export type { ReleaseWithFiles } from './business/serving-releases.ts';
export * from './copy.ts';
export * from './copy-from-aside.ts';
export * from './copy-from-dump.ts';
export { copyFromDumpPoint, copyFromPhysicalPoint } from './copy-from-point.ts';
export * from './copy-server.ts';
export { heaviestIn, heavyStatements } from './plans.ts';
export type { ProgramToRun } from './program-on-copy.ts';
export * from './rehearse.ts';
export { sweepClusters } from './throw-away-cluster.ts';
export { sweepDatabases } from './throw-away-database.ts';
export type { Load } from './under-load/run-under-load.ts';
