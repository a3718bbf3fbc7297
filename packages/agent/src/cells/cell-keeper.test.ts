import { expect, test } from 'vitest';
import { openLog } from '../log.ts';
import type { Cell } from './cell.ts';
import { CellKeeper, type KeeperParts } from './cell-keeper.ts';

/** A keeper of one cell whose looks are the test's. */
function keeperOf(keep: Cell['keep']): CellKeeper {
  const cell = { keep, observe: () => new Promise(() => {}), close: async () => {} } as unknown as Cell;
  return new CellKeeper({
    config: { cell: 'shared' },
    open: async () => cell,
    worker: { holds() {} },
    observeEveryMs: 60_000,
    log: openLog('test', 'silent'),
  } as unknown as KeeperParts);
}

test('a look that takes long does not hold up the next: a store that dies during a deploy is started at once', async () => {
  let looks = 0;
  const deployed = Promise.withResolvers<void>();
  const keeper = keeperOf(() => (++looks === 1 ? deployed.promise : Promise.resolve()));
  keeper.start();
  await expect.poll(() => looks, { timeout: 5_000 }).toBeGreaterThan(2);
  deployed.resolve();
});

test('a look that fails is followed by another', async () => {
  let looks = 0;
  const keeper = keeperOf(async () => {
    looks += 1;
    throw new Error('not now');
  });
  keeper.start();
  await expect.poll(() => looks, { timeout: 5_000 }).toBeGreaterThan(2);
});
