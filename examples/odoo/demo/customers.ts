import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LoadProcess } from '@headgate/example-psa/demo/load-process.ts';
import type { BroughtUpCell } from '../bring-up/cell.ts';
import type { OdooLoadConfig } from '../load/journal-line.ts';

/** How often each tenant's customers ask. */
export interface Pace {
  readonly readsPerSecond: number;
  readonly writesPerSecond: number;
}

const TIME_LIMIT_MS = 10_000;

/** Starts the customers of these cells, as a process of its own. `folder` gets its configuration and journal. */
export async function startCustomers(
  cells: readonly BroughtUpCell[],
  folder: string,
  pace: Pace,
): Promise<LoadProcess> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const config: OdooLoadConfig = {
    journalFile: join(folder, `load-${Date.now()}.jsonl`),
    cells: cells.map(({ cell, url, tokensFile, stores, host }) => ({
      url,
      tokensFile,
      peopleFile: join(stores.dir, 'tenant-access.json'),
      tenants: cell.tenants.map(({ id }) => ({ id, host: host(id) })),
    })),
    ...pace,
    timeLimitMs: TIME_LIMIT_MS,
  };
  const main = fileURLToPath(new URL('../load.ts', import.meta.url));
  return LoadProcess.run(main, join(folder, 'load.json'), { ...config });
}
