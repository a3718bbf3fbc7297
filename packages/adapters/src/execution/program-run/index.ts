/**
 * Somebody else's program, run to its end on behalf of a step: niced, in a group of its own, within a deadline, with a clean
 * environment and bounded output in which no secret shows. An agent may be killed at any moment, and the program lives on;
 * whoever runs the next one in the same folder ends it first (`leftovers.ts`). What the program works on is a release's
 * files, laid out from the signed manifest (`lay-out-files.ts`).
 */
export * from './bounded-run.ts';
export * from './lay-out-files.ts';
export * from './leftovers.ts';
export * from './masking.ts';
