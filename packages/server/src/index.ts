/**
 * The server: only wiring. `main.ts` starts it, `run.ts` is its life from start to end, `catalog.ts` what is installed,
 * `http/` one file a resource, `loops/` what runs by itself. It decides nothing and holds no truth: any number of them
 * work on one database, and one that is killed is missed by nobody.
 */
export * from './catalog.ts';
export * from './config.ts';
export * from './control-plane.ts';
export * from './http/server.ts';
export * from './run.ts';
