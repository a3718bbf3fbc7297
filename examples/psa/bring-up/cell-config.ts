import path from 'node:path';
import type { CellConfigInput } from '@headgate/adapters/execution/cell-config';
import type { ExampleCell } from '../tenants.ts';
import { type Layout, SLOTS } from './layout.ts';

/** What the agent is told about a cell of the example. */
export function cellConfigOf(
  layout: Layout,
  cell: ExampleCell,
  erp: { readonly url: string; readonly tokenFile: string },
  node: string,
): CellConfigInput {
  const ports = layout.ports.cells[cell.cell];
  if (ports === undefined) throw new Error(`ports.json has no ports for the cell ${cell.cell}`);
  const store = path.join(layout.root, 'stores', cell.store);
  const secret = (name: string): string => path.join(layout.root, 'secrets', name);
  const tenantTokensFile = secret(`${cell.cell}-tenant-tokens.json`);
  return {
    cell: cell.cell,
    environment: cell.environment,
    application: 'psa',
    dir: path.join(layout.root, 'cells', cell.cell),
    node,
    slots: Object.fromEntries(SLOTS.map((slot) => [slot, { web: ports.web[slot], worker: 0 }])),
    slotVariable: 'PSA_SLOT',
    slotHeader: 'x-psa-slot',
    env: { ERP_URL: erp.url },
    secretFiles: { ERP_TOKEN_FILE: erp.tokenFile, PSA_TOKENS_FILE: tenantTokensFile },
    storeEnv: { DATABASE_URL: cell.store },
    stores: {
      [cell.store]: {
        clusterDir: path.join(store, 'cluster'),
        port: ports.cluster,
        database: 'psa',
        user: 'psa',
        passwordFile: secret(`${cell.store}-password`),
        archiveDir: path.join(store, 'archive'),
        restorePointsDir: path.join(store, 'restore-points'),
      },
    },
    tenants: Object.fromEntries(cell.tenants.map(({ id, ring }) => [id, { store: cell.store, ring }])),
    router: { listenPort: ports.router, adminPort: ports.admin, tokenFile: secret(`${cell.cell}-router-token`) },
    ledger: { url: erp.url, tokenFile: erp.tokenFile },
    tenantTokensFile,
    drainMs: 5_000,
  };
}
