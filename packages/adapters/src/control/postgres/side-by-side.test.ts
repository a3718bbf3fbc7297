/** Two builds on one database: what the older one still does, and what it leaves alone. */
import { NewerRow } from '@headgate/control/ports/errors';
import { KNOWN_FORMAT } from '@headgate/control/ports/row-format';
import { writeOf } from '@headgate/testkit/control/world';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { embeddedDatabase, type TestDatabase } from './control-database.test-support.ts';
import { migrateControlDatabase } from './migrate.ts';
import { applyMissing } from './migrate-steps.ts';
import { type ControlMigration, MIGRATIONS, requiredOf } from './migrations/index.ts';
import { openPostgresControl, type PostgresControl } from './open.ts';

let database: TestDatabase;
let control: PostgresControl;
let admin: pg.Client;

beforeAll(async () => {
  database = await embeddedDatabase(18);
  control = await openPostgresControl({ databaseUrl: database.databaseUrl });
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
});
afterAll(async () => {
  await Promise.all([admin?.end(), control?.close()]);
  await database?.close();
});

const create = async (stream: string, more: object = {}) => {
  expect(await control.store.commit({ by: 'u', writes: [writeOf(stream, 0, more)] })).toEqual({ ok: true });
};
/** As a newer build leaves a row behind. */
const makeNewer = (stream: string) =>
  admin.query('update headgate.stream set format = $2 where stream = $1', [stream, KNOWN_FORMAT + 1]);
const claimed = async () => (await control.store.claim(100, 1)).rows.map(({ stream }) => stream);

describe('a row that a newer Headgate wrote in its own way', () => {
  test('is neither claimed nor offered, and neither is what belongs to it', async () => {
    const due = { dueAt: 0, audience: 'agent/here' };
    await create('promotion/new', due);
    await create('promotion/old', due);
    await create('rollout/new', { ...due, parent: 'promotion/new' });
    await create('rollout/old', { ...due, parent: 'promotion/old' });
    await makeNewer('promotion/new');
    expect((await claimed()).sort()).toEqual(['promotion/old', 'rollout/old']);
    const { rows } = await control.store.offered(['agent/here'], 100);
    expect(rows.map(({ stream }) => stream).sort()).toEqual(['promotion/old', 'rollout/old']);
    await control.store.commit({ by: 'u', writes: [], wake: ['promotion/new', 'rollout/new'] });
    expect(await claimed()).not.toContain('promotion/new');
  });

  test('is neither written nor rested on, and is shown as what it is', async () => {
    await create('thing/newer');
    await create('thing/other');
    await makeNewer('thing/newer');
    const write = control.store.commit({ by: 'u', writes: [writeOf('thing/newer', 1)] });
    await expect(write).rejects.toThrow(NewerRow);
    const reads = [{ stream: 'thing/newer', version: 1 }];
    await expect(control.store.commit({ by: 'u', writes: [writeOf('thing/other', 1)], reads })).rejects.toThrow(
      NewerRow,
    );
    const rows = await control.store.load(['thing/newer', 'thing/other']);
    expect([rows.get('thing/newer')?.newer, rows.get('thing/newer')?.version]).toEqual([true, 1]);
    expect([rows.get('thing/other')?.newer, rows.get('thing/other')?.version]).toEqual([undefined, 1]);
    // Stale facts are told as such: whoever decided on them decides anew.
    const stale = { ok: false, conflict: 'thing/newer', because: 'version' };
    expect(await control.store.commit({ by: 'u', writes: [writeOf('thing/newer', 7)] })).toEqual(stale);
    const me = { id: 'srv_1', version: '1.0.0', knows: MIGRATIONS.length, format: 1 };
    expect((await control.presence.beat(me)).newerRows).toBe(2);
    await control.presence.leave(me.id);
  });

  test('whoever calls the functions of before is code of format 1', async () => {
    await create('thing/before');
    const write = (stream: string, expected: number) =>
      admin.query(
        `select * from headgate.commit(headgate.clock_ms(), array[$1], array[$2::integer], array[1], array['{}'], array[null::bigint],
           array[null::text], array[false], array[null::text], array[false], array[null::text],
           array[$1], array[$2::integer + 1], array[1], array[1], 'x', '{}', '{}', '{}')`,
        [stream, expected],
      );
    expect((await write('thing/before', 1)).rows[0].outcome).toBe('done');
    expect((await write('thing/newer', 1)).rows[0].outcome).toBe('format');
    expect((await admin.query("select format from headgate.stream where stream = 'thing/before'")).rows).toEqual([
      { format: 1 },
    ]);
    await admin.query("update headgate.stream set due_at = 0, format = 2 where stream = 'thing/before'");
    const { rows } = await admin.query('select stream from headgate.claim(100, 1)');
    expect(rows.map((row) => row.stream)).not.toContain('thing/before');
  });
});

