/** A cell's store: the application's business transactions on the migrated copy, and its own program that migrates, as a person asks for them. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DumpRestorePoints } from '@headgate/adapters/execution/external-store/dump-restore-points';
import { findTools } from '@headgate/adapters/execution/external-store/postgres-tools';
import {
  billing,
  serve,
  shopCell,
  shopRelease,
} from '@headgate/adapters/execution/rehearsal/business/testing/shop-cell';
import { type ShopStore, shopStore } from '@headgate/adapters/execution/rehearsal/testing/shop';
import { runAs } from '@headgate/adapters/machine/run-as';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, expect, test } from 'vitest';

const tools = await findTools(15, undefined);
const main = join(import.meta.dirname, '..', '..', '..', 'cli', 'src', 'main.ts');
const OLD = shopRelease('1.0.0', 'note');
const PROGRAM = `
import pg from 'pg';
const client = new pg.Client(process.env.DATABASE_URL);
await client.connect();
const { rows } = await client.query("select to_regclass('paid') as there");
await client.query(rows[0].there === null ? 'begin; create table paid as select 2 as version; alter table invoice add column paid boolean; select pg_sleep(1); commit' : 'drop table paid; alter table invoice drop column paid');
await client.end();
`;

let shop: ShopStore;
let dir: string;
beforeAll(async () => {
  shop = await shopStore();
  dir = join(shop.real.dir, 'business');
  await mkdir(dir);
  await chmod(dir, 0o755);
  const cell = await shopCell(shop, dir, runAs(), {});
  await serve(cell, 'blue', OLD);
  await writeFile(join(dir, 'erp', 'migrate.mjs'), PROGRAM);
  await writeFile(join(dir, 'billing.yaml'), JSON.stringify(billing().content));
  await agent('agent', cell);
  await agent('idle', { ...cell, dir: join(dir, 'idle') });
  await agent('pinned', cell, `, documents: ['sha256:${'0'.repeat(64)}']`);
  const migrations = {
    ...{ kind: 'command', program: ['${node}', join(dir, 'erp', 'migrate.mjs')], databaseEnv: { url: 'DATABASE_URL' } },
    versionQuery: 'select version from paid',
  };
  const { main: store, ...others } = cell.externalStores;
  await agent('program', { ...cell, externalStores: { ...others, main: { ...store, migrations } } });
  await release('renamed', shopRelease('1.1.0', 'memo'), {
    up: 'alter table invoice rename column note to memo',
    down: 'alter table invoice rename column memo to note',
  });
  await release('added', shopRelease('1.3.0', 'note'), {
    up: 'alter table invoice add column paid boolean;\nalter table customer add column seen date',
    down: 'alter table customer drop column seen;\nalter table invoice drop column paid',
  });
  const called = (from: string | null, to: string | null): string =>
    JSON.stringify({ apiVersion: 'headgate/v1', kind: 'CommandMigration', arguments: ['paid'], from, to });
  await release('called', shopRelease('1.2.0', 'note'), { up: called(null, '2'), down: called('2', null) });
  const taken = await new DumpRestorePoints(new Map([['main', shop.store]])).take('main', stepContext());
  expect(taken.ok).toBe(tools !== undefined);
});
afterAll(() => shop?.real.remove());

async function agent(name: string, cell: object, more = ''): Promise<void> {
  await writeFile(join(dir, `${name}.json`), JSON.stringify(cell));
  await writeFile(
    join(dir, `${name}.yaml`),
    `version: 1\nserver: http://127.0.0.1:1\nname: a\ntokenFile: ${dir}/t\ndataDir: ${dir}/d\ntrustFile: ${dir}/trust.yaml\nenvironments: [{name: production${more}}]\ncellFiles: [${dir}/${name}.json]\n`,
  );
}

/** A release in a folder of that name, with one migration. */
async function release(
  name: string,
  { manifest, file }: ReturnType<typeof shopRelease>,
  migration: { readonly up: string; readonly down: string },
): Promise<void> {
  await mkdir(join(dir, name));
  for (const each of manifest.components.flatMap(({ files }) => files))
    await writeFile(join(dir, name, each.name), await file(each.digest));
  for (const way of ['up', 'down'] as const) await writeFile(join(dir, name, way), migration[way]);
  const components = manifest.components.map((each) => ({ ...each, files: each.files.map((of) => of.name) }));
  const { origin: _, configuration: __, ...rest } = manifest;
  const migrations = [{ id: 'm1', from: 0, to: 1, phase: 'expand', up: 'up', down: 'down', undo: 'down' }];
  await writeFile(join(dir, name, 'release.yaml'), JSON.stringify({ ...rest, components, migrations }));
}

