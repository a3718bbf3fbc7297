/** The application's business transactions on the migrated copy, as a person asks for them. */
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
const NEW = shopRelease('1.1.0', 'memo');

let shop: ShopStore;
let dir: string;
beforeAll(async () => {
  shop = await shopStore();
  dir = join(shop.real.dir, 'business');
  await mkdir(dir);
  await chmod(dir, 0o755);
  const cell = await shopCell(shop, dir, runAs(), {});
  await serve(cell, 'blue', OLD);
  await writeFile(join(dir, 'cell.json'), JSON.stringify(cell));
  await writeFile(join(dir, 'billing.yaml'), JSON.stringify(billing().content));
  await agent('agent.yaml', '');
  await agent('pinned.yaml', `, documents: ['sha256:${'0'.repeat(64)}']`);
  await mkdir(join(dir, 'release'));
  const texts: Record<string, string> = {
    'up.sql': 'alter table invoice rename column note to memo',
    'down.sql': 'alter table invoice rename column memo to note',
  };
  for (const { files } of NEW.manifest.components)
    for (const { name, digest } of files) texts[name] = Buffer.from(await NEW.file(digest)).toString('utf8');
  for (const [name, text] of Object.entries(texts)) await writeFile(join(dir, 'release', name), text);
  const components = NEW.manifest.components.map((each) => ({ ...each, files: each.files.map(({ name }) => name) }));
  const { origin: _, configuration: __, ...manifest } = NEW.manifest;
  const migrations = [{ id: 'm1', from: 0, to: 1, phase: 'contract', up: 'up.sql', down: 'down.sql', undo: 'down' }];
  await writeFile(join(dir, 'release', 'release.yaml'), JSON.stringify({ ...manifest, components, migrations }));
});
afterAll(() => shop?.real.remove());

async function agent(name: string, more: string): Promise<void> {
  await writeFile(
    join(dir, name),
    `version: 1\nserver: http://127.0.0.1:1\nname: a\ntokenFile: ${dir}/t\ndataDir: ${dir}/d\ntrustFile: ${dir}/trust.yaml\nenvironments: [{name: production${more}}]\ncellFiles: [${dir}/cell.json]\n`,
  );
}

async function headgate(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, SHOP_ADMIN: (await readFile(shop.files.adminUrl, 'utf8')).trim(), SHOP_URL: 'x' };
  const more = ['--work-dir', join(shop.real.dir, 'work'), '--stall', '60'];
  return new Promise((done) => {
    execFile(process.execPath, [main, 'rehearse', 'release', ...args, ...more], { cwd: dir, env }, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

const FROM = ['--from', 'main', '--scratch-env', 'SHOP_ADMIN'];

test('what can’t be had, and what nobody pinned, is refused before anything is copied', {
  timeout: 120_000,
}, async () => {
  const bare = await headgate('--database-env', 'SHOP_URL', '--verification', 'billing.yaml');
  expect(bare.err).toContain('--verification is for nothing: no cell says how the application of a bare database');
  const pinned = await headgate(...FROM, '--config', 'pinned.yaml', '--verification', 'billing.yaml');
  expect(pinned).toMatchObject({
    code: 1,
    err: expect.stringMatching(/nobody pinned the Verification billing \(sha256:.*add its digest to .* agent\.yaml/),
  });
  const other = await headgate(...FROM, '--config', 'agent.yaml', '--verification', 'cell.json');
  expect(other.err).toContain('cell.json');
  for (const { code, err } of [bare, pinned, other]) {
    expect(code).toBe(1);
    expect(err).not.toContain('The copy is made');
  }
});

test.skipIf(tools === undefined)(
  'an old version that breaks on the new schema fails the rehearsal, told with its check; the new one goes well',
  { timeout: 300_000 },
  async () => {
    const taken = await new DumpRestorePoints(new Map([['main', shop.store]])).take('main', stepContext());
    expect(taken.ok).toBe(true);
    const ran = await headgate(...FROM, '--config', 'agent.yaml', '--verification', 'billing.yaml');
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
