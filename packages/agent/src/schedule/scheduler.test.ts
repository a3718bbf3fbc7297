/** When restore points are taken without a promotion: on a vault in a folder, by a cell that lays them out. */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openCellVault } from '@headgate/adapters/execution/vault/open-cell-vault';
import { type SealedWorld, sealedWorld } from '@headgate/adapters/execution/vault/testing/sealed-world';
import { ownSigners } from '@headgate/adapters/execution/vault/vault-key';
import { listVault } from '@headgate/adapters/execution/vault/vaulted-points';
import type { Outcome } from '@headgate/domain';
import type { StepContext, Vault } from '@headgate/execution';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CellWorker, type WorkerParts } from '../assignments/cell-worker.ts';
import { CountingCell, silent } from '../testing/bench-agent.ts';
import { eventually } from '../testing/poll.ts';
import type { CellOfVault } from '../vault-cells.ts';
import { ScheduleFile } from './schedule-file.ts';
import { Scheduler, type SeenThere } from './scheduler.ts';
import { scheduleLines } from './words.ts';

let world: SealedWorld;
let vault: Vault;
let cell: CountingCell;
let worker: CellWorker;
let config: CellOfVault;
let scheduler: Scheduler;
let seen: SeenThere | undefined;
let laid = 0;
let sealed = 0;

beforeEach(async () => {
  world = await sealedWorld();
  seen = undefined;
  laid = 0;
  sealed = 0;
  const of = {
    ...{ store: { kind: 'folder' as const, dir: world.vaultDir }, recipients: [world.recipient], required: true },
    ...{ keyFile: join(world.dir, 'own.pem'), demands: [], keep: { last: 2, days: 0, weeks: 0 }, partMiB: 1 },
    schedule: { everyMs: 1_000 },
  };
  const stores = new Map([['main', { restorePointsDir: world.pointsDir, tenants: [] }]]);
  vault = (await openCellVault(of, stores))!;
  config = { cell: 'shared', environment: 'production', application: 'psa', vault: of } as unknown as CellOfVault;
  cell = new CountingCell();
  cell.act = (_action, ctx) => lay(ctx);
  worker = new CellWorker({ log: silent, stepEnded: () => {} } as unknown as WorkerParts);
  worker.holds(cell);
  await start();
});
afterEach(async () => {
  await scheduler.stop();
  await world.remove();
});

async function start(): Promise<void> {
  scheduler = new Scheduler({
    cells: [config],
    stores: () => ['main'],
    trust: { signers: [] },
    file: await ScheduleFile.open(world.dir),
    plane: { recordDrill: async () => 'recorded' },
    log: silent,
    worker: () => worker,
    seen: () => seen,
    epoch: () => 4,
    goesBack: () => false,
  });
}

/** What the cell's restore points do, without a database. */
async function lay(ctx: StepContext): Promise<Outcome> {
  const id = `rp-2026010${++laid}t000000z-aaaaaa`;
  const { rollout, step } = ctx;
  const point = await world.lay(
    id,
    { 'data/PG_VERSION': 3, 'data/base/1': 1_000 },
    { takenAt: Date.now(), rollout, step },
  );
  const kept = await vault.keep(point, ctx);
  if (kept.kind === 'sealed') sealed += 1;
  if (kept.kind === 'sealed') return { kind: 'done', result: { observedAt: Date.now(), restorePoint: point } };
  return { kind: 'waiting', reason: 'why' in kept ? kept.why : kept.kind, untilMs: 1 };
}

async function inVault(): Promise<readonly string[]> {
  const of = { environment: 'production', cell: 'shared', store: 'main' };
  const signers = { signers: await ownSigners(join(world.dir, 'own.pem')) };
  const { points } = await listVault(world.objects, of, signers, new AbortController().signal);
  return points.map(({ id }) => id);
}

test('one is taken when it is due, for no rollout, and what no rule keeps goes', async () => {
  scheduler.start();
  await eventually(() => sealed >= 3, 20_000);
  await scheduler.stop();
  const left = await inVault();
  expect(left.length).toBeLessThanOrEqual(2);
  expect(cell.done.every(({ kind }) => kind === 'restore-point')).toBe(true);
  expect(scheduler.of('shared')).toMatchObject([{ store: 'main', points: { lastAt: expect.any(Number) } }]);
  expect(scheduleLines(scheduler.of('shared'), Date.now()).join()).toMatch(
    /store main: restore point of .* ago, the next/,
  );
});

