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
 * once stay: customers may have been told of them. So does what somebody added by hand and a service says nothing of (a vault, say),
 * and its tenants with how a request names them: what went missing there would be missed when it is needed.
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
    const text = await readIfThere(file);
    const ports = portsIn(text) ?? (await freshPorts());
    const config = withOwnParts(serviceCell(service, environment, dir, ports), text);
    parseCellConfig(config);
    await writeDurably(file, `${JSON.stringify(config, null, 2)}\n`, 0o600);
    files.push(file);
  }
  return files;
}

/** Of a cell's file, what a service says: the rest is somebody's own. */
const OF_SERVICE: readonly (keyof CellConfigInput)[] = [
  ...(['cell', 'environment', 'application', 'dir', 'slots', 'env', 'storeEnv', 'stores', 'externalStores'] as const),
  ...(['tenants', 'router'] as const),
];

/** A service's cell with what somebody added to the file that was there. */
function withOwnParts(config: CellConfigInput, text: string | undefined): CellConfigInput {
  if (text === undefined) return config;
  const before = JSON.parse(text) as CellConfigInput;
  const own = Object.entries(before).filter(([part]) => !OF_SERVICE.some((each) => each === part));
  const { tenants = config.tenants, router = config.router } = before;
  const tenantBy = router.tenantBy ?? config.router.tenantBy;
  return {
    ...config,
    ...Object.fromEntries(own),
    tenants,
    router: { ...config.router, ...(tenantBy !== undefined && { tenantBy }) },
  };
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
