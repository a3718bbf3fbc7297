/** What runs outside of a transaction, on a real PostgreSQL, with kills in its midst: see run-alone.ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MigrationRef } from '@headgate/domain';
import type { MigrationBack } from '@headgate/execution';
import { digestFor, stepContext } from '@headgate/testkit/execution/step-context';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { withClient } from '../../../postgres-cluster/database.ts';
import { controlConnection, ownersConnection } from '../../store/store-session.ts';
import { type RealStore, realStore } from '../../testing/real-store.ts';
import { SqlMigrator } from '../sql-migrator.ts';
import type { OneSqlMigration } from '../testing/sql-migrate-once.ts';

const MAIN = new URL('../testing/sql-migrate-once.ts', import.meta.url).pathname;
const BUILD = '-- headgate:no-transaction\ncreate index concurrently invoice_number on invoice(number);';
const DROP = '-- headgate:no-transaction\ndrop index concurrently invoice_number;';

let real: RealStore;
let migrator: SqlMigrator;
let n = 0;
beforeAll(async () => {
  real = await realStore();
  migrator = new SqlMigrator(new Map([['main', real.store]]));
});
afterAll(() => real?.remove());

const ask = async (sql: string) =>
  withClient(await controlConnection(real.store), async (client) => (await client.query(sql)).rows);
function migration(from: number, text: string): MigrationRef {
  const file = { name: `${from + 1}.sql`, digest: digestFor(text), size: text.length };
  return { id: `m${from + 1}`, from, to: from + 1, phase: 'expand', file };
}
const back = (from: number, up: string, down: string): MigrationBack => ({
  ...migration(from, down),
  up: migration(from, up).file,
});
const context = (more = {}) => stepContext({ fence: { epoch: 1, n: ++n }, ...more });
const up = (from: number, text: string, more = {}) => migrator.up('main', migration(from, text), text, context(more));
const down = (from: number, made: string, text: string) =>
  migrator.down('main', back(from, made, text), text, context());
/** As a controller tries again: the server may not have seen yet that a killed agent's session is gone. */
async function again<T extends { readonly ok: boolean; readonly why?: string }>(attempt: () => Promise<T>): Promise<T> {
  for (const until = performance.now() + 10_000; ; await sleep(20)) {
    const answer = await attempt();
    if (answer.ok || !answer.why?.includes('another migration') || performance.now() > until) return answer;
  }
}

const index = () =>
  ask(`select i.indexrelid::text as oid, i.indisvalid as valid from pg_index i join pg_class c on c.oid = i.indexrelid
    where c.relname = 'invoice_number'`).then(([found]) => found as { oid: string; valid: boolean } | undefined);
const attempts = () => ask('select direction, version_to as to from headgate.attempt');
const versions = () =>
  ask('select version from headgate.migration order by 1').then((all) => all.map((r) => r.version));
const owner = async () => {
  const client = new pg.Client(await ownersConnection(real.store));
  client.on('error', () => {});
  await client.connect();
  return client;
};

/** Somebody's transaction that has used the table: what is CONCURRENTLY waits for it. */
async function busy(sql = 'begin; update public.invoice set number = number where id = 1'): Promise<pg.Client> {
  const client = await owner();
  await client.query(sql);
  return client;
}

/** An agent of its own, killed by whoever asked for it. */
async function agent(migration: MigrationRef | MigrationBack, text: string): Promise<ChildProcess> {
  const { dir, store } = real;
  const one: OneSqlMigration = {
    ...{ dir, cluster: store.cluster.config, passwordFile: store.passwordFile, migration, text, n: ++n },
  };
  const file = join(dir, 'one.json');
  await writeFile(file, JSON.stringify(one), { mode: 0o600 });
  const child = spawn(process.execPath, [MAIN, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()));
  return child;
}
async function kill(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await ended;
}
const soon = { timeout: 20_000, interval: 10 };

const ONE =
  'create table public.invoice(id int primary key, number int); insert into public.invoice select i, i from generate_series(1, 2000) i';
