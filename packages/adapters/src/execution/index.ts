/**
 * What the steps of a cell really act through: processes in slots, a router, PostgreSQL 15 stores with their restore
 * points, business transactions over HTTP, reconciliation. Only the agent, and what brings an example up, imports this.
 */
export * from './cell-config.ts';
export * from './process/index.ts';
export * from './router/index.ts';
export * from './store/store-session.ts';
