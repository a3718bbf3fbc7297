import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { judgeRehearsal, type RehearsalFacts } from '@headgate/domain/rehearsal/rehearsal';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { processesIn } from '../../machine/processes-in.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { findPrograms } from '../../postgres-cluster/programs.ts';
import { DumpRestorePoints } from '../external-store/dump-restore-points.ts';
import { findTools } from '../external-store/postgres-tools.ts';
import type { BackedStore } from '../restore-points/backed-store.ts';
import { PhysicalRestorePoints } from '../restore-points/physical-restore-points.ts';
import { controlConnection } from '../store/store-session.ts';
import type { Copy } from './copy.ts';
import { copyFromDump } from './copy-from-dump.ts';
import { copyFromDumpPoint, copyFromPhysicalPoint } from './copy-from-point.ts';
import { type CopyServer, givenServer, ownServer } from './copy-server.ts';
import { heaviestIn, heavyStatements, plansOf } from './plans.ts';
import { type MigrationFiles, rehearse } from './rehearse.ts';
import { INVOICES, migrationsOf, type ShopStore, shopStore } from './testing/shop.ts';
import { sweepClusters, throwAwayCluster } from './throw-away-cluster.ts';
import { sweepDatabases } from './throw-away-database.ts';

const tools = await findTools(15, undefined);
const bounds = { deadlineMs: 60_000, signal: new AbortController().signal };

let shop: ShopStore;
let root: string;
beforeAll(async () => {
  shop = await shopStore();
  root = join(shop.real.dir, 'rehearsals');
  await mkdir(root, { mode: 0o755 });
});
afterAll(() => shop?.real.remove());

const databases = async () =>
  withClient(await shop.store.cluster.controlConnection(), async (client) => {
    const { rows } = await client.query<{ name: string }>('select datname as name from pg_database order by 1');
    return rows.map(({ name }) => name);
  });

function ask(copy: Copy, migrations: readonly MigrationFiles[], texts: readonly string[] = []) {
  return rehearse({
    copy,
    from: { environment: 'production', cell: 'shared', store: 'main' },
    migrations,
    how: 'headgate',
    lockWaitMs: 10_000,
    mostTables: 16,
    statements: { source: texts.length === 0 ? 'none' : 'file', texts },
    business: { notRun: 'this test doesn’t' },
    now: () => 1_000,
    say: () => {},
  });
}

