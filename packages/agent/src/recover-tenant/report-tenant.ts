/** Tells the log that one tenant's rows were brought back. */
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import type { DifferenceFile, TenantRecovered } from '@headgate/documents';
import type { AgentConfig } from '../config.ts';
import { reportRestoration } from '../restoration/report-restoration.ts';

export async function reportTenant(
  config: AgentConfig,
  say: (line: string) => void,
  { difference: { environment, cell, store, tenant, moment, was }, digest }: DifferenceFile,
  { by, approval, at, rows }: TenantRecovered,
  { vault }: Pick<CellConfig, 'vault'>,
): Promise<void> {
  await reportRestoration({
    ...{ config, keyFile: vault?.keyFile, say },
    facts: {
      ...{ kind: 'tenant', environment, cell, moment, tenants: [tenant], tenantCount: 1 },
      stores: [{ store, schemaVersion: was.schemaVersion }],
      ...{ subject: digest, by, approvals: [approval], startedAt: at, at, rows, result: 'done' },
    },
  });
}