const expand: ControlMigration = { name: '9001-expand', sql: 'alter table headgate.stream add column remark text' };
const contract: ControlMigration = {
  name: '9002-contract',
  sql: 'alter table headgate.stream drop column remark',
  needs: MIGRATIONS.length + 1,
};

/** In a transaction that is taken back, so that the next test finds the database as it was. */
async function tried<T>(work: () => Promise<T>): Promise<T> {
  await admin.query('begin');
  try {
    return await work();
  } finally {
    await admin.query('rollback');
  }
}

describe('a database that a newer Headgate migrated', () => {
  test('serves the code of before an expand step, which leaves it and its roles as they are', async () => {
    await applyMissing(admin, [...MIGRATIONS, expand]);
    await admin.query('create table headgate.later (x integer)');
    await admin.query('grant select on headgate.later to headgate');
    try {
      const application = { role: 'headgate', password: new URL(database.databaseUrl).password };
      const left = await migrateControlDatabase({ adminUrl: database.adminUrl, application });
      expect(left).toMatchObject({ newer: true, to: MIGRATIONS.length + 1 });
      const older = await openPostgresControl({ databaseUrl: database.databaseUrl, poolSize: 1 });
      expect(await older.store.commit({ by: 'u', writes: [writeOf('thing/beside', 0)] })).toEqual({ ok: true });
      await older.close();
      const rights = await admin.query("select has_table_privilege('headgate', 'headgate.later', 'select') as may");
      expect(rights.rows).toEqual([{ may: true }]);
    } finally {
      await admin.query('drop table headgate.later');
      await admin.query('alter table headgate.stream drop column remark');
      await admin.query("delete from headgate.migration where name = '9001-expand'");
    }
  });

  test('refuses code that it has left behind', async () => {
    await admin.query("insert into headgate.migration (version, name, digest, oldest) values (99, 'later', 'x', 99)");
    try {
      const open = openPostgresControl({ databaseUrl: database.databaseUrl, poolSize: 1 });
      await expect(open).rejects.toThrow(`knows 99 of its migrations, and this one knows ${MIGRATIONS.length}`);
      await expect(migrateControlDatabase({ adminUrl: database.adminUrl })).rejects.toThrow(/use a newer one/);
    } finally {
      await admin.query('delete from headgate.migration where version = 99');
    }
  });

  test('is refused when what it has is not what this code knows', async () => {
    const other = [{ name: '0001-tables', sql: 'select 1' }, ...MIGRATIONS.slice(1)];
    await expect(tried(() => applyMissing(admin, other))).rejects.toThrow(/0001-tables.*differs/);
  });
});

describe('a contract step', () => {
  const older = { id: 'srv_older', version: '0.1.0', knows: MIGRATIONS.length, format: 1 };
  const newer = { id: 'srv_newer', version: '0.2.0', knows: MIGRATIONS.length + 1, format: 1 };

  test('is what code can wait for, if nothing comes after it', () => {
    expect(requiredOf([...MIGRATIONS, expand, contract])).toBe(MIGRATIONS.length + 1);
    expect(requiredOf([...MIGRATIONS, contract, expand])).toBe(MIGRATIONS.length + 2);
  });

  test('waits while an older server is there, and says for which', async () => {
    await control.presence.beat(older);
    await control.presence.beat(newer);
    const done = await tried(() => applyMissing(admin, [...MIGRATIONS, expand, contract]));
    expect(done).toMatchObject({ from: MIGRATIONS.length, to: MIGRATIONS.length + 1 });
    expect(done.left).toEqual([
      { name: '9002-contract', because: expect.stringContaining('srv_older of version 0.1.0') },
    ]);
    await expect(tried(() => applyMissing(admin, [...MIGRATIONS, contract, expand]))).rejects.toThrow(
      /has to come first/,
    );
  });

  test('is done once the older one said goodbye, and from then on refuses it', async () => {
    await control.presence.leave(older.id);
    const done = await tried(async () => {
      const stepped = await applyMissing(admin, [...MIGRATIONS, expand, contract]);
      await expect(applyMissing(admin, MIGRATIONS)).rejects.toThrow(/use a newer one/);
      return stepped;
    });
    expect(done).toMatchObject({ to: MIGRATIONS.length + 2, left: [] });
  });

  test('waits for a server that was killed no longer than its lease', async () => {
    await control.presence.beat(older);
    await admin.query("update headgate.server set seen_at = seen_at - 31000 where id = 'srv_older'");
    const done = await tried(() => applyMissing(admin, [...MIGRATIONS, expand, contract]));
    expect(done.left).toEqual([]);
    await control.presence.leave(older.id);
    await control.presence.leave(newer.id);
  });
});
