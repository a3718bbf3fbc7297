/** On a real PostgreSQL: what a way back takes away is in files before it is gone, and nothing is where that can't be. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MigrationRef } from '@headgate/domain';
import type { MigrationBack } from '@headgate/execution';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { SqlMigrator } from './sql-migrator.ts';

let real: RealStore;
let kept: string;
let migrator: SqlMigrator;
beforeAll(async () => {
  real = await realStore();
  kept = join(real.dir, 'points', 'taken-back');
  migrator = new SqlMigrator(new Map([['main', real.store]]), () => kept);
});
afterAll(() => real?.remove());

const query = (sql: string, params: unknown[] = []) =>
  real.store.cluster.connection('app').then((c) => withClient(c, (client) => client.query(sql, params)));

function ref(from: number, sql: string, name: string): MigrationRef {
  const digest = `sha256:${createHash('sha256').update(sql).digest('hex')}` as const;
  return { id: `m${from + 1}`, from, to: from + 1, phase: 'expand', file: { name, digest, size: sql.length } };
}

let fence = 0;
const context = (more = {}) => stepContext({ fence: { epoch: 1, n: ++fence }, ...more });

/** Brings a store forward by `up`, has `write` written, and takes it back by `down`. */
async function thereAndBack(up: string, write: string, down: string, more = {}) {
  await rm(kept, { recursive: true, force: true });
  const at = await migrator.version('main');
  expect(await migrator.up('main', ref(at, up, 'up.sql'), up, context())).toMatchObject({ ok: true });
  await query(write);
  const back: MigrationBack = { ...ref(at, down, 'down.sql'), up: ref(at, up, 'up.sql').file };
  return { answer: await migrator.down('main', back, down, context(more)), at, back };
}

interface Told {
  readonly schema: string;
  readonly table: string;
  readonly why: string;
  readonly columns: readonly string[];
  readonly rows: number;
  readonly file: string;
  readonly sha256: string;
}
async function told(): Promise<readonly (Told & { readonly lines: readonly unknown[] })[]> {
  const folders = await readdir(kept).catch(() => []);
  expect(folders.filter((name) => name.endsWith('.partial'))).toEqual([]);
  if (folders.length === 0) return [];
  expect(folders).toHaveLength(1);
  const dir = join(kept, folders[0]!);
  const { tables } = JSON.parse(await readFile(join(dir, 'taken-back.json'), 'utf8')) as { tables: readonly Told[] };
  return Promise.all(
    tables.map(async (each) => {
      const text = await readFile(join(dir, each.file), 'utf8');
      expect(createHash('sha256').update(text).digest('hex')).toBe(each.sha256);
      expect((await stat(join(dir, each.file))).mode & 0o777).toBe(0o600);
      const lines = text.split('\n').slice(0, -1);
      expect(lines).toHaveLength(each.rows);
      return { ...each, lines: lines.map((line) => JSON.parse(line) as unknown) };
    }),
  );
}

const BASE = `create table invoice(id int primary key, total numeric(12,2)); insert into invoice values (1, 10.00), (2, 20.50), (3, 7);`;

