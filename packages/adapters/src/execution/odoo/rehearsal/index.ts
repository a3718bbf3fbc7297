/**
 * Odoo's upgrade, rehearsed on a copy of one tenant before the tenant is held for it. It has the passes of every rehearsal
 * (../../rehearsal/index.ts): the same traces, canaries, checksums and plans. What is Odoo's own stands here.
 *
 *   tenant-copy.ts      the newest restore point on a PostgreSQL and a data folder of its own, by what restores after a failure
 *   neutralise.ts       Odoo's own words for "this is a copy": no mail, no scheduled job, nobody's payment provider
 *   tenant-state.ts     schema, rows and files as one fingerprint
 *   rehearse-tenant.ts  the upgrade by what a promotion uses; the restore as the way back; the upgrade again
 *   under-load/         the upgrade once more, interrupted and tried again while users knock at a tenant that is held
 *   tenant-business.ts  an Odoo on the release's modules, asked as a promotion's checks ask
 */
export * from './rehearse-tenant.ts';
export type { TenantBusinessAsk } from './tenant-business.ts';
export { copyOfTenant, type TenantCopy } from './tenant-copy.ts';
