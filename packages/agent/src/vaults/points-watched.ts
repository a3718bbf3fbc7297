import type { Cell } from '../cells/cell.ts';

/** The cell, which says when a restore point was taken in it: by a step or by schedule, whatever came of it. */
export function pointsWatched(cell: Cell, taken: () => void): Cell {
  const { name, environment, application } = cell;
  return {
    ...{ name, environment, application },
    async carryOut(action, ctx) {
      try {
        return await cell.carryOut(action, ctx);
      } finally {
        if (action.kind === 'restore-point') taken();
      }
    },
    compensate: (ask, ctx) => cell.compensate(ask, ctx),
    observe: () => cell.observe(),
    keptPoints: (store) => cell.keptPoints(store),
    keep: () => cell.keep(),
    close: () => cell.close(),
  };
}