describe.skipIf(tools === undefined)('On a copy of a dump', { timeout: 180_000 }, () => {
  let onto: CopyServer;
  beforeAll(async () => {
    onto = await ownServer(root, 15);
  });
  afterAll(() => onto?.close());
  const copied = () => copyFromDump({ source: shop.source, onto, workDir: join(shop.real.dir, 'work'), ...bounds });
  const on = async (migrations: readonly MigrationFiles[], texts?: readonly string[]): Promise<RehearsalFacts> => {
    const copy = await copied();
    try {
      return await ask(copy, migrations, texts);
    } finally {
      await copy.remove();
    }
  };
  const back = ({ comparisons }: RehearsalFacts) => comparisons.find(({ what }) => what === 'back')?.differences;

  test('forward, back and forward again: what is back is back, and every pass is traced', async () => {
    const facts = await on(
      migrationsOf(
        ['alter table invoice add column paid boolean not null default false', 'alter table invoice drop column paid'],
        [
          `create table payment(id bigint generated always as identity primary key, invoice_id bigint references invoice);
           insert into payment(invoice_id) select id from invoice where total < 100`,
          'drop table payment',
        ],
      ),
    );
    expect(facts.comparisons).toEqual([
      { what: 'back', differences: [] },
      { what: 'again', differences: [] },
    ]);
    expect(facts.passes.map(({ direction, files }) => [direction, files.map(({ migration }) => migration)])).toEqual([
      ['forward', ['m1', 'm2']],
      ['back', ['m2', 'm1']],
      ['forward-again', ['m1', 'm2']],
    ]);
    expect(facts).toMatchObject({
      copy: { how: 'dump', of: 'shop', server: 15, rows: 1000 + INVOICES + 2 },
      schema: { from: 0, to: 2 },
    });
    expect(judgeRehearsal(facts)).toMatchObject({ ok: true, wayBack: 'equal', because: [] });
  });

  test('it goes back as far as each has a way, and compares with what was there then', async () => {
    const kept = ['alter table customer add column seen date; update customer set seen = now()'] as const;
    const led = ['alter table invoice add column paid boolean', 'alter table invoice drop column paid'] as const;
    const first = ['create table early(n int)', 'drop table early'] as const;
    const facts = await on(migrationsOf(first, kept, led));
    expect(facts.passes.map(({ direction, files }) => [direction, files.map(({ migration }) => migration)])).toEqual([
      ['forward', ['m1', 'm2', 'm3']],
      ['back', ['m3']],
      ['forward-again', ['m3']],
    ]);
    expect(facts.comparisons).toEqual([
      { what: 'back', differences: [] },
      { what: 'again', differences: [] },
    ]);
    expect(facts.missing.join('\n')).toMatch(
      /no way back of m2 was run: the release has none\nnor the way back of m1: a promotion goes back from the last/,
    );
    expect(judgeRehearsal(facts)).toMatchObject({ ok: true, wayBack: 'none' });

    const wrong = await on(migrationsOf(kept, [led[0], `${led[1]}; update customer set name = 'x' where id = 1`]));
    expect(back(wrong)).toEqual([expect.objectContaining({ kind: 'values', column: 'name' })]);
    expect(judgeRehearsal(wrong)).toMatchObject({ ok: false, wayBack: 'different' });

    const last = await on(migrationsOf(first, kept));
    expect(last.passes.map(({ direction }) => direction)).toEqual(['forward']);
    expect(judgeRehearsal(last)).toMatchObject({ ok: true, wayBack: 'none' });
  });

  test('a way back that loses something is told by table, column and counts; declared, it is lossy', async () => {
    const up = 'alter table invoice drop column note cascade';
    const down = `alter table invoice add column note text; create view open_invoice as select id, total from invoice where note is null`;
    const facts = await on(migrationsOf([up, down]));
    expect(back(facts)).toEqual([
      { kind: 'object-changed', object: 'order of columns of public.invoice', why: expect.stringContaining('note') },
      { kind: 'values', relation: 'public.invoice', column: 'note', before: INVOICES / 3, after: 0 },
    ]);
    expect(judgeRehearsal(facts)).toMatchObject({ ok: false, wayBack: 'different' });

    const lossy = await on(
      migrationsOf([
        `update customer set name = upper(name) || 'x'`,
        '-- headgate:lossy names stay in capitals\nselect 1',
      ]),
    );
    expect(back(lossy)).toEqual([
      { kind: 'values', relation: 'public.customer', column: 'name', before: 1000, after: 1000 },
    ]);
    expect(judgeRehearsal(lossy)).toMatchObject({ wayBack: 'declared-lossy' });
  });

  test('a sequence that went back, large objects and settings that stay are told; one that went on is not', async () => {
    const facts = await on(
      migrationsOf([
        `select setval('receipt', 5), lo_from_bytea(0, 'x'); alter role current_user set work_mem = '8MB'`,
        'select 1',
      ]),
    );
    expect(back(facts)).toEqual([
      { kind: 'object-new', object: 'large objects', why: 'is 1 of them' },
      { kind: 'object-new', object: expect.stringMatching(/^settings of /), why: 'is work_mem=8MB' },
      { kind: 'sequence-back', object: 'public.receipt', why: 'it gave 20001 next, and gives 6' },
    ]);
    expect(judgeRehearsal(facts)).toMatchObject({ ok: false, wayBack: 'different' });
    expect(back(await on(migrationsOf([`select nextval('receipt')`, 'select 1'])))).toEqual([]);
  });

  test('rows that come twice on the second way forward are seen', async () => {
    const facts = await on(migrationsOf([`insert into weighed values (7)`, 'select 1']));
    expect(facts.comparisons).toEqual([
      {
        what: 'back',
        differences: expect.arrayContaining([{ kind: 'rows', relation: 'public.weighed', before: 2, after: 3 }]),
      },
      {
        what: 'again',
        differences: expect.arrayContaining([{ kind: 'rows', relation: 'public.weighed', before: 3, after: 4 }]),
      },
    ]);
  });

  test('a migration that fails ends the rehearsal, and says where', async () => {
    const facts = await on(
      migrationsOf(
        ['create table a(x int)', 'drop table a'],
        [`select 1;\nalter table nowhere add column y int`, 'select 1'],
      ),
    );
    expect(facts.passes).toHaveLength(1);
    expect(judgeRehearsal(facts)).toMatchObject({
      ok: false,
      wayBack: 'not-reached',
      because: [expect.stringContaining('2.sql failed on the way forward, line 2: PostgreSQL refused it (42P01)')],
    });
  });

  test('a lost index, a new sequential scan and a statement that fails are found', async () => {
    const texts = await heavyStatements(
      `select * from invoice where customer_id = $1; select name from customer where id = $1; select note from invoice where id = $1;
       vacuum invoice; update invoice set total = $2 where id = $1`,
    );
    expect(texts).toHaveLength(4);
    const facts = await on(
      migrationsOf(['drop index invoice_customer; alter table invoice drop column note cascade']),
      texts,
    );
    expect(facts.plans).toMatchObject({ compared: 4, source: 'file' });
    expect(facts.plans.changes).toEqual([
      { kind: 'lost-index', text: texts[0], relation: 'public.invoice', index: 'invoice_customer' },
      { kind: 'new-sequential-scan', text: texts[0], relation: 'public.invoice', rows: INVOICES },
      { kind: 'fails', text: texts[2], why: expect.stringContaining('42703') },
    ]);
    expect(judgeRehearsal(facts)).toMatchObject({ ok: false, wayBack: 'none' });
  });

  test('who reads and writes meanwhile feels what the lock keeps from them, and nothing of it elsewhere', async () => {
    const hold = 'select pg_sleep(0.6)';
    const facts = await on(
      migrationsOf([`lock table customer in access exclusive mode; lock table invoice in share mode; ${hold}`]),
    );
    const [pass] = facts.passes;
    const of = (relation: string) => pass?.stalls.find((stall) => stall.relation === relation);
    expect(pass?.unwatched).toEqual([]);
    expect(of('public.customer')?.readersMs).toBeGreaterThan(500);
    expect(of('public.customer')?.writersMs).toBeGreaterThan(500);
    expect(of('public.invoice')?.writersMs).toBeGreaterThan(500);
    expect(of('public.invoice')?.readersMs).toBeLessThan(of('public.invoice')?.writersMs ?? 0);
    expect(judgeRehearsal(facts).longestStallMs).toBeGreaterThan(500);
    // A table that is gone at the end has kept its readers waiting until then.
    const dropped = await on(migrationsOf([`drop table weighed; select pg_sleep(0.6)`]));
    const [gone] = dropped.passes[0]?.stalls.filter(({ relation }) => relation === 'public.weighed') ?? [];
    expect(gone?.readersMs).toBeGreaterThan(500);
    expect(gone?.errors).toMatchObject({ '42P01': 2 });
    // What no text tells is found by looking.
    const hidden = await on(
      migrationsOf([`do $$ begin execute 'lock table ' || 'customer in share mode'; perform pg_sleep(0.6); end $$`]),
    );
    const felt = hidden.passes[0]?.stalls.find(({ relation }) => relation === 'public.customer');
    expect(felt?.writersMs).toBeGreaterThan(300);
  });

  test('the copy’s migrations may be no more than the application’s owner', async () => {
    const facts = await on(migrationsOf([`reset role; copy (select 1) to program 'true'`]));
    expect(judgeRehearsal(facts).because[0]).toContain('42501');
  });
});

