import pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { findStore } from './store.ts';
import { type RealDoors, realDoors, SLOTS } from './testing/real-doors.ts';

let at: RealDoors;
beforeAll(async () => {
  at = await realDoors(['acme', 'birch', 'cedar']);
});
afterAll(() => at?.remove());

test('the doors of all tenants of a cell are asked for at once, however many there are', async () => {
  const { stores, door } = at;
  await door.open(findStore(stores, 'acme'), 'green');
  await door.open(findStore(stores, 'birch'), 'blue');
  // Most of them have no database: what isn't there lets nobody in.
  const many = Array.from({ length: 10_000 }, (_, i) => ({ name: `t${i}`, database: `t${i}` }));
  const asked = vi.spyOn(pg.Client.prototype, 'query');
  const connected = vi.spyOn(pg.Client.prototype, 'connect');
  try {
    expect(await door.openFor([...stores.byName.values(), ...many], SLOTS)).toEqual(
      new Map([
        ['acme', 'green'],
        ['birch', 'blue'],
      ]),
    );
    expect([asked.mock.calls.length, connected.mock.calls.length]).toEqual([1, 1]);
  } finally {
    vi.restoreAllMocks();
  }
});

test('a login of an assignment is the only one that is let in, and goes with it', async () => {
  const { stores, door } = at;
  const cedar = findStore(stores, 'cedar');
  await door.open(cedar, 'blue');
  const login = await door.forAssignment(cedar);
  expect(await door.admitted(cedar)).toEqual([login.user]);
  expect(await door.openFor([cedar], SLOTS)).toEqual(new Map());
  await door.endAssignments(cedar);
  expect(await door.admitted(cedar)).toEqual([]);
});
