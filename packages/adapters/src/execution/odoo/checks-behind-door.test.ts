import type { CheckResult } from '@headgate/execution';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ChecksBehindDoor } from './checks-behind-door.ts';
import { holdStore } from './records.ts';
import { findStore, type OdooStore } from './store.ts';
import { type RealDoors, realDoors, SLOTS } from './testing/real-doors.ts';

let at: RealDoors;
let acme: OdooStore;
beforeAll(async () => {
  at = await realDoors(['acme']);
  acme = findStore(at.stores, 'acme');
});
afterAll(() => at?.remove());
beforeEach(() => at.door.close(acme));

let n = 0;
/** A step's context, each later than all before. */
const step = (fence = { epoch: 1, n: ++n }) => stepContext({ fence });
const openFor = async () => (await at.door.openFor([acme], SLOTS)).get('acme');

/** Checks of a tenant that is held, and what happens while they run. */
function checking(meanwhile: () => Promise<void>, held = ['acme']): ChecksBehindDoor {
  const { stores, door } = at;
  return new ChecksBehindDoor({
    checks: {
      async run(): Promise<CheckResult> {
        await meanwhile();
        return { ok: true, passed: 1 };
      },
    },
    router: { table: async () => ({ version: 1, routes: {}, held, reads: [] }) as never },
    door,
    stores,
    storeOf: new Map([['acme', 'acme']]),
  });
}

test('the door of a held tenant is open for the slot that is checked, as long as that takes', async () => {
  let seen: string | undefined;
  const checks = checking(async () => {
    seen = await openFor();
  });
  expect(await checks.run({}, 'acme', 'green', step())).toEqual({ ok: true, passed: 1 });
  expect(seen).toBe('green');
  expect(await openFor()).toBe(undefined);
});

test('it is closed again when the check breaks off', async () => {
  const checks = checking(() => Promise.reject(new Error('the router is away')));
  await expect(checks.run({}, 'acme', 'green', step())).rejects.toThrow('the router is away');
  expect(await openFor()).toBe(undefined);
});

test('a check of an earlier decision opens no door that a later one closed', async () => {
  const early = step();
  await holdStore(at.stores, acme, step(), () => at.door.close(acme));
  let ran = false;
  const checks = checking(async () => {
    ran = true;
  });
  await expect(checks.run({}, 'acme', 'green', early)).rejects.toThrow('a later decision');
  expect([ran, await openFor()]).toEqual([false, undefined]);
});

test('what a later decision opened while the check ran stays open', async () => {
  const checks = checking(async () => {
    await holdStore(at.stores, acme, step(), () => at.door.open(acme, 'blue'));
  });
  expect(await checks.run({}, 'acme', 'green', step())).toEqual({ ok: true, passed: 1 });
  expect(await openFor()).toBe('blue');
});

test('who is at work on the store is waited for', async () => {
  const order: string[] = [];
  let begun = (): void => {};
  const busy = new Promise<void>((done) => {
    begun = done;
  });
  const other = holdStore(at.stores, acme, { fence: { epoch: 1, n } }, async () => {
    begun();
    await new Promise((done) => setTimeout(done, 300));
    order.push('other');
  });
  await busy;
  const checks = checking(async () => {
    order.push('check');
  });
  await checks.run({}, 'acme', 'green', step());
  await other;
  expect(order).toEqual(['other', 'check']);
});

test('a tenant that is served is checked by the open door', async () => {
  await at.door.open(acme, 'blue');
  const fence = { epoch: 0, n: 0 }; // asks no store, so no fence is in the way
  expect(await checking(async () => {}, []).run({}, 'acme', 'blue', step(fence))).toMatchObject({ ok: true });
  expect(await openFor()).toBe('blue');
});
