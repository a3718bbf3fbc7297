import { type CellPorts, observeCell, openCell } from '@headgate/adapters/execution/cell';
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import { execute } from '@headgate/execution';
import { adoptedManifests } from './baseline-manifest.ts';
import type { Cell } from './cell.ts';

/** Opens a cell on the real things that its configuration names, through the adapters. */
export async function openRealCell(config: CellConfig, report: (event: string) => void): Promise<Cell> {
  const ports: CellPorts = await openCell(config, report);
  return {
    name: config.cell,
    environment: config.environment,
    application: config.application,
    carryOut: (action, ctx) => execute(action, ctx, ports),
    async observe() {
      const state = await observeCell(ports);
      return { state, manifests: await adoptedManifests(config, state) };
    },
    keep: () => ports.supervise(),
    close: () => ports.close(),
  };
}