describe.skipIf(tools === undefined)('On a restore point of a database of somebody else’s', () => {
  test('the newest is restored under a random name, and everything of it is gone afterwards', async () => {
    const before = await databases();
    const points = new DumpRestorePoints(new Map([['main', shop.store]]));
    const taken = await points.take('main', stepContext());
    const onto = await givenServer({ file: shop.files.adminUrl });
    const copy = await copyFromDumpPoint(shop.store, onto, bounds);
    expect(copy.origin).toMatchObject({ how: 'restore-point', of: taken.ok ? taken.value.id : '' });
    expect(copy.store.database).toMatch(/^headgate_rehearsal_[0-9a-f]{16}$/);
    const facts = await ask(copy, migrationsOf(['drop table invoice cascade']));
    expect(facts.copy.rows).toBe(1000 + INVOICES + 2);
    await copy.remove();
    expect(await databases()).toEqual(before);
    const { rows } = await withClient(shop.owner, (client) => client.query('select count(*)::int as n from invoice'));
    expect(rows).toEqual([{ n: INVOICES }]);
  });
});

test('a restore point of a cluster of ours becomes a cluster of its own, and the store never notices', async () => {
  const { store, archiveDir, dir } = shop.real;
  const backed: BackedStore = { ...store, archiveDir, restorePointsDir: join(dir, 'points'), files: [], keep: 3 };
  const kept = async () =>
    withClient(
      await controlConnection(store),
      async (client) => (await client.query('select * from headgate.fence')).rows,
    );
  await withClient(await store.cluster.connection('app'), (client) =>
    client.query(
      'set role app; create table public.entry(n int); insert into public.entry select generate_series(1, 50)',
    ),
  );
  const fences = await kept();
  const points = new PhysicalRestorePoints(new Map([['main', backed]]));
  expect(await points.take('main', stepContext())).toMatchObject({ ok: true });
  const copy = await copyFromPhysicalPoint(backed, root, bounds);
  try {
    const facts = await ask(
      copy,
      migrationsOf(['alter table entry add column m int', 'alter table entry drop column m']),
    );
    expect(judgeRehearsal(facts)).toMatchObject({ ok: true, wayBack: 'equal' });
    expect(facts.copy.rows).toBe(50);
  } finally {
    await copy.remove();
  }
  expect(await kept()).toEqual(fences);
  expect(await readdir(root)).not.toContain(expect.stringContaining('rehearsal-'));
});

