/** A proposal to put a tenant of Odoo back in its place: brings it back beside itself, database and files, compares, and says what would be lost. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asideOf, type BroughtTenant } from '@headgate/adapters/execution/odoo/moment/bring-tenant';
import { compareTenants } from '@headgate/adapters/execution/odoo/moment/compare-tenants';
import { odooStores } from '@headgate/adapters/execution/odoo/odoo-cell';
import type { OdooCellConfig } from '@headgate/adapters/execution/odoo/odoo-cell-config';
import { findStore, type OdooStore, type OdooStores } from '@headgate/adapters/execution/odoo/store';
import { oneLine } from '@headgate/documents';
import type { StoreProposal } from '@headgate/domain';
import { momentWords } from '../recover/bring-beside.ts';
import { bringOdooTenant } from '../recover/odoo-tenant.ts';
import { tenantsIn } from '../restoration/tenants-in.ts';
import type { ProposeAsk, Proposed } from './propose-ask.ts';
import { inSlots } from './serving.ts';

/** Throws, in words, why there is none. */
export async function proposeTenant(ask: ProposeAsk<OdooCellConfig>): Promise<Proposed> {
  const { cell, store: name, to } = ask;
  const live = odooStores(cell);
  const store = findStore(live, name);
  if ((await live.cluster.postmaster())?.ready !== true)
    throw new Error(
      `the PostgreSQL of ${cell.cell} doesn’t run, so what would be lost can’t be counted; start its agent, or rebuild the cell where it is lost: headgate-agent dr plan --config FILE`,
    );
  if (tenantsIn(cell, name).tenantCount === 0)
    throw new Error(`no tenant of ${cell.cell} lives in the store ${name}: nobody would be held`);
  const brought = await bringOdooTenant({ ...ask, compare: false });
  if (!brought.ok) throw new Error(brought.why);
  try {
    return await proposalOf(ask, live, store, brought.value);
  } catch (error) {
    // Production's data, that nobody would look after.
    await brought.value.cluster.stop(0);
    await rm(to, { recursive: true, force: true });
    throw error;
  }
}

async function proposalOf(
  { cell, moment, to, by, because, signal, say }: ProposeAsk<OdooCellConfig>,
  live: OdooStores,
  store: OdooStore,
  { cluster, point, lastCommitAt, files }: BroughtTenant,
): Promise<Proposed> {
  const { name } = store;
  say('Both are compared, row by row and in all that isn’t a row …');
  const compared = await compareTenants(live, asideOf(live, cluster, store, to), store, signal);
  const { tables, others, othersInAll, byItself } = compared;
  const { serving, idle } = await inSlots(cell, name);
  const proposal: StoreProposal = {
    ...{ environment: cell.environment, cell: cell.cell, store: name, moment: momentWords(moment), point },
    ...(lastCommitAt !== undefined && { keptAt: lastCommitAt }),
    ...{ live: compared.live.side, was: compared.was.side, tables, others, othersInAll, databases: [] },
    ...{ tenants: tenantsIn(cell, name).tenants, serving, files: [] },
    odoo: {
      ...{ database: compared.live.database, objects: compared.was.objects, byItself },
      ...{ files: files.files, bytes: files.bytes, lacking: [...new Set(files.lacking.map(({ name: each }) => each))] },
    },
    ...{ place: join(to, 'cluster'), by, because: oneLine(because, 500), madeAt: Date.now() },
  };
  return { proposal, cluster, idle };
}