describe('a way back', () => {
  beforeAll(async () => {
    await migrator.up('main', ref(0, BASE, '1.sql'), BASE, context());
  });

  test('that drops a column keeps what was written into it, by the key of its rows', async () => {
    const lines: string[] = [];
    const { answer, at } = await thereAndBack(
      'alter table invoice add column note text, add column twice numeric generated always as (total * 2) stored',
      `update invoice set note = E'a "b"\\nc' where id = 2`,
      'alter table invoice drop column note, drop column twice',
      { log: (line: string) => lines.push(line) },
    );
    expect(answer).toEqual({ ok: true, value: { version: at } });
    expect(await told()).toMatchObject([
      { schema: 'public', table: 'invoice', why: 'columns', lines: [{ id: 2, note: 'a "b"\nc' }] },
    ]);
    expect((await told())[0]?.columns).toEqual(['id', 'note']);
    expect(lines.join('\n')).toMatch(/store main: what down\.sql takes away is kept in \S+: public\.invoice \(1 row\)/);
    // Customers' values stand in the files alone.
    expect(lines.join('\n')).not.toContain('a "b"');
    await expect(query('select note from invoice')).rejects.toThrow(/does not exist/);
  });

  test('that drops a table keeps all of it, so that PostgreSQL reads each row again as it was', async () => {
    await thereAndBack(
      `create table "Odd name"(id bigint, at timestamptz, data bytea, tags text[], doc jsonb, n numeric)`,
      `insert into "Odd name" values (9007199254740993, '2026-01-05 12:00:00.123456+00', '\\x00ff', '{a,"b c"}', '{"x": [1, 2.50]}', 'NaN'), (null, 'infinity', null, null, null, 12345678901234567890.123)`,
      'drop table "Odd name"',
    );
    const [{ table, why, rows, file } = {} as Told] = await told();
    expect({ table, why, rows }).toEqual({ table: 'Odd name', why: 'dropped', rows: 2 });
    const text = await readFile(join(kept, (await readdir(kept))[0]!, file), 'utf8');
    const back = await query(
      `with kept as (select line::json from regexp_split_to_table(trim(trailing E'\\n' from $1), E'\\n') as line)
       select id::text, at::text, encode(data, 'hex') as data, tags::text, doc::text, n::text
       from kept, json_to_record(line) as r(id bigint, at timestamptz, data bytea, tags text[], doc jsonb, n numeric)`,
      [text],
    );
    expect(back.rows).toEqual([
      {
        id: '9007199254740993',
        at: expect.stringContaining('.123456'),
        data: '00ff',
        tags: '{a,"b c"}',
        doc: '{"x": [1, 2.50]}',
        n: 'NaN',
      },
      { id: null, at: 'infinity', data: null, tags: null, doc: null, n: '12345678901234567890.123' },
    ]);
  });

  test.each([
    ['deletes rows', 'delete from invoice where id = 3', 3],
    ['changes rows', 'update invoice set total = 0', 2],
    ['empties a table', 'truncate invoice', 2],
    ['changes a column’s type', 'alter table invoice alter column total type int', 0],
  ])('that %s keeps the table as it was', async (_what, down, left) => {
    const before = (await query('select id, total::text from invoice order by id')).rows;
    await thereAndBack('create index if not exists by_total on invoice(total)', 'select 1', down);
    const [table] = await told();
    expect(table).toMatchObject({ table: 'invoice', why: 'rows', rows: before.length });
    expect(before.length).toBeGreaterThanOrEqual(left);
    expect(table?.lines.map((line) => (line as { id: number }).id).sort()).toEqual(before.map(({ id }) => id));
    if (down.startsWith('truncate')) await query('insert into invoice values (1, 10), (2, 20)');
  });

  test.each([
    ['an index that goes', 'create index by_id on invoice(id)', 'drop index by_id'],
    [
      'a table that nobody wrote into comes back',
      'create view all_of_it as select * from invoice',
      'drop view all_of_it',
    ],
  ])('that loses nothing keeps nothing: %s', async (_what, up, down) => {
    const { answer } = await thereAndBack(up, 'select 1', down);
    expect(answer.ok).toBe(true);
    expect(await told()).toEqual([]);
  });

  test('takes nothing away where it can’t be kept, and says so; the next attempt replaces what one left', async () => {
    await rm(join(real.dir, 'points'), { recursive: true, force: true });
    await writeFile(join(real.dir, 'points'), 'no folder');
    const at = await migrator.version('main');
    const up = 'create table late(id int primary key)';
    await migrator.up('main', ref(at, up, 'up.sql'), up, context());
    await query('insert into late values (1)');
    const down = 'drop table late';
    const back = { ...ref(at, down, 'down.sql'), up: ref(at, up, 'up.sql').file };
    expect(await migrator.down('main', back, down, context())).toMatchObject({
      ok: false,
      code: 'transient',
      why: expect.stringMatching(/^what down\.sql takes away can’t be kept in .*: E/),
    });
    expect((await query('select id from late')).rows).toEqual([{ id: 1 }]);
    expect(await migrator.version('main')).toBe(at + 1);
    await rm(join(real.dir, 'points'));
    expect(await migrator.down('main', back, down, context())).toEqual({ ok: true, value: { version: at } });
    expect(await told()).toMatchObject([{ table: 'late', lines: [{ id: 1 }] }]);
  });

  test('of which a table lost nothing at first, and then what others wrote meanwhile, is tried again', async () => {
    const at = await migrator.version('main');
    await rm(kept, { recursive: true, force: true });
    const up = 'create table first(id int); create table late(id int)';
    await migrator.up('main', ref(at, up, 'up.sql'), up, context());
    await query('insert into first values (1)');
    const down = 'delete from first; delete from late';
    const back = { ...ref(at, down, 'down.sql'), up: ref(at, up, 'up.sql').file };
    const config = JSON.stringify(await real.store.cluster.connection('app'));
    const write = `import pg from 'pg'; const c = new pg.Client(${config}); await c.connect(); await c.query('insert into late values (7)'); await c.end();`;
    // Said once it is kept and before the file is run again: in between somebody else writes.
    const log = (line: string): void => {
      if (line.includes('is kept in'))
        execFileSync(process.execPath, ['--input-type=module', '-e', write], { cwd: import.meta.dirname });
    };
    expect(await migrator.down('main', back, down, context({ log }))).toMatchObject({
      ok: false,
      code: 'transient',
      why: expect.stringContaining('wrote into late'),
    });
    expect((await query('select (select count(*)::int from first) as first, id from late')).rows).toEqual([
      { first: 1, id: 7 },
    ]);
    expect(await migrator.down('main', back, down, context())).toEqual({ ok: true, value: { version: at } });
    expect((await told()).map(({ table, rows }) => [table, rows])).toEqual([
      ['first', 1],
      ['late', 1],
    ]);
  });

  test('whose time runs out while it keeps leaves nothing half kept, and takes nothing away', async () => {
    let asked = 0;
    const { answer, at } = await thereAndBack(
      'create table slow(id int)',
      'insert into slow select generate_series(1, 5000)',
      'drop table slow',
      // The session's own looks at the clock come first.
      { remainingMs: () => (asked++ < 6 ? 30_000 : 0) },
    );
    expect(answer).toMatchObject({ ok: false, code: 'expired' });
    expect(await told()).toEqual([]);
    expect(await migrator.version('main')).toBe(at + 1);
  });

  test('whose rows a policy hides from their owner is refused: they would be lost unkept', async () => {
    const { answer, at } = await thereAndBack(
      `create table hidden(id int primary key, whose text); alter table hidden enable row level security;
       alter table hidden force row level security; create policy own on hidden using (whose = 'me')`,
      `insert into hidden values (1, 'you')`,
      'drop table hidden',
    );
    expect(answer).toMatchObject({ ok: false, code: 'rejected' });
    expect(await migrator.version('main')).toBe(at + 1);
    expect((await query('select count(*)::int as n from hidden')).rows).toEqual([{ n: 1 }]);
    expect(await told()).toEqual([]);
  });
});
