/** What the server's own role can't keep off the log, and what the sequencer does about nodes that can't be. */
import { SpoiltTree } from '@headgate/control/ports/errors';
import { leafOf } from '@headgate/documents/log/entry';
import { Frontier } from '@headgate/documents/log/merkle';
import { writeOf } from '@headgate/testkit/control/world';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { embeddedDatabase, type TestDatabase } from './control-database.test-support.ts';
import { openPostgresControl, type PostgresControl } from './open.ts';

let database: TestDatabase;
let control: PostgresControl;
let app: pg.Client;
let admin: pg.Client;
beforeAll(async () => {
  database = await embeddedDatabase(18);
  control = await openPostgresControl({ databaseUrl: database.databaseUrl });
  app = new pg.Client({ connectionString: database.databaseUrl });
  admin = new pg.Client({ connectionString: database.adminUrl });
  await Promise.all([app.connect(), admin.connect()]);
});
afterAll(async () => {
  await Promise.all([app?.end(), admin?.end(), control?.close()]);
  await database?.close();
});

let made = 0;
const act = async (times: number) => {
  for (let i = 0; i < times; i++)
    expect(await control.store.commit({ by: 'u', writes: [writeOf(`thing/${made++}`, 0)] })).toEqual({ ok: true });
};
const placeAll = async () => {
  while ((await control.log.place(100)) > 0);
  await control.log.publishHead((size) => `note of ${size}`);
};
/** The root by the entries' bytes alone. */
const trueRoot = async () => {
  const tree = Frontier.empty();
  for (const { bytes } of await control.log.entries(0, 1_000)) tree.append(leafOf(bytes));
  return { size: tree.size, root: tree.root() };
};
const head = async () => {
  const { size, root } = (await control.log.head()) ?? { size: 0, root: Buffer.alloc(0) };
  return { size, root: Buffer.from(root) };
};

beforeEach(async () => {
  await act(5);
  await placeAll();
});

describe('the application’s role', () => {
  test.each([
    'delete from headgate.entry_waiting',
    'update headgate.entry_waiting set entry = entry + 1',
    'insert into headgate.log_leaf (place, entry, hash) values (1000, 1, sha256($$x$$))',
    'insert into headgate.log_node (level, index, hash) values (3, 400, sha256($$x$$))',
    "select headgate.log_put_nodes(1, '{0}', '{}', '{}')",
  ])('keeps nothing off the log, and puts nothing on it: %s', async (sql) => {
    await act(1);
    await expect(app.query(sql)).rejects.toThrow(/permission denied|must be owner/);
    await placeAll();
    expect(await head()).toEqual(await trueRoot());
  });

  test('writes no entry that doesn’t come to the log', async () => {
    await app.query("insert into headgate.entry (stream, version, bytes) values ('thing/aside', 1, 'x')");
    expect(await control.log.place(100)).toBe(1);
    expect((await control.log.history('thing/aside', 0, 1))[0]?.place).toBeGreaterThan(0);
  });

  test('stops nothing by what it puts in line', async () => {
    await act(1);
    await app.query('insert into headgate.entry_waiting (entry) values (1), (99999)');
    await placeAll();
    expect(await head()).toEqual(await trueRoot());
    expect((await admin.query('select from headgate.entry_waiting')).rows).toHaveLength(0);
  });

  test.each([
    ['of a root that the tree doesn’t have', '$1 - 1', "sha256('x')"],
    ['of more entries than there are', '$1 + 1', 'headgate.log_root($1)'],
  ])('publishes no head %s', async (_, size, root) => {
    const { size: now } = await head();
    const sql = `insert into headgate.log_head (size, root, note, at) values (${size}, ${root}, 'n', 1)`;
    await expect(app.query(sql.replaceAll('$1', String(now)))).rejects.toMatchObject({ code: 'HG001' });
  });

  test('has the functions that work with the owner’s rights look nowhere but where they say', async () => {
    const { rows } = await admin.query(
      `select proname from pg_proc where pronamespace = 'headgate'::regnamespace and prosecdef
       and (proconfig is null or not proconfig[1] ~ '^search_path=pg_catalog(, pg_temp)?$')`,
    );
    expect(rows).toEqual([]);
  });
});

