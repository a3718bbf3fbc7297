import { type CellPorts, observeCell } from '@headgate/adapters/execution/cell';
import { type AnyCellConfig, openAnyCell } from '@headgate/adapters/execution/cell-kinds';
import { takenForRollout } from '@headgate/domain';
import { compensate, execute } from '@headgate/execution';
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
    compensate: (ask, ctx) => compensate(ask, ctx, ports.ledgerSides),
    async observe() {
      const state = await observeCell(ports);
      return { state, manifests: await adoptedManifests(config, state) };
    },
    async keptPoints(store) {
      const { kept } = await ports.restorePoints.list(store);
      // What was taken by schedule no rollout goes back to by itself: it would only crowd out what one may need.
      return kept.filter(takenForRollout).map(({ rollout, point }) => ({ rollout, point }));
    },
    keep: () => ports.supervise(),
    close: () => ports.close(),
  };
}
