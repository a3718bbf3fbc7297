/** Migrations that are interrupted and tried again while users work with the version that serves. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { judgeRehearsal, type RehearsalFacts, rehearsalEvidence } from '@headgate/domain/rehearsal/rehearsal';
import { rowsAstray, underLoadReasons } from '@headgate/domain/rehearsal/under-load';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { allPids, cwdOf } from '../../../machine/processes-in.ts';
import { runAs } from '../../../machine/run-as.ts';
import { withClient } from '../../../postgres-cluster/database.ts';
import type { CellConfig } from '../../cell-config.ts';
import { CommandMigrations } from '../../command-migrator/command-config.ts';
import { erpProgram } from '../../command-migrator/testing/erp-program.ts';
import { findTools } from '../../external-store/postgres-tools.ts';
import { controlConnection } from '../../store/store-session.ts';
import { billing, serve, shopCell } from '../business/testing/shop-cell.ts';
import { copyFromDump } from '../copy-from-dump.ts';
import { type CopyServer, ownServer } from '../copy-server.ts';
import type { ProgramToRun } from '../program-on-copy.ts';
import { type MigrationFiles, rehearse } from '../rehearse.ts';
import { migrationsOf, type ShopStore, shopStore } from '../testing/shop.ts';
import type { Trial } from './ground.ts';
import { BOUNDS, LOAD, NEW, OLD, type ShopLoad, shopUnderLoad } from './testing/shop-under-load.ts';

const tools = await findTools(15, undefined);

/** Its version is the last name in shop_version. */
const PROGRAM = `
import pg from 'pg';
const client = new pg.Client(process.env.DATABASE_URL);
await client.connect();
const record = async (name) => { await client.query('create table if not exists shop_version(n serial primary key, name text)'); await client.query('insert into shop_version(name) values ($1)', [name]); };
const first = () => client.query('update weighed set n = n + 1');
const second = (how) => client.query('alter table customer add column ' + how + ' seen date');
// There for long enough to be ended as it began.
const began = () => client.query('select pg_sleep(1)');
const asked = {
  whole: async () => {
    const { rows } = await client.query("select to_regclass('shop_version') as it");
    if (rows[0].it !== null) return;
    await began(); await client.query('begin'); await first(); await second(''); await record('whole'); await client.query('commit');
  },
  halves: async () => { await first(); await second('if not exists'); await record('halves'); },
  // It waits between its two halves, whoever holds what it waits for.
  once: async () => { await began(); await second(''); await first(); await record('once'); },
};
await asked[process.argv[2]]();
await client.end();
`;

let shop: ShopStore;
let root: string;
let config: CellConfig;
beforeAll(async () => {
  shop = await shopStore();
  root = join(shop.real.dir, 'rehearsals');
  await mkdir(root, { mode: 0o755 });
  const dir = join(shop.real.dir, 'cell');
  await mkdir(dir, { mode: 0o755 });
  config = await shopCell(shop, dir, runAs(), {});
  await serve(config, 'blue', OLD);
  await erpProgram(shop.real.dir, runAs());
  await writeFile(join(shop.real.dir, 'erp', 'migrate.mjs'), PROGRAM);
});
afterAll(() => shop?.real.remove());

