import pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { inRecords } from './records.ts';
import { findStore, type OdooStore } from './store.ts';
import { asSlot, type RealDoors, realDoors, SLOTS } from './testing/real-doors.ts';

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

const owns = async (database: string, slot?: 'blue' | 'green') =>
  asSlot(at, database, (client) => client.query<{ role: string }>('select current_user as role'), slot).then(
    ({ rows }) => rows[0]?.role,
  );
const asAdministrator = (sql: string) => inRecords(at.stores, (client) => client.query(sql));

test('who may only read is told as such, and may write again, whatever else was set for the login', async () => {
  const { stores, door } = at;
  const acme = findStore(stores, 'acme');
  await door.open(acme, 'blue');
  await asAdministrator(`alter role odoo_blue in database acme set statement_timeout = '60s'`);
  await door.openToRead(acme, 'blue');
  // Somebody sets one more, and the role's own setting is no longer the first.
  await asAdministrator(`alter role odoo_blue in database acme reset role`);
  await asAdministrator(`alter role odoo_blue in database acme set statement_timeout = '60s'`);
  await asAdministrator(`alter role odoo_blue in database acme set role = 'odoo_reading'`);
  expect(await owns('acme')).toBe('odoo_reading');
  expect([await door.openFor([acme], SLOTS), await door.admitted(acme)]).toEqual([new Map(), []]);
  await door.close(acme);
  await door.open(acme, 'blue');
  expect(await owns('acme')).toBe('odoo');
  expect([await door.openFor([acme], SLOTS), await door.admitted(acme)]).toEqual([
    new Map([['acme', 'blue']]),
    ['odoo_blue'],
  ]);
  expect(await settings()).toEqual([{ database: null, settings: ['role=odoo'] }]);
});

test('what code of a tenant changed about its slot’s login is put right as a door opens, and as we begin', async () => {
  const { stores, door } = at;
  const [acme, birch, cedar] = ['acme', 'birch', 'cedar'].map((name) => findStore(stores, name)) as [
    OdooStore,
    OdooStore,
    OdooStore,
  ];
  const tamper = (database: string) =>
    asSlot(at, database, async (client) => {
      await client.query('set role none');
      await client.query(`alter role odoo_blue set statement_timeout = '1ms'`);
      await client.query(`alter role odoo_blue in database birch set default_transaction_read_only = on`);
      await client.query(`alter role odoo_blue in database cedar set work_mem = '64kB'`);
      await client.query(`alter role odoo_blue password 'known'`);
    });
  for (const putRight of [() => door.open(birch, 'blue'), () => door.prepare(SLOTS)]) {
    await door.open(acme, 'blue');
    await door.open(birch, 'blue');
    await door.openToRead(cedar, 'blue');
    await tamper('acme');
    await expect(owns('acme')).rejects.toThrow(/password authentication failed/);
    await putRight();
    expect([await owns('acme'), await owns('birch'), await owns('cedar')]).toEqual(['odoo', 'odoo', 'odoo_reading']);
    expect(await settings()).toEqual([
      { database: null, settings: ['role=odoo'] },
      { database: 'cedar', settings: ['role=odoo_reading'] },
    ]);
    await door.close(cedar);
    await door.open(cedar, 'blue');
  }
});

test('a door that is open already is opened again under the sessions of those who use it', async () => {
  const { stores, door } = at;
  const acme = findStore(stores, 'acme');
  await door.open(acme, 'blue');
  await asSlot(at, 'acme', async (client) => {
    await door.open(acme, 'blue');
    await Promise.all(['acme', 'birch', 'cedar'].map((name) => door.open(findStore(stores, name), 'blue')));
    expect((await client.query('select 1')).rowCount).toBe(1);
  });
});

/** What is set for the login of the slot blue. */
async function settings(): Promise<unknown> {
  const { rows } = await asAdministrator(
    `select d.datname as database, s.setconfig as settings from pg_db_role_setting s
     left join pg_database d on d.oid = s.setdatabase where s.setrole = 'odoo_blue'::regrole order by d.datname nulls first`,
  );
  return rows;
}