/** As somebody does who may write to every table. */
async function asOwner(sql: string): Promise<void> {
  for (const table of ['log_node', 'log_leaf']) await admin.query(`alter table headgate.${table} disable trigger all`);
  await admin.query(sql);
  for (const table of ['log_node', 'log_leaf']) await admin.query(`alter table headgate.${table} enable trigger all`);
}

describe('a tree with a node that can’t be', () => {
  const names = (nodes: readonly { level: number; index: number }[]) => nodes.map((n) => `${n.level}/${n.index}`);

  test('is named and mended, and goes on: one where no subtree is complete', async () => {
    const { size } = await head();
    const index = Math.floor(size / 2) + 1;
    await admin.query("insert into headgate.log_node (level, index, hash) values (1, $1, sha256('x'))", [index]);
    await act(4);
    // Asked once: an error is told before the sequencer's lock is let go, and who comes then places nothing.
    const refused = await control.log.place(100).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(SpoiltTree);
    expect((refused as SpoiltTree).message).toContain(`node 1/${index}`);
    expect(names(await control.log.mend())).toEqual([`1/${index}`]);
    await placeAll();
    expect(await head()).toEqual(await trueRoot());
    await expect(admin.query('delete from headgate.log_node')).rejects.toThrow(/append-only/);
  });

  test.each([
    ['another hash', "update headgate.log_node set hash = sha256('x') where level = 2 and index = 0", ['2/0']],
    ['no node', 'delete from headgate.log_node where level = 1 and index = 1', ['1/1']],
  ])('is named and mended, and goes on: %s', async (_, sql, wrong) => {
    await asOwner(sql);
    expect(names(await control.log.mend())).toEqual(wrong);
    expect(await control.log.mend()).toEqual([]);
    await act(2);
    await placeAll();
    expect(await head()).toEqual(await trueRoot());
  });

  test('is not signed, where it isn’t any more what was signed', async () => {
    const before = await head();
    const level = Math.floor(Math.log2(before.size));
    await asOwner(`update headgate.log_node set hash = sha256('x') where level = ${level} and index = 0`);
    await act(1);
    await control.log.place(100);
    await expect(control.log.publishHead(() => 'never')).rejects.toThrow(SpoiltTree);
    expect(await head()).toEqual(before);
    expect(names(await control.log.mend())).toEqual([`${level}/0`]);
    await placeAll();
    expect(await head()).toEqual(await trueRoot());
  });
});

test('an entry that was kept off the log is told from one that waits, and comes to the log when its owner puts it in line', async () => {
  await act(1);
  const stream = `thing/${made - 1}`;
  const standing = async () =>
    (await control.log.history(stream, 0, 1)).map(({ place, waiting }) => ({ place, waiting }));
  expect(await standing()).toEqual([{ waiting: true }]);
  await admin.query('delete from headgate.entry_waiting');
  expect(await standing()).toEqual([{}]);
  await placeAll();
  // As docs/log-format.md has it.
  await admin.query(
    `insert into headgate.entry_waiting select e.id from headgate.entry e
     where not exists (select from headgate.log_leaf l where l.entry = e.id) on conflict do nothing`,
  );
  expect(await control.log.place(100)).toBe(1);
  expect(await standing()).toEqual([{ place: expect.any(Number) }]);
});

test('leaves that were rewritten are mended by nobody, and the nodes that say so are kept', async () => {
  const before = await head();
  const nodes = async () => (await admin.query('select * from headgate.log_node order by level, index')).rows;
  const kept = await nodes();
  await asOwner("update headgate.log_leaf set hash = sha256('x') where place = 1");
  await expect(control.log.mend()).rejects.toThrow(/signed for/);
  expect(await nodes()).toEqual(kept);
  expect(await head()).toEqual(before);
});