describe.skipIf(tools === undefined)('Under load', { timeout: 300_000 }, () => {
  let onto: CopyServer;
  beforeAll(async () => {
    onto = await ownServer(root, 15);
  });
  afterAll(() => onto?.close());
  // Whatever came of it: no process, no database and no login is left.
  afterEach(async () => {
    expect(allPids().filter((pid) => cwdOf(pid).startsWith(root) && cwdOf(pid).includes('/programs/'))).toEqual([]);
    const left = await withClient(await onto.server.controlConnection('postgres'), (client) =>
      client.query(
        `select datname as name from pg_database where datname like 'headgate%' union all select rolname from pg_roles where rolname like 'headgate%'`,
      ),
    );
    expect(left.rows).toEqual([]);
    expect((await readdir(root)).length).toBe(1);
  });

  const load = (migrations: ShopLoad['migrations'], locked: ShopLoad['locked'], more: Partial<ShopLoad> = {}) =>
    shopUnderLoad({ shop, onto, root, config, migrations, locked, ...more });

  test('every file is interrupted at each of its moments, goes on from where it should, and nothing is lost or doubled', async () => {
    const migrations = migrationsOf(
      [
        "alter table invoice add column paid boolean; update customer set name = name || '!'; alter table weighed add column seen date",
      ],
      ['-- headgate:no-transaction\ncreate index concurrently invoice_issued on invoice(issued)'],
    );
    const copy = await copyFromDump({ source: shop.source, onto, workDir: join(shop.real.dir, 'work'), ...BOUNDS });
    const { signal } = BOUNDS;
    const asked = { config, store: 'main', verification: billing(), release: NEW, workDir: root, signal };
    let facts: RehearsalFacts;
    try {
      facts = await rehearse({
        ...{ copy, from: { store: 'main' }, migrations, how: 'headgate', lockWaitMs: 10_000, mostTables: 4 },
        ...{ statements: { source: 'none', texts: [] }, now: () => 1_000, say: () => {} },
        business: { ...asked, say: () => {}, detail: () => {} },
        underLoad: LOAD,
      });
    } finally {
      await copy.remove();
    }
    const { underLoad } = facts;
    expect(judgeRehearsal(facts).because).toEqual([]);
    const moments = (file: string) =>
      underLoad?.interruptions
        .filter((each) => each.file === file)
        .map(({ moment, done, stood, expected }) => [moment, done, stood, expected]);
    expect(moments('1.sql')).toEqual([
      ['before', true, 0, 0],
      ['lock', true, 0, 0],
      ['within', true, 0, 0],
      ['within', true, 0, 0],
      ['after', true, 1, 1],
    ]);
    // What was left INVALID by the second is gone by the third.
    expect(moments('2.sql')).toEqual([
      ['before', true, 1, 1],
      ['within', true, 1, 1],
      ['unrecorded', true, 1, 1],
      ['after', true, 2, 2],
    ]);
    expect(underLoad).toMatchObject({
      ...{ old: { version: '1.0.0' }, sessions: 3, attempts: 3, lockTimeouts: 1, failures: [], deadlocks: 0 },
      end: { differences: [] },
      written: [{ relation: 'public.invoice', each: 1 }],
    });
    expect(underLoad?.during.transactions).toBeGreaterThan(5);
    expect(rowsAstray(underLoad?.written ?? [])).toEqual({ lost: 0, doubled: 0 });
    expect(rehearsalEvidence(facts).underLoad).toMatchObject({ old: '1.0.0', interruptions: 9 });
  });

  test('an old version that fails between two files is told with its transaction, although both ends are well', async () => {
    const { facts } = await load(
      migrationsOf(['alter table invoice rename note to memo'], ['alter table invoice rename memo to note']),
      { 'public.invoice': 'ACCESS EXCLUSIVE' },
    );
    // Posting, or reading what was posted: whichever it was at when the column was gone.
    expect(facts.failures.length).toBeGreaterThan(0);
    for (const { check, beside } of facts.failures) {
      expect(check).toMatch(/^bill\/(post|read)$/);
      expect(beside).toMatch(/^beside [12]\.sql, call \d+$/);
    }
    expect(facts.stopped).toBeUndefined();
    expect(underLoadReasons(facts)[0]).toMatch(/business transactions of 1\.0\.0 failed while they ran/);
    expect(facts.end?.differences).toEqual([]);
  });

  test('a file that forgets what is written while it runs is found out each time, however fast it is', async () => {
    const { facts, missing } = await load(
      migrationsOf([
        'create table keep as select * from invoice; truncate invoice; insert into invoice select * from keep; drop table keep',
      ]),
      { 'public.invoice': 'ACCESS EXCLUSIVE' },
    );
    // Each of three sessions wrote a row behind the first statement.
    expect(rowsAstray(facts.written).lost).toBeGreaterThanOrEqual(3);
    expect(underLoadReasons(facts).join('\n')).toMatch(/public\.invoice: \d+ of the rows that sessions wrote are lost/);
    expect(missing.filter((each) => each.includes('just then'))).toEqual([]);
  });

  test('a file that needs next what users hold who wait for it is found out each time, and comes to its end', async () => {
    const { facts, missing } = await load(
      // Who posts an invoice looks its customer up.
      migrationsOf(['alter table customer add column seen date; alter table invoice add column paid boolean']),
      { 'public.invoice': 'ACCESS EXCLUSIVE' },
    );
    expect(facts.deadlocks).toBeGreaterThan(0);
    // Whichever of them PostgreSQL ended.
    const told = missing.some((each) => each.includes('just then'));
    expect(facts.failures.length > 0 || told).toBe(true);
    expect(facts.stopped).toBeUndefined();
    expect(facts.interruptions.at(-1)).toMatchObject({ moment: 'after', done: true, stood: 1 });
  });

  // The saboteur works where nothing else would notice: between two transactions, on what was written before.
  test.each([
    ['lost', 'delete from invoice where ctid = (select ctid from invoice where id >= 1000000 order by ctid limit 1)'],
    [
      'doubled',
      'insert into invoice select id + 2000000000, customer_id, total, note, issued from invoice where id >= 1000000 order by ctid limit 1',
    ],
  ])('a write of a session that is %s turns the figure', async (what, sql) => {
    const spoiled = (trial: Trial): Trial => ({
      ...trial,
      serving: (work, failed) =>
        trial.serving(
          (serving) =>
            work({
              ...serving,
              async carry(nth, signal) {
                if (nth === 12)
                  await withClient(await controlConnection(trial.store), (client) =>
                    client.query(`set search_path = public; ${sql}`),
                  );
                return serving.carry(nth, signal);
              },
            }),
          failed,
        ),
    });
    const more = { spoiled };
    const { facts } = await load(
      migrationsOf(['alter table invoice add column paid boolean']),
      { 'public.invoice': 'ACCESS EXCLUSIVE' },
      more,
    );
    expect(rowsAstray(facts.written)).toEqual({ lost: 0, doubled: 0, [what]: 1 });
    expect(underLoadReasons(facts)).toEqual([
      what === 'lost' ? expect.stringContaining('is lost') : expect.stringContaining('written twice'),
    ]);
  });

  const program = (): ProgramToRun => ({
    migrations: CommandMigrations.parse({
      ...{ kind: 'command', program: ['${node}', join(shop.real.dir, 'erp', 'migrate.mjs')], lockWaitMs: 300 },
      databaseEnv: { url: 'DATABASE_URL' },
      versionQuery: 'select name from shop_version order by n desc limit 1',
    }),
    ...{ node: process.execPath, release: NEW, workDir: root, signal: BOUNDS.signal },
  });

  test('where production is ahead of the restore point, users work on what it has had since, and the rest is interrupted', async () => {
    const [since, pending] = migrationsOf(['create table since(n int)'], ['alter table since add column m int']);
    const copy = await copyFromDump({ source: shop.source, onto, workDir: join(shop.real.dir, 'work'), ...BOUNDS });
    const asked = { config, store: 'main', verification: billing(), release: NEW, workDir: root };
    try {
      const facts = await rehearse({
        ...{ copy, from: { store: 'main' }, migrations: [pending!], applied: [since!], how: 'headgate' },
        ...{ lockWaitMs: 10_000, mostTables: 4, statements: { source: 'none', texts: [] } },
        ...{ now: () => 1_000, say: () => {}, underLoad: LOAD },
        business: { ...asked, signal: BOUNDS.signal, say: () => {}, detail: () => {} },
      });
      expect(judgeRehearsal(facts).because).toEqual([]);
      expect(facts.missing[0]).toMatch(/^the store is at schema 1, and its copy was at 0: m1 ran on it first/);
      expect(facts.underLoad?.interruptions.map(({ file, moment, stood }) => [file, moment, stood])).toEqual([
        ['2.sql', 'before', 1],
        ['2.sql', 'lock', 1],
        ['2.sql', 'within', 1],
        ['2.sql', 'after', 2],
      ]);
    } finally {
      await copy.remove();
    }
  });

  test('a program that can be called again after it was ended anywhere comes to the same end', async () => {
    const { facts } = await load(called('whole'), { 'public.customer': 'ACCESS EXCLUSIVE' }, { program: program() });
    expect(facts.interruptions.map(({ moment, done, stood }) => [moment, done, stood])).toEqual([
      ['before', true, 0],
      ['lock', true, 0],
      ['within', true, 0],
      ['unrecorded', true, 0],
      ['after', true, 1],
    ]);
    expect(underLoadReasons(facts)).toEqual([]);
  });

  test('a program that does the first half twice after it was ended in its middle is found out', async () => {
    const { facts } = await load(called('halves'), { 'public.customer': 'ACCESS EXCLUSIVE' }, { program: program() });
    expect(facts.stopped).toBeUndefined();
    expect(facts.end?.differences).toContainEqual(
      expect.objectContaining({ kind: 'values', relation: 'public.weighed', column: 'n' }),
    );
    expect(underLoadReasons(facts).join('\n')).toContain(
      'under load: not as when undisturbed: public.weighed.n: other values than before (in one of 2 at least)',
    );
  });

  test('a program that can’t be called again when it is done stops the promotion, and that is told', async () => {
    const { facts } = await load(called('once'), { 'public.weighed': 'ROW EXCLUSIVE' }, { program: program() });
    expect(facts.stopped).toMatch(/^1\.up\.yaml.*already exists/);
    expect(facts.end).toBeUndefined();
  });
});

function called(word: string): readonly MigrationFiles[] {
  const up = JSON.stringify({
    ...{ apiVersion: 'headgate/v1', kind: 'CommandMigration', arguments: [word], from: null, to: word },
  });
  const digest = `sha256:${createHash('sha256').update(up).digest('hex')}` as const;
  const file = { name: '1.up.yaml', size: up.length, digest };
  return [{ migration: { id: 'm1', from: 0, to: 1, phase: 'expand', up: file, undo: 'restore' }, up }];
}
