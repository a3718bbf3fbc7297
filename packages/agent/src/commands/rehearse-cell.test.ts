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
  for (const { code, err } of [bare, pinned, other]) {
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