test('one is due at once where the newest one is gone, as somebody saw who looks there often', async () => {
  await scheduler.stop();
  config = { ...config, vault: { ...config.vault, schedule: { everyMs: 3_600_000 } } } as CellOfVault;
  await start();
  scheduler.start();
  await eventually(() => sealed === 1, 20_000);
  const [newest] = await inVault();
  seen = { newest: newest!, gap: false };
  await scheduler.stop();
  await start();
  scheduler.start();
  await eventually(() => scheduler.of('shared')[0]?.points?.lastAt !== undefined, 20_000);
  expect(scheduler.of('shared')[0]?.points?.dueAt).toBeGreaterThan(Date.now() + 3_000_000);
  expect(sealed).toBe(1);
  await rm(join(world.vaultDir, 'points'), { recursive: true });
  seen = { gap: false };
  await eventually(() => sealed === 2, 40_000);
});

test('it goes by the others where the newest one is spoilt: one is due so long after them', async () => {
  await scheduler.stop();
  const older = Date.now() - 3_000_000;
  for (const [id, takenAt] of [
    ['rp-20250101t000000z-aaaaaa', older],
    ['rp-20250102t000000z-aaaaaa', Date.now()],
  ] as const)
    await vault.keep(await world.lay(id, { 'data/PG_VERSION': 3 }, { takenAt }), world.context());
  config = { ...config, vault: { ...config.vault, schedule: { everyMs: 3_600_000 } } } as CellOfVault;
  await start();
  scheduler.start();
  const dueAt = (): number => scheduler.of('shared')[0]?.points?.dueAt ?? 0;
  await eventually(() => dueAt() > Date.now() + 3_000_000, 20_000);
  const newest = join(world.vaultDir, 'points', 'production', 'shared', 'main', 'rp-20250102t000000z-aaaaaa');
  await rm(join(newest, 'database-00001.age'));
  seen = { newest: 'rp-20250101t000000z-aaaaaa', gap: false };
  await eventually(() => dueAt() === older + 3_600_000, 40_000);
  expect(sealed).toBe(0);
  await scheduler.stop();
  config = { ...config, vault: { ...config.vault, schedule: { everyMs: 1_000_000 } } } as CellOfVault;
  await start();
  scheduler.start();
  await eventually(() => sealed === 1, 20_000);
});

test('what a rollout took last stays, however many are taken since', async () => {
  const point = await world.lay(
    'rp-20250101t000000z-aaaaaa',
    { 'data/PG_VERSION': 3 },
    { takenAt: Date.now() - 9_000, rollout: 'prm_1.shared' },
  );
  expect(await vault.keep(point, world.context({ rollout: 'prm_1.shared' }))).toMatchObject({ kind: 'sealed' });
  scheduler.start();
  await eventually(() => sealed >= 3, 20_000);
  await scheduler.stop();
  expect(await inVault()).toContain('rp-20250101t000000z-aaaaaa');
});

test('none is taken while a step of a promotion is at work, and one that comes ends what is under way first', async () => {
  const held = Promise.withResolvers<void>();
  const events: string[] = [];
  cell.act = async (_action, ctx) => {
    events.push('begins');
    await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true }));
    await held.promise;
    events.push('stopped');
    return { kind: 'failed', code: 'expired', why: 'it was ended' };
  };
  scheduler.start();
  await eventually(() => events.length === 1);
  expect(scheduler.of('shared')).toMatchObject([{ atWork: 'restore-point' }]);
  expect(worker.aside(async () => {})).toBeUndefined();
  const yielded = worker.yields().then(() => events.push('step'));
  held.resolve();
  await yielded;
  await scheduler.stop();
  expect(events).toEqual(['begins', 'stopped', 'step']);
  // What was put off didn't fail.
  expect((await ScheduleFile.open(world.dir)).of('shared', 'main')).toEqual({
    points: { failures: 0 },
    drills: { failures: 0 },
  });
});

test('what fails is said, comes again later, and is known after a restart', async () => {
  cell.act = async () => ({ kind: 'failed', code: 'check-failed', why: 'the disk is broken' });
  scheduler.start();
  await eventually(() => cell.done.length >= 1);
  await scheduler.stop();
  await start();
  expect((await ScheduleFile.open(world.dir)).of('shared', 'main').points).toMatchObject({
    failures: 1,
    why: 'the disk is broken',
  });
  cell.act = (_action, ctx) => lay(ctx);
  scheduler.start();
  await eventually(() => sealed >= 1, 20_000);
  await eventually(() => scheduler.of('shared')[0]?.points?.lastAt !== undefined);
  await scheduler.stop();
  expect((await ScheduleFile.open(world.dir)).of('shared', 'main').points).toMatchObject({ failures: 0 });
});

test('one that isn’t sealed in the vault is none, although the step’s executor took it', async () => {
  cell.act = async (_action, ctx) => ({
    kind: 'done',
    result: {
      observedAt: Date.now(),
      restorePoint: await world.lay(`rp-2026010${++laid}t000000z-bbbbbb`, { 'data/PG_VERSION': 3 }, { step: ctx.step }),
    },
  });
  scheduler.start();
  await eventually(() => scheduler.of('shared')[0]?.points?.why !== undefined);
  expect(scheduler.of('shared')[0]?.points?.why).toBe('it isn’t sealed in the vault');
});