test('the heaviest statements come from the database that keeps them, and are nothing where it doesn’t', async () => {
  const settings = { shared_preload_libraries: 'pg_stat_statements', fsync: 'off' };
  const { cluster, remove } = await throwAwayCluster(root, await findPrograms(18, root), settings);
  try {
    await withClient(await cluster.connection(), async (client) => {
      expect(await heaviestIn(client)).toBeUndefined();
      await client.query('create extension pg_stat_statements; create table t(id int primary key, n int)');
      for (let i = 0; i < 3; i++) await client.query('select n from t where id = $1', [i]);
      await client.query('update t set n = 7 where id = 1');
      await client.query('vacuum t');
      await client.query('insert into t select i, i from generate_series(10, 5000) i; analyze t');
      const heaviest = await heaviestIn(client);
      expect(heaviest).toContain('select n from t where id = $1');
      expect(heaviest).toContain('update t set n = $1 where id = $2');
      expect(heaviest?.join()).not.toContain('vacuum');
      const plans = await plansOf(client, ['select n from t where id = $1', 'select gone from t']);
      expect(plans).toMatchObject([
        { ok: true, reads: [{ relation: 'public.t', index: 't_pkey' }] },
        { ok: false, code: '42703' },
      ]);
    });
  } finally {
    await remove();
  }
});

test('what a kill -9 leaves is swept; what is in use stays', async () => {
  const held = spawn(
    process.execPath,
    [join(import.meta.dirname, 'testing', 'hold-copy.ts'), shop.files.adminUrl, root],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const [line] = (await once(held.stdout, 'data')) as [Buffer];
  const { database, dir } = JSON.parse(line.toString()) as { database: string; dir: string };
  expect(await sweepDatabases(shop.store.cluster)).toEqual([]);
  expect(await sweepClusters(root)).toEqual([]);
  expect(await databases()).toContain(database);
  held.kill('SIGKILL');
  await once(held, 'exit');
  await expect.poll(() => sweepDatabases(shop.store.cluster), { timeout: 40_000 }).toEqual([database]);
  expect(await sweepClusters(root)).toEqual([dir]);
  expect(await databases()).not.toContain(database);
  expect(await processesIn(join(dir, 'cluster', 'data')).catch(() => [])).toEqual([]);
  expect(await readdir(root)).not.toContain(dir.slice(root.length + 1));
});
