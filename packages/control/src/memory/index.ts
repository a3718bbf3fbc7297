/** The ports in memory: for the simulator and for tests. Nothing here survives the process. */
export * from './memory-blobs.ts';
export * from './memory-log.ts';
export * from './memory-store.ts';
