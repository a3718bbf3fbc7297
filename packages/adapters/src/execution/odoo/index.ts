/**
 * Odoo, as a system whose tenants each have a database and a filestore of their own. What is special about it: only
 * Odoo's own upgrade can migrate a database; old code can't serve an upgraded one; and a broken tenant still answers
 * the health check with "pass". So a tenant is upgraded in a maintenance window of its own, in which nobody but the upgrade reaches
 * its database (`database-door`), what runs there is read from the database itself (`installed-modules`) by a login as
 * which nothing of the tenant's own ever runs (`reader`), and what went wrong is undone by the tenant's own restore point,
 * database and files together (`odoo-restore-points`).
 *
 * What we remember stands beside the tenants' databases, never in them (`records`). The serving processes never run
 * scheduled jobs; one process a slot does, for exactly the tenants routed there (`cron-workers`).
 *
 * A cell is shared (one set of processes for all tenants of a slot) or dedicated (one tenant, and processes that know its
 * database alone); everything else is the same for both. What tells whether a tenant is sound is business:
 * `business/professional-services.yaml` is a verification that any Odoo with timesheets and accounting can take as it is,
 * by JSON-2 and by XML-RPC, and says in its head what a database needs for it.
 */
export { type BoundedRun, type RunResult, runBounded } from '../program-run/bounded-run.ts';
export * from './command.ts';
export * from './compatibility.ts';
export * from './cron-workers.ts';
export * from './data-view.ts';
export * from './database-door.ts';
export * from './dump.ts';
export * from './installation.ts';
export * from './installed-modules.ts';
export * from './odoo-migrator.ts';
export * from './odoo-restore-points.ts';
export * from './reader.ts';
export * from './records.ts';
export * from './store.ts';
export * from './tenant-creation.ts';
export * from './tenant-swap.ts';
export * from './upgrade-document.ts';
export * from './version-records.ts';
