/**
 * The command line: `main.ts` starts it, `catalog.ts` lists the commands, `exit-codes.ts` is the table of what it ends
 * with. What it does beyond asking the server stands beside it as functions for other programs: sealing and registering a
 * release, running tests as evidence, verifying the whole log.
 */
export * from './connect.ts';
export * from './evidence/attach-test-run.ts';
export * from './exit-codes.ts';
export * from './failure.ts';
export * from './log/verify-log.ts';
export * from './program.ts';
export * from './releases/create-release.ts';
export * from './releases/local-key.ts';
export * from './releases/release-folder.ts';
export * from './releases/resolve-release.ts';