beforeEach(async () => {
  await ask(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'`);
  await ask('drop table if exists public.invoice; delete from headgate.migration; delete from headgate.attempt');
  expect(await up(0, ONE)).toMatchObject({ ok: true });
});

describe('a file that says headgate:no-transaction', () => {
  test('runs outside of one, once, as the owner, and is recorded; and back likewise', async () => {
    expect(await up(1, BUILD)).toEqual({ ok: true, value: { version: 2 } });
    expect(await index()).toMatchObject({ valid: true });
    const { oid } = (await index()) ?? {};
    expect(await up(1, BUILD)).toEqual({ ok: true, value: { version: 2 } });
    expect((await index())?.oid, 'built once').toBe(oid);
    expect(await ask(`select tableowner from pg_tables where tablename = 'invoice'`)).toEqual([{ tableowner: 'app' }]);
    expect(await attempts()).toEqual([]);
    expect(await migrator.look('main')).toEqual({ schemaVersion: 2 });
    expect(await down(1, BUILD, DROP)).toEqual({ ok: true, value: { version: 1 } });
    expect(await down(1, BUILD, DROP)).toEqual({ ok: true, value: { version: 1 } });
    expect(await index()).toBeUndefined();
    expect(await versions()).toEqual([1]);
  });

  test.each([
    ['reindex', '-- headgate:no-transaction\nreindex table concurrently invoice'],
    ['vacuum', '-- headgate:no-transaction\nvacuum (analyze) invoice'],
  ])('%s is recorded as well', async (_what, sql) => {
    expect(await up(1, sql)).toEqual({ ok: true, value: { version: 2 } });
    expect(await attempts()).toEqual([]);
  });

  test.each([
    ['more than one statement', `${BUILD} select 1;`, 'more than one statement'],
    ['what a transaction takes', '-- headgate:no-transaction\ndrop table invoice', 'isn’t one of'],
    ['a change of its rights', '-- headgate:no-transaction\nreset role', 'isn’t one of'],
  ])('is refused with %s, before anything runs', async (_what, sql, why) => {
    expect(await up(1, sql)).toMatchObject({ ok: false, code: 'rejected', why: expect.stringContaining(why) });
    expect(await versions()).toEqual([1]);
    expect(await attempts()).toEqual([]);
  });

  test('without that line it is refused, as ever', async () => {
    expect(await up(1, BUILD.split('\n')[1] ?? '')).toMatchObject({ ok: false, code: 'rejected' });
  });

  test('a lower fence is refused and changes nothing', async () => {
    const low = stepContext({ fence: { epoch: 0, n: 1 } });
    expect(await migrator.up('main', migration(1, BUILD), BUILD, low)).toMatchObject({ ok: false, code: 'fenced' });
    expect(await index()).toBeUndefined();
  });

  test('a decision that comes while it runs keeps it from being recorded, and takes it over', async () => {
    const other = await busy();
    const running = up(1, BUILD);
    await expect.poll(index, soon).toMatchObject({ valid: false });
    await ask('update headgate.fence set epoch = 2');
    await other.end();
    expect(await running).toMatchObject({ ok: false, code: 'fenced' });
    expect(await versions()).toEqual([1]);
    await ask('update headgate.fence set epoch = 1');
    expect(await up(1, BUILD)).toEqual({ ok: true, value: { version: 2 } });
  });

  test('what fails leaves no invalid index behind, and says why', async () => {
    await ask('insert into public.invoice values (9999, 1)');
    const unique = BUILD.replace('create index', 'create unique index');
    expect(await up(1, unique)).toMatchObject({ ok: false, code: 'rejected', why: expect.stringContaining('23505') });
    expect(await index()).toBeUndefined();
    expect(await attempts()).toEqual([]);
    expect(await migrator.look('main')).toEqual({ schemaVersion: 1 });
  });

  test('when its time is over it is ended; the next attempt clears up and finishes', async () => {
    const other = await busy();
    expect(await up(1, BUILD, { remainingMs: () => 700 })).toMatchObject({ ok: false, code: 'expired' });
    await other.end();
    expect(await again(() => up(1, BUILD))).toEqual({ ok: true, value: { version: 2 } });
    expect(await index()).toMatchObject({ valid: true });
  });
});

describe('an index that no migration of ours made', () => {
  test('is never taken for it', async () => {
    await ask('create index invoice_number on public.invoice(id)');
    expect(await up(1, BUILD)).toMatchObject({
      ok: false,
      why: expect.stringContaining('which no migration of ours made'),
    });
    expect(await index()).toMatchObject({ valid: true });
    const tolerant = BUILD.replace('concurrently ', 'concurrently if not exists ');
    expect(await up(1, tolerant), 'unless the file says so').toEqual({ ok: true, value: { version: 2 } });
  });

  test('and is invalid is said, and left alone', async () => {
    const other = await busy();
    const person = await owner();
    const { rows } = await person.query('select pg_backend_pid() as pid');
    const building = person.query('create index concurrently invoice_number on public.invoice(id)').catch(() => {});
    await expect.poll(index, soon).toMatchObject({ valid: false });
    await ask(`select pg_terminate_backend(${rows[0].pid})`);
    await building;
    await other.end();
    expect(await up(1, BUILD)).toMatchObject({
      ok: false,
      why: expect.stringMatching(/INVALID, and no migration of ours/),
    });
    const tolerant = BUILD.replace('concurrently ', 'concurrently if not exists ');
    expect(await up(1, tolerant)).toMatchObject({ ok: false, why: expect.stringContaining('INVALID') });
    expect(await index()).toMatchObject({ valid: false });
  });
});

describe('an agent that is killed', () => {
  test('before anything of it happened: it happens', async () => {
    const holder = await busy('begin; lock table public.invoice in access exclusive mode');
    const child = await agent(migration(1, BUILD), BUILD);
    await expect.poll(attempts, soon).toEqual([{ direction: 'up', to: 2 }]);
    await kill(child);
    await holder.end();
    expect(await again(() => up(1, BUILD))).toEqual({ ok: true, value: { version: 2 } });
  });

  test('in its middle: the invalid index is dropped, and it is built anew', async () => {
    const other = await busy();
    const child = await agent(migration(1, BUILD), BUILD);
    await expect.poll(index, soon).toMatchObject({ valid: false });
    await kill(child);
    const half = await index();
    expect(await versions()).toEqual([1]);
    expect(await migrator.look('main'), 'the schema is at its version').toEqual({ schemaVersion: 1 });
    const said: string[] = [];
    const next = again(() => up(1, BUILD, { log: (line: string) => said.push(line) }));
    await expect.poll(() => said.length, soon).toBeGreaterThan(0);
    await other.end();
    expect(await next).toEqual({ ok: true, value: { version: 2 } });
    expect(said[0]).toContain('was interrupted');
    expect(await index()).toMatchObject({ valid: true });
    expect((await index())?.oid).not.toBe(half?.oid);
    expect(await attempts()).toEqual([]);
  });

  test('when it was done and not recorded: it is recorded, not built again', async () => {
    const other = await busy();
    const child = await agent(migration(1, BUILD), BUILD);
    await expect.poll(index, soon).toMatchObject({ valid: false });
    await withClient(await controlConnection(real.store), async (holder) => {
      await holder.query('begin; select 1 from headgate.fence for update');
      await other.end();
      await expect.poll(index, soon).toMatchObject({ valid: true });
      await kill(child);
      await holder.query('rollback');
    });
    const built = await index();
    expect(await versions()).toEqual([1]);
    expect(await again(() => up(1, BUILD))).toEqual({ ok: true, value: { version: 2 } });
    expect((await index())?.oid).toBe(built?.oid);
  });

  test('and its release is rolled back: nothing of the index is left', async () => {
    const other = await busy();
    const child = await agent(migration(1, BUILD), BUILD);
    await expect.poll(index, soon).toMatchObject({ valid: false });
    await kill(child);
    await other.end();
    for (const way of [DROP, 'drop index invoice_number'])
      expect(await again(() => down(1, BUILD, way))).toEqual({ ok: true, value: { version: 1 } });
    expect(await index()).toBeUndefined();
    expect(await attempts()).toEqual([]);
  });

  test('and another file comes for that version: it begins where the store stood before', async () => {
    const other = await busy();
    const child = await agent(migration(1, BUILD), BUILD);
    await expect.poll(index, soon).toMatchObject({ valid: false });
    await kill(child);
    await other.end();
    const mended = 'alter table public.invoice add column note text';
    expect(await again(() => up(1, mended))).toEqual({ ok: true, value: { version: 2 } });
    expect(await index()).toBeUndefined();
    expect(await attempts()).toEqual([]);
  });

  test('on the way back, in its middle: it is finished', async () => {
    expect(await up(1, BUILD)).toMatchObject({ ok: true });
    const other = await busy();
    const child = await agent(back(1, BUILD, DROP), DROP);
    await expect.poll(index, soon).toMatchObject({ valid: false });
    await kill(child);
    expect(await migrator.look('main')).toMatchObject({
      schemaVersion: 2,
      drift: [expect.stringContaining('way back')],
    });
    await other.end();
    expect(await again(() => up(2, 'select 1')), 'nothing is built on it').toMatchObject({
      ok: false,
      code: 'rejected',
    });
    expect(await again(() => down(1, BUILD, DROP))).toEqual({ ok: true, value: { version: 1 } });
    expect(await index()).toBeUndefined();
    expect(await migrator.look('main')).toEqual({ schemaVersion: 1 });
  });

  test('while it dropped one: its own way back builds it again, and nobody else goes on', async () => {
    expect(await up(1, BUILD)).toMatchObject({ ok: true });
    const other = await busy();
    const child = await agent(migration(2, DROP), DROP);
    await expect.poll(index, soon).toMatchObject({ valid: false });
    await kill(child);
    await other.end();
    expect(await again(() => up(2, 'select 1'))).toMatchObject({
      ok: false,
      why: expect.stringContaining('finish it'),
    });
    expect(await again(() => down(2, DROP, BUILD))).toEqual({ ok: true, value: { version: 2 } });
    expect(await index()).toMatchObject({ valid: true });
    expect(await attempts()).toEqual([]);
  });
});

describe('a REINDEX that is cut short', () => {
  const REBUILD = '-- headgate:no-transaction\nreindex table concurrently invoice;';
  const half = () =>
    ask(`select i.indexrelid::text as oid, n.nspname as schema from pg_index i join pg_class c on c.oid = i.indexrelid
      join pg_namespace n on n.oid = c.relnamespace where not i.indisvalid order by 1`) as Promise<
      { oid: string; schema: string }[]
    >;
  beforeEach(() => ask('alter table public.invoice add column note text'));
  /** The agent and its session: left to itself, the server would finish it once nobody is in the way. */
  async function cutShort(child: ChildProcess, holder: pg.Client): Promise<void> {
    await kill(child);
    const atWork = `from pg_stat_activity where query like '%reindex table concurrently%' and state = 'active' and pid <> pg_backend_pid()`;
    await ask(`select pg_terminate_backend(pid) ${atWork}`);
    await expect.poll(() => ask(`select pid ${atWork}`), soon).toEqual([]);
    await holder.end();
  }

  test('leaves indexes of the table and of its TOAST, which the next attempt takes away', async () => {
    const other = await busy();
    const child = await agent(migration(1, REBUILD), REBUILD);
    await expect
      .poll(async () => new Set((await half()).map(({ schema }) => schema)), soon)
      .toEqual(new Set(['public', 'pg_toast']));
    await cutShort(child, other);
    expect(await again(() => up(1, REBUILD))).toEqual({ ok: true, value: { version: 2 } });
    expect(await half()).toEqual([]);
    expect(await attempts()).toEqual([]);
  });

  test('is cleared up after by another file, too', async () => {
    const other = await busy();
    const child = await agent(migration(1, REBUILD), REBUILD);
    await expect.poll(half, soon).not.toEqual([]);
    await cutShort(child, other);
    expect(await again(() => up(1, 'alter table public.invoice add column more text'))).toMatchObject({ ok: true });
    expect(await half()).toEqual([]);
  });

  test('what somebody else’s left is told, and left alone; what ours left beside it goes', async () => {
    const other = await busy();
    const theirs = await owner();
    await theirs.query(`set statement_timeout = 300`);
    await expect(theirs.query('reindex table concurrently public.invoice')).rejects.toThrow(/timeout/);
    await theirs.end();
    const before = await half();
    expect(before.length).toBeGreaterThan(0);
    const child = await agent(migration(1, REBUILD), REBUILD);
    await expect.poll(async () => (await half()).length, soon).toBeGreaterThan(before.length);
    await cutShort(child, other);
    expect(await again(() => up(1, REBUILD))).toMatchObject({
      ok: false,
      code: 'rejected',
      why: expect.stringMatching(/passed over .*invoice_pkey_ccnew.*DROP INDEX CONCURRENTLY/),
    });
    expect(await half()).toEqual(before);
    expect(await versions()).toEqual([1]);
  });
});

describe('what PostgreSQL only warns of and passes over', () => {
  beforeEach(async () => {
    await ask(`drop table if exists public.theirs; create table public.theirs(id int); grant select on public.theirs to app; grant create on schema public to app;
      alter database app owner to postgres`);
  });
  afterEach(() => ask('alter database app owner to app; drop table if exists public.theirs'));

  test.each([
    ['vacuum of another’s table', '-- headgate:no-transaction\nvacuum theirs'],
    ['vacuum of everything', '-- headgate:no-transaction\nvacuum'],
    ['analyze of another’s table, in a transaction', 'create table public.kept(id int); analyze public.theirs'],
    ['the same by a block', `do $$ begin analyze public.theirs; end $$`],
  ])('%s isn’t done, and says why', async (_what, sql) => {
    expect(await up(1, sql)).toMatchObject({
      ok: false,
      code: 'rejected',
      why: expect.stringMatching(/passed over .*theirs.*OWNER TO/),
    });
    expect(await versions()).toEqual([1]);
    expect(await attempts()).toEqual([]);
    expect(await ask(`select to_regclass('public.kept') as kept`)).toEqual([{ kept: null }]);
  });

  test('… also where the database keeps its warnings to itself', async () => {
    await ask('alter database app set client_min_messages = error');
    expect(await up(1, '-- headgate:no-transaction\nvacuum theirs')).toMatchObject({ ok: false });
    expect(await up(1, 'analyze public.theirs')).toMatchObject({ ok: false });
    await ask('alter database app reset client_min_messages');
  });

  test('vacuum and analyze of everything that is one’s own are done, whatever of the system is passed over', async () => {
    await ask('drop table public.theirs');
    expect(await up(1, '-- headgate:no-transaction\nvacuum')).toMatchObject({ ok: true });
    expect(await up(2, 'analyze')).toMatchObject({ ok: true });
  });
});

test('a store that was brought back from before is looked at all the same', async () => {
  await ask('alter table headgate.attempt drop column statement');
  expect(await migrator.look('main')).toEqual({ schemaVersion: 1 });
  await ask('drop table headgate.attempt');
  expect(await migrator.look('main')).toEqual({ schemaVersion: 1 });
  await ask(`comment on schema headgate is 'Headgate''s own; of an older version'`);
  expect(await up(1, BUILD)).toEqual({ ok: true, value: { version: 2 } });
});

test('killed at any moment, it happens once', async () => {
  for (const afterMs of [30, 120, 260]) {
    const child = await agent(migration(1, BUILD), BUILD);
    await sleep(afterMs); // the moment of the kill, not something that is waited for
    await kill(child);
    expect(await again(() => up(1, BUILD)), `killed after ${afterMs} ms`).toEqual({ ok: true, value: { version: 2 } });
    expect(await index()).toMatchObject({ valid: true });
    expect(await again(() => down(1, BUILD, DROP))).toEqual({ ok: true, value: { version: 1 } });
  }
});

describe('an index that came while an attempt was open', () => {
  const begun = (text: string) =>
    ask(`insert into headgate.attempt(direction, version_from, version_to, digest, key, statement)
         values ('up', 1, 2, '${digestFor(text)}', 'k', '${text.split('\n')[1]}')`);

  test('and is another one than ours is neither taken for it nor dropped', async () => {
    await begun(BUILD);
    await ask('create unique index invoice_number on public.invoice(id, number)');
    const { oid } = (await index()) ?? {};
    expect(await up(1, BUILD)).toMatchObject({ ok: false, why: expect.stringContaining("isn't the one") });
    expect(await down(1, BUILD, DROP)).toMatchObject({ ok: true });
    expect((await index())?.oid).toBe(oid);
    await ask('drop index public.invoice_number');
  });

  test('and is the very one is recorded', async () => {
    await begun(BUILD);
    await ask('create index invoice_number on public.invoice(number)');
    expect(await up(1, BUILD)).toEqual({ ok: true, value: { version: 2 } });
  });
});

test('of two indexes of one name none is dropped by the name alone, however often it is tried', async () => {
  await ask('create schema other authorization app; create table other.invoice(id int)');
  await ask('create index invoice_number on other.invoice(id); create index invoice_number on public.invoice(number)');
  for (let i = 0; i < 2; i++)
    expect(await up(1, DROP)).toMatchObject({ ok: false, why: expect.stringContaining('name the schema') });
  expect(await ask(`select count(*)::int as n from pg_class where relname = 'invoice_number'`)).toEqual([{ n: 2 }]);
  expect(await up(1, DROP.replace('invoice_number', 'public.invoice_number'))).toMatchObject({ ok: true });
  expect(await ask(`select count(*)::int as n from pg_class where relname = 'invoice_number'`)).toEqual([{ n: 1 }]);
  await ask('drop schema other cascade');
});

test('a partitioned table is not reindexed as a whole', async () => {
  await ask('create table public.part(k int) partition by range (k); alter table public.part owner to app');
  const all = '-- headgate:no-transaction\nreindex table concurrently part;';
  expect(await up(1, all)).toMatchObject({ ok: false, why: expect.stringContaining('is partitioned') });
  await ask('drop table public.part');
});
