/** What of a runbook is a cell of Odoo's own: its PostgreSQL, and its tenants' databases and filestores. */
import { join } from 'node:path';
import { filestoreOf } from '@headgate/adapters/execution/odoo/installation';
import type { OdooCellConfig } from '@headgate/adapters/execution/odoo/odoo-cell-config';
import { runAs } from '@headgate/adapters/machine/run-as';
import type { RebuildPlan, RebuildStep } from '@headgate/domain';
import type { DrAsk } from './ask.ts';
import { fenced, identityOf, word } from './runbook-words.ts';

export function odooServerText({ postgresql, odoo }: OdooCellConfig): string {
  const { clusterDir, port, owner } = postgresql;
  return `The PostgreSQL of the cell is made in ${clusterDir}, on port ${port}, with the role ${owner}, a login for each slot and one that reads; Odoo’s data folder is ${odoo.dataDir}. The router is started, and leads nobody yet.`;
}

export function odooStoreText({ postgresql, odoo, stores, tenants }: OdooCellConfig, name: string): string {
  const database = stores[name]!;
  const [tenant] = Object.entries(tenants).find(([, { store }]) => store === name) ?? ['nobody'];
  return `The tenant ${tenant} comes back: its database ${database} on port ${postgresql.port}, and its filestore to ${filestoreOf(odoo, database)}. Both are compared beside their places, and nobody is let in before the traffic step.`;
}

/** A tenant's, beside its place, and how it is looked at in its place. */
export function odooByHand(
  ask: DrAsk,
  config: OdooCellConfig,
  plan: RebuildPlan,
  { of }: RebuildStep,
): readonly string[] {
  const { postgresql, stores } = config;
  const { clusterDir, port, owner, programsDir } = postgresql;
  const { point } = plan.stores.find(({ name }) => name === of)!;
  const database = stores[of]!;
  const by = `${database}__by_hand`;
  const to = join(`${config.dir}.by-hand`, of);
  const own = (program: string): string => word(join(programsDir, program));
  const login = `export PGHOST=127.0.0.1 PGPORT=${port} PGUSER=postgres PGPASSWORD="$(cat ${word(join(clusterDir, 'password'))})"`;
  const user = runAs()?.name;
  return [
    'To look at it once it is done:',
    fenced(
      login,
      `${own('psql')} -d ${word(database)} -c "select name, latest_version from ir_module_module where state = 'installed' order by name"`,
    ),
    'If the step doesn’t do it, beside its place:',
    fenced(
      `headgate-agent restore-points fetch --config ${word(ask.configFile)} --store ${of} --cell ${plan.cell} --id ${point.id}${identityOf(ask)} --to ${word(to)}`,
      login,
      `${own('createdb')} --owner=${word(owner)} --template=template0 --encoding=UTF8 ${word(by)}`,
      `${own('psql')} -d ${word(by)} -c 'revoke connect on database "${by}" from public'`,
      `${own('pg_restore')} --exit-on-error --role=${word(owner)} --dbname=${word(by)} ${word(join(to, point.id, 'dump'))}`,
    ),
    `Its files lie in ${join(to, point.id, 'filestore')} then${user === undefined ? '' : `, and have to be ${user}’s where Odoo is to read them`}.`,
  ];
}
