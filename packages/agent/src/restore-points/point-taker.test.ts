/** A restore point that a person asks for: on a vault in a folder, by a cell that lays it out, through the agent's own door. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openCellVault } from '@headgate/adapters/execution/vault/open-cell-vault';
import { type SealedWorld, sealedWorld } from '@headgate/adapters/execution/vault/testing/sealed-world';
import { ownSigners } from '@headgate/adapters/execution/vault/vault-key';
import { listVault } from '@headgate/adapters/execution/vault/vaulted-points';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CellWorker, type WorkerParts } from '../assignments/cell-worker.ts';
import { type Behind, type Door, openDoor } from '../away/door.ts';
import { knock } from '../away/knock.ts';
import type { AgentConfig } from '../config.ts';
import { CountingCell, silent } from '../testing/bench-agent.ts';
import { takeAsked } from './point-taker.ts';

const ID = 'rp-20260101t000000z-aaaaaa';
let world: SealedWorld;
let cell: CountingCell;
let worker: CellWorker;
let door: Door;
let goesBack = false;

beforeEach(async () => {
  goesBack = false;
  world = await sealedWorld();
  const of = {
    ...{ store: { kind: 'folder' as const, dir: world.vaultDir }, recipients: [world.recipient], required: true },
    ...{ keyFile: join(world.dir, 'own.pem'), demands: [], keep: { last: 2, days: 0, weeks: 0 }, partMiB: 1 },
  };
  const stores = new Map([['main', { restorePointsDir: world.pointsDir, tenants: [] }]]);
  const vault = (await openCellVault(of, stores))!;
  cell = new CountingCell();
  cell.act = async (_action, ctx) => {
    const point = await world.lay(ID, { 'data/PG_VERSION': 3 }, { takenAt: Date.now(), rollout: ctx.rollout });
    ctx.log('laid out');
    const kept = await vault.keep(point, ctx);
    if (kept.kind === 'sealed') return { kind: 'done', result: { observedAt: Date.now(), restorePoint: point } };
    return { kind: 'waiting', reason: 'why' in kept ? kept.why : kept.kind, untilMs: 1 };
  };
  worker = new CellWorker({ log: silent, stepEnded: () => {} } as unknown as WorkerParts);
  worker.holds(cell);
  const config = {
    cells: [
      {
        ...{ kind: 'process', cell: 'shared', environment: 'production', externalStores: {} },
        ...{ stores: { main: { restorePointsDir: world.pointsDir } }, tenants: { ada: { store: 'main' } } },
      },
    ],
  } as unknown as AgentConfig;
  const parts = { config, log: silent, worker: () => worker, epoch: () => 4, goesBack: () => goesBack };
  const behind = {
    status: async () => ({}),
    takePoint: (...[ask, say]) => takeAsked(parts, ask, say),
  } as Partial<Behind>;
  door = await openDoor(world.dir, behind as Behind);
});
afterEach(async () => {
  await door?.close();
  await world?.remove();
});

async function ask(store = 'main', of = 'shared') {
  const lines: string[] = [];
  const answer = await (await knock(world.dir))!.takePoint({ cell: of, store }, (line) => lines.push(line));
  return { answer, lines };
}

async function inVault(): Promise<readonly string[]> {
  const of = { environment: 'production', cell: 'shared', store: 'main' };
  const signers = { signers: await ownSigners(join(world.dir, 'own.pem')) };
  return (await listVault(world.objects, of, signers, new AbortController().signal)).points.map(({ id }) => id);
}

test('it is taken and sealed, as one by schedule is, and who asked is told of each', async () => {
  const { answer, lines } = await ask();
  expect(answer).toMatchObject({ ok: true, value: { id: ID, takenAt: expect.any(Number), bytes: 3, told: lines } });
  expect(lines).toEqual(['laid out']);
  expect(await inVault()).toEqual([ID]);
});

test('where the vault can’t take it the answer is no, with the reason', async () => {
  await rm(world.vaultDir, { recursive: true });
  const { answer } = await ask();
  expect(answer).toMatchObject({
    ok: false,
    refusal: {
      code: 'not-taken',
      where: 'cell/shared store/main',
      why: expect.stringContaining("isn't there"),
    },
  });
});

test('nothing is begun where something else is at work, or of a store that there isn’t', async () => {
  expect((await ask('other')).answer).toMatchObject({
    refusal: { code: 'unknown-store', unblock: 'name one of main' },
  });
  expect((await ask('main', 'far')).answer).toMatchObject({
    refusal: { code: 'unknown-cell', unblock: 'name one of shared' },
  });
  goesBack = true;
  expect((await ask()).answer).toMatchObject({ refusal: { code: 'cell-busy' } });
  goesBack = false;
  const { promise, resolve } = Promise.withResolvers<void>();
  void worker.aside(() => promise);
  expect((await ask()).answer).toMatchObject({
    refusal: { code: 'cell-busy', why: 'something else of the agent’s own is at work there' },
  });
  resolve();
  expect(cell.done).toEqual([]);
  expect(await inVault()).toEqual([]);
});

test('a step of a promotion that comes ends it, and that is told', async () => {
  cell.act = (_action, ctx) =>
    new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(new Error('ended')), { once: true }));
  const asked = ask();
  await expect.poll(() => worker.atWork).toBeDefined();
  await worker.yields();
  expect((await asked).answer).toMatchObject({
    refusal: { code: 'interrupted', why: expect.stringContaining('a step of a promotion begins') },
  });
});
