import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { freePorts } from '@headgate/adapters/machine/free-port';
import { homeFor, makeRootFolder } from '@headgate/adapters/machine/reachable';
import { runAs } from '@headgate/adapters/machine/run-as';
import { EXAMPLE_CELLS } from '../tenants.ts';

export const SLOTS = ['blue', 'green'] as const;

/** Which port each part of the example has, for good: whoever comes next finds and adopts what runs there. */
export interface Ports {
  readonly erp: { readonly service: number; readonly cluster: number };
  readonly cells: Readonly<Record<string, CellPorts>>;
}

export interface CellPorts {
  readonly router: number;
  readonly admin: number;
  readonly cluster: number;
  readonly web: Readonly<Record<(typeof SLOTS)[number], number>>;
}

/**
 * Where the example stands:
 *
 *   ports.json                    chosen once
 *   secrets/                      tokens and passwords, 0600
 *   stores/<store>/               cluster/, archive/, restore-points/
 *   cells/<cell>/                 the cell's folder, as the process target lays it out
 *   cells/<cell>.json             the cell's configuration for the agent
 *   erp/                          the ERP's cluster and process
 */
export interface Layout {
  readonly root: string;
  readonly ports: Ports;
}

/** Finds the example's folder for a data folder, or makes it and picks its ports. */
export async function openLayout(dataDir: string): Promise<Layout> {
  const root = path.join(await homeFor(dataDir, runAs()), 'psa');
  await makeRootFolder(root);
  for (const folder of ['stores', 'cells', 'erp']) await makeRootFolder(path.join(root, folder));
  await mkdir(path.join(root, 'secrets'), { recursive: true, mode: 0o700 });
  const file = path.join(root, 'ports.json');
  const before = await readIfThere(file);
  if (before !== undefined) return { root, ports: JSON.parse(before) as Ports };
  const ports = await pickPorts();
  await writeDurably(file, `${JSON.stringify(ports, null, 2)}\n`, 0o600);
  return { root, ports };
}

async function pickPorts(): Promise<Ports> {
  const each = 5;
  const free = await freePorts(2 + each * EXAMPLE_CELLS.length);
  const at = (index: number): number => free[index]!;
  const cells = EXAMPLE_CELLS.map(({ cell }, index) => {
    const first = 2 + each * index;
    const web = { blue: at(first + 3), green: at(first + 4) };
    return [cell, { router: at(first), admin: at(first + 1), cluster: at(first + 2), web }] as const;
  });
  return { erp: { service: at(0), cluster: at(1) }, cells: Object.fromEntries(cells) };
}
