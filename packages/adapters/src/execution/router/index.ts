/**
 * The traffic port's real part: a router process of ours that sends each tenant's requests (`/t/<tenant>/…`) to a slot,
 * by percentage where a tenant is split, and a table in each store under which workers claim jobs. Both move under the
 * same fence: first the table, then the router.
 *
 * The router outlives the agent and remembers its routes on disk before it says that it took them. While traffic moves,
 * new requests go to the new slot at once and old ones end where they began; how many still run is counted by tenant
 * and slot, so that a slot is retired only once nothing runs there. One whose client left counts until its slot answered.
 *
 * Proxying itself is @fastify/reply-from's. Connections to a slot are kept for one second only, well below what servers
 * keep them for (Node: five), so that no request is written into a connection that the slot is closing.
 */
export * from './cell-traffic.ts';
export * from './router-client.ts';
export * from './router-process.ts';
export * from './routing-table.ts';
