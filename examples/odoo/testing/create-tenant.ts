/** For tests only: creates a tenant in a process of its own, which can be killed. */
import { readFile } from 'node:fs/promises';
import { createTenant, DatabaseDoor, type OdooStores } from '@headgate/adapters/execution/odoo/index';
import { Cluster } from '@headgate/adapters/postgres-cluster/cluster';
import type { Programs } from '@headgate/adapters/postgres-cluster/programs';
import { TEMPLATE } from '../bring-up/template.ts';

export interface CreationJob {
  readonly stores: Omit<OdooStores, 'cluster' | 'byName'>;
  readonly cluster: Cluster['config'];
  readonly programs: Programs;
  readonly tenant: string;
}

if (process.argv[2]) {
  const job = JSON.parse(await readFile(process.argv[2], 'utf8')) as CreationJob;
  const stores: OdooStores = { ...job.stores, cluster: new Cluster(job.cluster, job.programs), byName: new Map() };
  const store = { name: job.tenant, database: job.tenant };
  const answer = await createTenant(stores, new DatabaseDoor(stores), { store, template: TEMPLATE });
  if (!answer.ok) throw new Error(answer.why);
}
