/**
 * What the steps of a cell really act through: processes in slots, a router, PostgreSQL 15 stores with their restore
 * points, business transactions over HTTP, reconciliation. Only the agent, and what brings an example up, imports this.
 */
export * from './cell.ts';
export * from './cell-config.ts';
export * from './command-migrator/index.ts';
export * from './component-environment.ts';
export * from './http-checks/index.ts';
export * from './object-store/index.ts';
export * from './process/index.ts';
export * from './program-run/index.ts';
export * from './reconcile/index.ts';
export * from './restore-points/index.ts';
export * from './router/index.ts';
export * from './sql-migrator/index.ts';
export * from './store/store-session.ts';
export * from './vault/index.ts';
