import { type CellPorts, observeCell } from '@headgate/adapters/execution/cell';
import { type AnyCellConfig, openAnyCell } from '@headgate/adapters/execution/cell-kinds';
import { execute } from '@headgate/execution';
import { adoptedManifests } from './baseline-manifest.ts';
import type { Cell } from './cell.ts';

/** Opens a cell on the real things that its configuration names, through the adapters. */
export async function openRealCell(config: AnyCellConfig, report: (event: string) => void): Promise<Cell> {
  return cellOn(await openAnyCell(config, report));
}

/** A cell on its ports: what an action does is the executors' to know. */
export function cellOn(ports: CellPorts): Cell {
  const { config } = ports;
  return {
    name: config.cell,
    environment: config.environment,
    application: config.application,
    carryOut: (action, ctx) => execute(action, ctx, ports),
    async observe() {
      const state = await observeCell(ports);
      return { state, manifests: await adoptedManifests(config, state) };
    },
    async keptPoints(store) {
      const { kept } = await ports.restorePoints.list(store);
      return kept.map(({ rollout, point }) => ({ rollout, point }));
    },
    keep: () => ports.supervise(),
    close: () => ports.close(),
  };
}
