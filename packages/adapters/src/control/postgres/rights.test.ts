import { randomBytes } from 'node:crypto';
import { writeOf } from '@headgate/testkit/control/world';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  EXTERNAL_URL,
  embeddedDatabase,
  externalDatabase,
  type TestDatabase,
} from './control-database.test-support.ts';
import { migrateControlDatabase } from './migrate.ts';
import { openPostgresControl, type PostgresControl } from './open.ts';

let database: TestDatabase;
let control: PostgresControl;
let app: pg.Client;
let admin: pg.Client;

beforeAll(async () => {
  database = EXTERNAL_URL === undefined ? await embeddedDatabase(18) : await externalDatabase(EXTERNAL_URL);
  control = await openPostgresControl({ databaseUrl: database.databaseUrl });
  app = new pg.Client({ connectionString: database.databaseUrl });
  admin = new pg.Client({ connectionString: database.adminUrl });
  await Promise.all([app.connect(), admin.connect()]);
  await control.store.commit({ by: 'u', writes: [writeOf('thing/1', 0)] });
  await control.log.place(10);
  await control.log.publishHead(() => 'note');
  await control.blobs.put(Buffer.from('kept'));
});

afterAll(async () => {
  await Promise.all([app?.end(), admin?.end(), control?.close()]);
  await database?.close();
});

const LOG = ['entry', 'log_leaf', 'log_node', 'log_head', 'blob'];
const changes = (table: string) => [
  `delete from headgate.${table}`,
  `truncate headgate.${table} cascade`,
  `update headgate.${table} set ${table === 'blob' ? "bytes = ''" : table === 'log_head' ? "note = ''" : 'hash = hash'}`.replace(
    'entry set hash = hash',
    'entry set version = 7',
  ),
];

describe('what was written stays', () => {
  test.each(LOG)('the application has no right to change %s', async (table) => {
    for (const sql of changes(table)) await expect(app.query(sql)).rejects.toThrow(/permission denied/);
  });

  test.each(LOG)('not even the owner changes %s by accident', async (table) => {
    for (const sql of changes(table)) await expect(admin.query(sql)).rejects.toThrow(/append-only/);
  });

  test('the application can neither drop the protection nor make anything of its own', async () => {
    await expect(app.query('drop trigger append_only on headgate.entry')).rejects.toThrow(/owner/);
    await expect(app.query('alter table headgate.entry disable trigger all')).rejects.toThrow(/owner/);
    await expect(app.query('create table headgate.mine (x int)')).rejects.toThrow(/permission denied/);
    await expect(app.query('delete from headgate.stream')).rejects.toThrow(/permission denied/);
    await expect(app.query('delete from headgate.migration')).rejects.toThrow(/permission denied/);
    await expect(app.query('update headgate.promotions_ended set count = 0')).rejects.toThrow(/permission denied/);
  });
});

test('the application hangs no trigger of the owner’s on a table of its own', async () => {
  await app.query('create temporary table own (ended_at bigint, facet text, application text, state json)');
  const hang = 'create trigger t after insert on own for each row execute function headgate.count_ended()';
  await expect(app.query(hang)).rejects.toThrow(/permission denied for function/);
});

test('the epoch rises and never goes back', async () => {
  expect(await control.epoch()).toBe(1);
  expect(await control.raiseEpoch()).toBe(2);
  expect(await control.raiseEpoch(9)).toBe(9);
  expect(await control.raiseEpoch(4)).toBe(10);
  await expect(app.query('update headgate.meta set epoch = 3')).rejects.toThrow(/never goes back/);
  expect(await control.epoch()).toBe(10);
});

test('migrating again, from several servers at once, changes nothing but the password', async () => {
  const role = decodeURIComponent(new URL(database.databaseUrl).username);
  const application = { role, password: randomBytes(12).toString('hex') };
  const all = await Promise.all(
    [1, 2, 3].map(() => migrateControlDatabase({ adminUrl: database.adminUrl, application })),
  );
  for (const { from, to } of all) expect(from).toBe(to);
  const again = await openPostgresControl({ databaseUrl: all[0]!.databaseUrl, poolSize: 1 });
  expect((await again.store.load(['thing/1'])).size).toBe(1);
  await again.close();
  await expect(openPostgresControl({ databaseUrl: database.databaseUrl, poolSize: 1 })).rejects.toThrow(/password/);
});

test('the admin’s own role is not taken for the application’s', async () => {
  const role = decodeURIComponent(new URL(database.adminUrl).username);
  const attempt = migrateControlDatabase({
    adminUrl: database.adminUrl,
    application: { role, password: 'x'.repeat(9) },
  });
  await expect(attempt).rejects.toThrow(/can't be the application's role/);
});

test('a database that is none of this Headgate, or was changed, is refused', async () => {
  const open = () => openPostgresControl({ databaseUrl: database.adminUrl, poolSize: 1 });
  await admin.query("update headgate.migration set digest = 'x' || digest where version = 2");
  await expect(migrateControlDatabase({ adminUrl: database.adminUrl })).rejects.toThrow(/0002-append-only.*differs/);
  await admin.query('update headgate.migration set digest = substr(digest, 2) where version = 2');
  await (await open()).close();
  const other = new URL(database.adminUrl);
  other.pathname = '/postgres';
  await expect(openPostgresControl({ databaseUrl: other.href, poolSize: 1 })).rejects.toThrow(/migrate it first/);
});

test('a time that is ahead of the clock, or far behind it, is not taken', async () => {
  const call = (at: string) =>
    admin.query(
      `select * from headgate.commit(${at}, array['clock/1'], array[0], array[1], array['{}'], array[null::bigint],
         array[null::text], array[false], array[null::text], array[false], array[null::text],
         array['clock/1'], array[1], array[1], array[1], 'x', '{}', '{}', '{}')`,
    );
  for (const at of ['headgate.clock_ms() + 500', 'headgate.clock_ms() - 5000']) {
    const { outcome, clock } = (await call(at)).rows[0];
    expect(outcome).toBe('clock');
    expect(Math.abs(Number(clock) - (await control.store.now()))).toBeLessThan(2_000);
  }
  expect((await control.store.load(['clock/1'])).size).toBe(0);
  await admin.query("update headgate.stream set last_at = headgate.clock_ms() + 60000 where stream = 'thing/1'");
  // The database's clock was set back by a minute, so to say: the stream's time waits for it.
  expect(await control.store.commit({ by: 'u', writes: [writeOf('thing/1', 1)] })).toEqual({ ok: true });
  const { rows } = await admin.query('select bytes from headgate.entry where stream = $1 and version = 2', ['thing/1']);
  const floor = (await admin.query("select last_at from headgate.stream where stream = 'thing/1'")).rows[0].last_at;
  expect(JSON.parse(rows[0].bytes).at).toBe(Number(floor));
});
