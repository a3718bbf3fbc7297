import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type CellConfigInput, parseCellConfig } from '@headgate/adapters/execution/cell-config';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { freePorts } from '@headgate/adapters/machine/free-port';
import { makeFolder } from '@headgate/adapters/machine/make-folder';
import { readService, type ServiceContent } from '@headgate/documents/service/index';
import { type ServicePorts, serviceCell } from './service-cell.ts';

/** Reads a service's file. Throws every problem on a line of its own. */
export async function loadService(file: string): Promise<ServiceContent> {
  const read = readService(await readFile(file, 'utf8'), file);
  if (!read.ok) throw new Error(read.problems.map((p) => p.message).join('\n'));
  return read.service;
}

/**
 * Writes the cells of a service, one file for each of these environments, and answers with the files. Ports that were chosen
 * once stay: customers may have been told of them.
 */
export async function writeServiceCells(
  service: ServiceContent,
  environments: readonly string[],
  cellsDir: string,
): Promise<readonly string[]> {
  const dir = resolve(cellsDir);
  // Components run as another user where we are root: they must be able to pass.
  await makeFolder(dir, 0o755);
  const files: string[] = [];
  for (const environment of service.spec.environments.filter(({ name }) => environments.includes(name))) {
    const { cell } = serviceCell(service, environment, dir, await freshPorts());
    const file = join(dir, `${cell}.json`);
    const ports = portsIn(await readIfThere(file)) ?? (await freshPorts());
    const config = serviceCell(service, environment, dir, ports);
    parseCellConfig(config);
    await writeDurably(file, `${JSON.stringify(config, null, 2)}\n`, 0o600);
    files.push(file);
  }
  return files;
}

async function freshPorts(): Promise<ServicePorts> {
  const [listen, admin, blue, green, store] = (await freePorts(5)) as [number, number, number, number, number];
  return { listen, admin, blue, green, store };
}

function portsIn(text: string | undefined): ServicePorts | undefined {
  if (text === undefined) return undefined;
  const { router, slots, stores = {} } = JSON.parse(text) as CellConfigInput;
  const [blue, green] = [slots.blue?.web, slots.green?.web];
  if (blue === undefined || green === undefined) return undefined;
  const store = Object.values(stores)[0]?.port ?? 1;
  return { listen: router.listenPort, admin: router.adminPort, blue, green, store };
}
