import { createClient } from '@headgate/contract';
import type { Outcome } from '@headgate/domain';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ScriptedServer } from '../testing/scripted-server.ts';
import { sealedPlan } from '../testing/sealed-plan.ts';
import { Away, ControlPlane } from './control-plane.ts';

let server: ScriptedServer;
let plane: ControlPlane;
beforeAll(async () => {
  server = await ScriptedServer.start(sealedPlan());
  plane = new ControlPlane(createClient({ baseUrl: server.url, token: 'test-token' }));
});
afterAll(() => server?.stop());

const fence = { epoch: 1, n: 1 };
const migrations = [{ migration: '004', durationMs: 1_200 }];
const done: Outcome = { kind: 'done', result: { schemaVersion: 4, migrations } };
const failed: Outcome = { kind: 'failed', code: 'rejected', why: 'no', result: { migrations } };

test('a server that knows what migrations took is told', async () => {
  expect(await plane.settle('r1', fence, done)).toBe(true);
  expect(server.settled.splice(0)).toEqual([{ n: 1, outcome: done }]);
});

test('an older server, which refuses the field, hears of the outcome without it, and of nothing else less', async () => {
  server.settle = (_, outcome) => (JSON.stringify(outcome).includes('"migrations"') ? 422 : 200);
  expect(await plane.settle('r1', fence, done)).toBe(true);
  expect(await plane.settle('r1', fence, failed)).toBe(true);
  expect(server.settled.splice(0).map(({ outcome }) => outcome)).toEqual([
    { kind: 'done', result: { schemaVersion: 4 } },
    { ...failed, result: {} },
  ]);
});

test('what is refused for another reason stays refused, and is asked once', async () => {
  let asked = 0;
  server.settle = () => {
    asked += 1;
    return 409;
  };
  expect(await plane.settle('r1', fence, done)).toBe(false);
  expect(asked).toBe(1);
  server.settle = () => 422;
  await expect(plane.settle('r1', fence, { kind: 'done', result: {} })).rejects.toBeInstanceOf(Away);
  expect(server.settled).toEqual([]);
});

test('an older server, which has no place for standbys, is told nothing of them, and that is no trouble', async () => {
  // The scripted server has no such route, as servers had none of before.
  await expect(plane.tellStandbys('shared', () => [])).resolves.toBeUndefined();
});

test('nor of data that is being moved', async () => {
  await expect(plane.tellMoves('shared', [])).resolves.toBeUndefined();
});

test('nor of what lies in vaults', async () => {
  await expect(plane.tellVaults('shared', [])).resolves.toBeUndefined();
});