async function headgate(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, SHOP_ADMIN: (await readFile(shop.files.adminUrl, 'utf8')).trim(), SHOP_URL: 'x' };
  const more = ['--work-dir', join(shop.real.dir, 'work'), '--stall', '60'];
  return new Promise((done) => {
    execFile(process.execPath, [main, 'rehearse', ...args, ...more], { cwd: dir, env }, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

const SCRATCH = ['--scratch-env', 'SHOP_ADMIN'];
const FROM = ['--from', 'main', ...SCRATCH];
const BILLING = ['--verification', 'billing.yaml'];

test('what can’t be had, and what nobody pinned, is refused before anything is copied', {
  timeout: 120_000,
}, async () => {
  const bare = await headgate('renamed', '--database-env', 'SHOP_URL', ...BILLING);
  expect(bare.err).toContain('--verification is for nothing: no cell says how the application of a bare database');
  const pinned = await headgate('renamed', ...FROM, '--config', 'pinned.yaml', ...BILLING);
  expect(pinned).toMatchObject({
    code: 1,
    err: expect.stringMatching(/nobody pinned the Verification billing \(sha256:.*add its digest to .* agent\.yaml/),
  });
  const other = await headgate('renamed', ...FROM, '--config', 'agent.yaml', '--verification', 'agent.json');
  expect(other.err).toContain('agent.json');
  const load = await headgate('renamed', '--database-env', 'SHOP_URL', '--under-load');
  expect(load.err).toContain('nobody can work with the application under load: no cell says how the application');
  const none = await headgate('renamed', ...FROM, '--config', 'agent.yaml', '--sessions', '2');
  expect(none).toMatchObject({ code: 2, err: expect.stringContaining('--sessions goes with --under-load') });
  const few = await headgate('renamed', ...FROM, '--config', 'agent.yaml', '--under-load', '--attempts', '1');
  expect(few).toMatchObject({
    code: 2,
    err: expect.stringContaining('--attempts: expected a whole number from 2 to 20'),
  });
  for (const { code, err } of [bare, pinned, other, load]) {
    expect(code).toBe(1);
    expect(err).not.toContain('The copy is made');
  }
});

test.skipIf(tools === undefined)(
  'an old version that breaks on the new schema fails the rehearsal, told with its check; the new one goes well',
  { timeout: 300_000 },
  async () => {
    const ran = await headgate('renamed', ...FROM, '--config', 'agent.yaml', ...BILLING);
    // All three at once: what went wrong is told with what was printed.
    expect(ran).toEqual({
      code: 1,
      out: expect.stringMatching(
        /Business transactions \(billing\), on the copy at schema 1\n {2}old version 1\.0\.0 \(web\), ready after .*:\n {4}FAILED acme, bill\/post: expected \$statusCode == 201, found 500\n {4}FAILED umbra, .*\n {2}new version 1\.1\.0 \(web\), ready after .*:\n {4}2 transactions of 2 tenants went well in /,
      ),
      err: expect.stringContaining('column "note" of relation "invoice" does not exist'),
    });
    expect(ran.out).toContain(
      'It did NOT go well:\n  business transactions of the old version 1.0.0 on the new schema: acme, bill/post: expected $statusCode == 201, found 500',
    );
  },
);

test.skipIf(tools === undefined)(
  'a migration by a program is rehearsed on a server of its own, and told with what it locked; its version is read back',
  { timeout: 300_000 },
  async () => {
    const config = ['--from', 'main', '--config', 'program.yaml'];
    const refused = await headgate('called', ...config, ...SCRATCH);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('leave --scratch-env out') });
    const ran = await headgate('called', ...config, ...BILLING);
    expect(ran).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /; schema 0 to 1; by the application’s own program\n[\s\S]*\n {2}up: .*\n {4}the program, with paid\n[\s\S]*ACCESS EXCLUSIVE on public\.invoice for [\s\S]*Every object and every row is as it was before\.[\s\S]*new version 1\.2\.0 \(web\)[\s\S]*It went well\./,
      ),
    });
  },
);

test.skipIf(tools === undefined)(
  'under load it tells each interruption, what users felt, and that nothing of theirs was lost; its statement has it',
  { timeout: 300_000 },
  async () => {
    const load = ['--under-load', '--sessions', '2', '--pace', '20', '--seed', '3'];
    const signed = ['--statement', join(dir, 'load.json')];
    const ran = await headgate('added', ...FROM, '--config', 'agent.yaml', ...BILLING, ...load, ...signed);
    expect(ran).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /\nUnder load: 2 sessions at work with 1\.0\.0 \(billing, each at most every 20 ms\), 3 attempts at a step, seed 3\n {2}up was interrupted\n {4}before its first statement: went on from schema 0\n {4}by somebody who holds public\.\w+ for longer than it waits: went on from schema 0\n {4}after statement \d, before its commit: went on from schema 0\n {4}when it was recorded, before anybody heard of it: went on from schema 1\n {2}5 calls of the runner in .*; 1 lock timeout, 0 deadlocks\n {2}before: {4}\d+ transactions, none failed, 95% of them within .*\n {2}meanwhile: \d+ transactions, none failed, .*\n[\s\S]* {2}The schema, and \d tables? that no session wrote, came out as undisturbed\.\n {2}Rows that sessions wrote: 0 lost, 0 doubled; counted in public\.invoice \(\d+, 1 a transaction\)\n[\s\S]*It went well\./,
      ),
    });
    const { predicate } = JSON.parse(await readFile(join(dir, 'load.json'), 'utf8'));
    // On a server that others use nothing is left of it: no copy, and no login.
    const left = await withClient(await shop.real.store.cluster.connection(), (client) =>
      client.query(
        `select datname as name from pg_database where datname like 'headgate%' union all select rolname from pg_roles where rolname like 'headgate\\_session%'`,
      ),
    );
    expect(left.rows).toEqual([]);
    expect(predicate.underLoad).toMatchObject({ seed: 3, sessions: 2, old: { version: '1.0.0' }, lockTimeouts: 1 });
  },
);

test.skipIf(tools === undefined)(
  'where nothing serves nobody works under load, and that is no good end of what was asked for',
  { timeout: 300_000 },
  async () => {
    const ran = await headgate('added', ...FROM, '--config', 'idle.yaml', ...BILLING, '--under-load');
    expect(ran).toMatchObject({
      code: 1,
      out: expect.stringMatching(/nothing was run under load: .*no other one than 1\.3\.0 serves in the cell shared\n/),
      err: expect.stringContaining('Nothing was run under load, although that was asked for'),
    });
  },
);
