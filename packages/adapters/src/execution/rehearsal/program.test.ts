/** Migrations by the application's own program, on a copy. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactFile, Migration } from '@headgate/domain';
import { judgeRehearsal, type RehearsalFacts } from '@headgate/domain/rehearsal/rehearsal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runAs } from '../../machine/run-as.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { CommandMigrations } from '../command-migrator/command-config.ts';
import { erpProgram } from '../command-migrator/testing/erp-program.ts';
import { findTools } from '../external-store/postgres-tools.ts';
import { shopRelease } from './business/testing/shop-cell.ts';
import { copyFromDump } from './copy-from-dump.ts';
import { type CopyServer, ownServer } from './copy-server.ts';
import { type MigrationFiles, rehearse } from './rehearse.ts';
import { type ShopStore, shopStore } from './testing/shop.ts';

const tools = await findTools(15, undefined);
const bounds = { deadlineMs: 60_000, signal: new AbortController().signal };

/** Its version is the last name in shop_version. What `wide` writes again it holds for half a second. */
const PROGRAM = `
import pg from 'pg';
const client = new pg.Client(process.env.DATABASE_URL);
await client.connect();
const record = async (name) => { await client.query('create table if not exists shop_version(n serial primary key, name text)'); await client.query('insert into shop_version(name) values ($1)', [name]); };
const asked = {
  wide: async () => {
    await client.query("begin; alter table invoice alter column issued type timestamp; select pg_sleep(0.5)");
    await record('wide');
    await client.query('commit');
  },
  narrow: async () => { await client.query('begin; alter table invoice alter column issued type date; drop table shop_version; commit'); },
  spoil: async () => { await client.query("begin; alter table invoice alter column issued type date using date '2020-01-01'; drop table shop_version; commit"); },
  fail: async () => { await record('half'); throw new Error('invoice 7 has no customer'); },
  lie: async () => {},
};
await asked[process.argv[2]]();
await client.end();
`;

let shop: ShopStore;
let root: string;
beforeAll(async () => {
  shop = await shopStore();
  root = join(shop.real.dir, 'rehearsals');
  await mkdir(root, { mode: 0o755 });
  await erpProgram(shop.real.dir, runAs());
  await writeFile(join(shop.real.dir, 'erp', 'migrate.mjs'), PROGRAM);
});
afterAll(() => shop?.real.remove());

const document = (word: string, from: string | null, to: string | null): string =>
  JSON.stringify({ apiVersion: 'headgate/v1', kind: 'CommandMigration', arguments: [word], from, to });

function called(up: string, down?: string): readonly MigrationFiles[] {
  const file = (name: string, text: string): ArtifactFile => ({
    ...{ name, size: text.length },
    digest: `sha256:${createHash('sha256').update(text).digest('hex')}`,
  });
  const there = document(up, null, 'wide');
  const back = down === undefined ? undefined : document(down, 'wide', null);
  const migration: Migration = {
    ...{ id: 'wide', from: 0, to: 1, phase: 'expand', up: file('1.up.yaml', there) },
    ...(back === undefined ? { undo: 'restore' } : { down: file('1.down.yaml', back), undo: 'down' }),
  };
  return [{ migration, up: there, ...(back === undefined ? {} : { down: back }) }];
}

describe.skipIf(tools === undefined)('A migration by a program', { timeout: 180_000 }, () => {
  let onto: CopyServer;
  beforeAll(async () => {
    onto = await ownServer(root, 15);
  });
  afterAll(() => onto?.close());

  async function on(migrations: readonly MigrationFiles[]): Promise<RehearsalFacts> {
    const copy = await copyFromDump({ source: shop.source, onto, workDir: join(shop.real.dir, 'work'), ...bounds });
    const command = CommandMigrations.parse({
      kind: 'command',
      program: ['${node}', join(shop.real.dir, 'erp', 'migrate.mjs')],
      databaseEnv: { url: 'DATABASE_URL' },
      versionQuery: 'select name from shop_version order by n desc limit 1',
    });
    const release = shopRelease('1.1.0', 'note');
    try {
      return await rehearse({
        ...{ copy, from: { store: 'main' }, migrations, how: 'headgate', lockWaitMs: 10_000, mostTables: 8 },
        ...{ statements: { source: 'file', texts: ['select id from invoice where customer_id = $1'] } },
        program: {
          ...{ migrations: command, node: process.execPath, release, workDir: root, signal: bounds.signal },
        },
        business: { notRun: 'this test doesn’t' },
        ...{ now: () => 1_000, say: () => {} },
      });
    } finally {
      await copy.remove();
    }
  }

  test('forward, back and forward: what it locks and writes again, and who waits for it, as a second session sees it', async () => {
    const before = await readdir(root);
    const facts = await on(called('wide', 'narrow'));
    expect(judgeRehearsal(facts)).toMatchObject({ ok: true, wayBack: 'equal', because: [] });
    expect(facts.passes.map(({ direction }) => direction)).toEqual(['forward', 'back', 'forward-again']);
    const [forward] = facts.passes;
    const [file] = forward!.files;
    expect(file).toMatchObject({ by: 'program', migration: 'wide', file: '1.up.yaml' });
    expect(file?.statements).toMatchObject([
      { text: 'the program, with wide', alone: true, rewritten: ['public.invoice'], scanned: [] },
    ]);
    expect(file?.statements[0]?.locks).toContainEqual(
      expect.objectContaining({ relation: 'public.invoice', mode: 'ACCESS EXCLUSIVE' }),
    );
    // It slept for half a second under its lock: who read and wrote the table felt at least most of that.
    const felt = forward!.stalls.find(({ relation }) => relation === 'public.invoice');
    expect(felt?.readersMs).toBeGreaterThan(300);
    expect(felt?.writersMs).toBeGreaterThan(300);
    expect(facts.comparisons.map(({ differences }) => differences)).toEqual([[], []]);
    expect(facts.plans).toMatchObject({ compared: 1, changes: [] });
    expect(await readdir(root)).toEqual(before);
    const { rows } = await withClient(shop.owner, (client) => client.query(`select to_regclass('shop_version') as it`));
    expect(rows).toEqual([{ it: null }]);
  });

  test('a way back that leaves other values is another state, and is told', async () => {
    const facts = await on(called('wide', 'spoil'));
    expect(judgeRehearsal(facts)).toMatchObject({ ok: false, wayBack: 'different' });
    expect(facts.comparisons[0]?.differences).toContainEqual(
      expect.objectContaining({ kind: 'values', relation: 'public.invoice', column: 'issued' }),
    );
  });

  test('one that fails, and one that ends well without having done it, did not go well', async () => {
    const failing = judgeRehearsal(await on(called('fail')));
    expect(failing).toMatchObject({ ok: false, wayBack: 'not-reached' });
    expect(failing.because[0]).toMatch(/^1\.up\.yaml failed on the way forward: .*invoice 7 has no customer/);
    const lying = judgeRehearsal(await on(called('lie')));
    expect(lying.ok).toBe(false);
    expect(lying.because[0]).toMatch(/^1\.up\.yaml failed on the way forward: .*"wide"/);
  });
});
