import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { OdooCellConfigInput } from '@headgate/adapters/execution/odoo/odoo-cell-config';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { freePorts } from '@headgate/adapters/machine/free-port';
import { homeFor, makeRootFolder } from '@headgate/adapters/machine/reachable';
import { runAs } from '@headgate/adapters/machine/run-as';
import type { OdooParts } from '../parts/index.ts';
import type { ExampleCell } from './example-cells.ts';

export const SLOTS = ['blue', 'green'] as const;

/** Which port each part of a cell has, for good: whoever comes next finds and adopts what runs there. */
interface CellPorts {
  readonly router: number;
  readonly admin: number;
  readonly cluster: number;
  readonly blue: number;
  readonly green: number;
  readonly websockets: Readonly<Record<(typeof SLOTS)[number], number>>;
}

/**
 * Where the example stands:
 *
 *   ports.json            chosen once
 *   secrets/              tokens and API keys, 0600
 *   clusters/<cell>/      the cell's PostgreSQL
 *   data/<cell>/          Odoo's data folder: filestores
 *   cells/<cell>/         the cell's folder, as the agent lays it out
 *   cells/<cell>.json     the cell's configuration for the agent
 */
export interface Layout {
  readonly root: string;
  readonly ports: Readonly<Record<string, CellPorts>>;
}

/** Finds the example's folder for a data folder, or makes it and picks its ports. */
export async function openLayout(dataDir: string, cells: readonly ExampleCell[]): Promise<Layout> {
  const user = runAs();
  const root = join(await homeFor(dataDir, user), 'odoo');
  await makeRootFolder(root);
  for (const folder of ['cells', 'clusters', 'data']) await makeRootFolder(join(root, folder));
  await mkdir(join(root, 'secrets'), { recursive: true, mode: 0o700 });
  for (const { cell } of cells) {
    // Odoo's own, filestores and all: it makes folders there.
    for (const data of [join(root, 'data', cell), join(root, 'data', cell, 'filestore')]) {
      await makeRootFolder(data);
      if (user) await chown(data, user.uid, user.gid);
    }
  }
  const file = join(root, 'ports.json');
  const before = await readIfThere(file);
  if (before !== undefined) return { root, ports: JSON.parse(before) as Layout['ports'] };
  const free = (await freePorts(7 * cells.length)).values();
  const next = (): number => free.next().value as number;
  const ports = Object.fromEntries(
    cells.map(({ cell }): [string, CellPorts] => [
      cell,
      {
        router: next(),
        admin: next(),
        cluster: next(),
        blue: next(),
        green: next(),
        websockets: { blue: next(), green: next() },
      },
    ]),
  );
  await writeDurably(file, `${JSON.stringify(ports, null, 2)}\n`, 0o600);
  return { root, ports };
}

/** What the agent is told about a cell of the example. */
export function cellConfigOf(layout: Layout, cell: ExampleCell, parts: OdooParts): OdooCellConfigInput {
  const { root } = layout;
  const ports = layout.ports[cell.cell];
  const { workers = 0 } = cell;
  if (ports === undefined) throw new Error(`ports.json has no ports for the cell ${cell.cell}`);
  return {
    kind: 'odoo',
    cell: cell.cell,
    environment: cell.environment,
    application: 'odoo',
    dir: join(root, 'cells', cell.cell),
    odoo: { dir: parts.odoo.dir, dataDir: join(root, 'data', cell.cell), serving: cell.serving ?? 'shared', workers },
    postgresql: {
      clusterDir: join(root, 'clusters', cell.cell),
      port: ports.cluster,
      programsDir: parts.postgresql.bin,
    },
    slots: { blue: ports.blue, green: ports.green },
    ...(workers > 0 && { websocketPorts: ports.websockets }),
    stores: Object.fromEntries(cell.tenants.map(({ id }) => [id, id])),
    tenants: Object.fromEntries(cell.tenants.map(({ id, ring }) => [id, { store: id, ring }])),
    router: {
      listenPort: ports.router,
      adminPort: ports.admin,
      tokenFile: join(root, 'secrets', `${cell.cell}-router-token`),
    },
    tenantTokensFile: join(root, 'secrets', `${cell.cell}-api-keys.json`),
  };
}
