/**
 * Embedded PostgreSQL clusters: programs from npm, a data folder of ours, one postmaster each. A cluster outlives the
 * process that started it. Whoever comes next (after a kill -9 of us) finds the postmaster by the folder that it works
 * in and adopts it; whoever finds it dead starts it again once the orphaned backends have gone.
 *
 * The server's own database (18) and the example's stores (15, one cluster a store, because a physical restore point
 * covers a whole cluster) are the same thing here. Everything listens on 127.0.0.1 with passwords (SCRAM) alone.
 */

export * from './cluster.ts';
export * from './cluster-backup.ts';
export * from './cluster-config.ts';
export * from './database.ts';
export * from './postmaster.ts';
export * from './programs.ts';
export * from './settings.ts';
