/** What an agent tells of a store's vault, by what it saw last and how far the log goes. */
import { join } from 'node:path';
import { openCellVault } from '@headgate/adapters/execution/vault/open-cell-vault';
import { sealedWorld } from '@headgate/adapters/execution/vault/testing/sealed-world';
import type { Action, ToldVault } from '@headgate/domain';
import type { StepContext } from '@headgate/execution';
import { expect, test } from 'vitest';
import type { StoreWal } from '../schedule/wal-rounds.ts';
import { CountingCell, silent } from '../testing/bench-agent.ts';
import { eventually } from '../testing/poll.ts';
import type { CellOfVault } from '../vault-cells.ts';
import { pointsWatched } from './points-watched.ts';
import { type Standing, toldOf, VaultRounds } from './vault-rounds.ts';

const HOUR = 3_600_000;
const OF = { store: 'main', where: 'vault', rpoMs: HOUR } as const;

/** Hours from now; those of the past are negative. */
function told(takenIn: number, reachedIn?: number) {
  const now = Date.now();
  const at = (hours: number) => now + hours * HOUR;
  const seen = { newest: { id: 'rp-1', takenAt: at(takenIn) }, unreadable: 0, goesOn: true, at: performance.now() };
  const wal: StoreWal | undefined =
    reachedIn === undefined ? undefined : { store: 'main', where: 'vault', reachedAt: at(reachedIn) };
  const { lostMs, why } = toldOf(OF, { seen } satisfies Standing, wal) ?? {};
  return { lost: lostMs === undefined ? undefined : Math.round(lostMs / HOUR), why };
}

test('what would be lost is what was written since the newest restore point, or since the log ends', () => {
  expect(told(-5)).toEqual({ lost: 5, why: undefined });
  expect(told(-5, -2)).toEqual({ lost: 2, why: undefined });
});

test('what a clock that jumped ahead has written says nothing of what would be lost', () => {
  const words = 'rp-1 is dated ahead of the clock here: when it was taken nobody knows';
  expect(told(24)).toEqual({ lost: undefined, why: words });
  expect(told(24, -2)).toEqual({ lost: 2, why: words });
  // Its log does no more.
  expect(told(-5, 24)).toEqual({ lost: 5, why: undefined });
});

test('the log counts only from where it was looked at: from an older restore point what would be lost isn’t known', () => {
  const now = Date.now();
  const lost = (goesOnAt: number, wholeFrom?: number) => {
    const newest = { id: 'rp-1', takenAt: now - 5 * HOUR };
    const seen = { newest, unreadable: 0, goesOn: true, goesOnAt, at: performance.now() };
    const wal = { store: 'main', where: 'vault', reachedAt: now } as const;
    return toldOf(OF, { seen }, { ...wal, ...(wholeFrom !== undefined && { wholeFrom }) });
  };
  expect(lost(7, 7)?.lostMs).toBeLessThan(HOUR);
  expect(lost(8, 7)?.lostMs).toBeLessThan(HOUR);
  for (const told of [lost(6, 7), lost(7)]) {
    expect(told).not.toHaveProperty('lostMs');
    expect(told?.why).toMatch(/isn’t known yet: it is being looked at$/);
  }
});

test('a restore point that was taken in the cell is looked at and told at once, however long it is until the next look', async () => {
  const world = await sealedWorld();
  const of = {
    ...{ store: { kind: 'folder' as const, dir: world.vaultDir }, recipients: [world.recipient], required: true },
    ...{ keyFile: join(world.dir, 'own.pem'), demands: [], keep: { last: 2, days: 0, weeks: 0 }, partMiB: 1 },
  };
  const vault = (await openCellVault(of, new Map([['main', { restorePointsDir: world.pointsDir, tenants: [] }]])))!;
  const stores = { main: { restorePointsDir: world.pointsDir } };
  const cell = { cell: 'shared', environment: 'production', kind: 'process', vault: of, stores, tenants: {} };
  const told: ToldVault[] = [];
  const rounds = new VaultRounds({
    ...{
      cells: [cell as unknown as CellOfVault],
      everyMs: HOUR,
      lookEveryMs: HOUR,
      log: silent,
      trust: { signers: [] },
    },
    plane: { tellVaults: async (_cell, all) => void told.push(...all) },
    ...{ wal: () => [], lookAtLog() {}, halfWay: async () => undefined },
  });
  try {
    rounds.start();
    await eventually(() => told.length > 0);
    expect(told.at(-1)).not.toHaveProperty('point');
    const held = new CountingCell();
    held.act = async (_action, ctx) => {
      const point = await world.lay('rp-20260101t000000z-aaaaaa', { 'data/PG_VERSION': 3 }, { takenAt: Date.now() });
      await vault.keep(point, ctx);
      return { kind: 'done', result: { observedAt: Date.now() } };
    };
    const watched = pointsWatched(held, () => rounds.lookAgain('shared'));
    await watched.carryOut({ kind: 'restore-point', store: 'main' } as Action, world.context() as StepContext);
    await eventually(() => told.at(-1)?.point?.id === 'rp-20260101t000000z-aaaaaa');
  } finally {
    await rounds.stop();
    await world.remove();
  }
});
