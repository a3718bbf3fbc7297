/** From a gate that has no data to one that passes: a real server, a real database, and the command between them. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findTools } from '@headgate/adapters/execution/external-store/postgres-tools';
import { type ShopStore, shopStore } from '@headgate/adapters/execution/rehearsal/testing/shop';
import { digestOf, readManifest } from '@headgate/documents';
import { RealServer } from '@headgate/server/testing/real-server';
import { DOCUMENTS, SmallCompany } from '@headgate/server/testing/small-company';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { layOutRelease } from '../releases/lay-out-release.ts';

const tools = await findTools(15, undefined);
const MAIN = join(import.meta.dirname, '..', 'main.ts');
const FILES = {
  up: 'alter table invoice add column paid boolean;',
  down: 'alter table invoice drop column paid;',
};

let server: RealServer;
let company: SmallCompany;
let shop: ShopStore;
let folder: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  [server, shop] = await Promise.all([RealServer.start(), shopStore()]);
  company = await SmallCompany.found(server);
  folder = await mkdtemp(join(tmpdir(), 'headgate-cli-rehearse-'));
  await symlink(server.dataDir, join(folder, '.headgate'));
  await writeFile(join(folder, 'ci.key'), company.keyPem, { mode: 0o600 });
  env = {
    ...process.env,
    SHOP_URL: shop.owner.connectionString,
    SHOP_ADMIN: (await readFile(shop.files.adminUrl, 'utf8')).trim(),
  };
  for (const name of ['HEADGATE_SERVER', 'HEADGATE_TOKEN_FILE', 'HEADGATE_DATA']) delete env[name];
});
afterAll(async () => {
  await server?.remove();
  await shop?.real.remove();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

function headgate(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((done) => {
    execFile(process.execPath, [MAIN, '--as', 'developer', ...args], { cwd: folder, env }, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

test('a service’s folder is laid out, though nobody is its author yet', async () => {
  const made = join(folder, 'service');
  await mkdir(join(made, 'migrations'), { recursive: true });
  await writeFile(join(made, 'server.mjs'), '');
  await writeFile(join(made, 'package.json'), '{"name": "shop", "version": "1.0.0"}');
  await writeFile(join(made, 'migrations', '0001-up.sql'), FILES.up);
  const spec =
    '{run: [node], files: [server.mjs], health: /healthz, migrations: migrations, environments: [{name: live}]}';
  await writeFile(
    join(made, 'headgate.yaml'),
    `apiVersion: headgate/v1\nkind: Service\nmetadata: {name: shop, owner: team}\nspec: ${spec}\n`,
  );
  const laid = await layOutRelease('service', { cwd: folder, client: await server.client('developer') });
  expect(await readdir(join(laid.dir, 'files'))).toEqual([digestOf(FILES.up).slice('sha256:'.length)]);
  await laid.remove();
});

test.skipIf(tools === undefined)(
  'a registered release is rehearsed, and its signed statement turns the gate',
  { timeout: 240_000 },
  async () => {
    const developer = await server.client('developer');
    const manager = await server.client('release-manager');
    const gate = '{gate: rehearsed, params: {from: main, maxAgeMs: 3600000, longestStallMs: 60000, equal: true}}';
    const text = DOCUMENTS.replace('gates: [{gate: signature}]', `gates: [{gate: signature}, ${gate}]`);
    await manager.call('applyDocuments', { body: { files: [{ name: 'shop.yaml', text }] } });
    const file = (name: 'up' | 'down') => ({
      name: `${name}.sql`,
      digest: digestOf(FILES[name]),
      size: FILES[name].length,
    });
    for (const each of Object.values(FILES))
      await developer.call('putBlob', { digest: digestOf(each), body: Buffer.from(each) });
    const migration = { id: 'paid', from: 0, to: 1, phase: 'expand', up: file('up'), down: file('down'), undo: 'down' };
    const digest = await company.release('3.0.0', { migrations: [migration] });

    const laid = await layOutRelease('3.0.0', { cwd: folder, client: developer });
    expect(laid.digest).toBe(digest);
    const hex = (each: string) => digestOf(each).slice('sha256:'.length);
    expect((await readdir(join(laid.dir, 'files'))).sort()).toEqual([hex(FILES.up), hex(FILES.down)].sort());
    await laid.remove();
    // For a cell that starts the application: with its components' files, and what the server says its transactions are.
    const whole = await layOutRelease('3.0.0', { cwd: folder, client: developer }, true);
    const verification = JSON.parse(await readFile(join(whole.dir, 'verification.json'), 'utf8'));
    expect(verification).toMatchObject({ kind: 'Verification' });
    const read = readManifest(await readFile(join(whole.dir, 'manifest.json')));
    const components = read.ok ? read.manifest.components : [];
    const files = components.flatMap((component) => component.files.map((file) => file.digest.slice(7)));
    expect(files).not.toEqual([]);
    expect(await readdir(join(whole.dir, 'files'))).toEqual(expect.arrayContaining(files));
    await whole.remove();

    const { id } = await developer.call('requestPromotion', { body: { release: digest, environment: 'staging' } });
    expect((await headgate('explain', id)).out).toContain('no verified rehearsal of this release on a copy of main');
    const database = ['--database-env', 'SHOP_URL', '--scratch-env', 'SHOP_ADMIN', '--name', 'main'];
    const more = ['--stall', '60', '--key', 'ci.key', '--attach', '--work-dir', join(folder, 'work')];
    const ran = await headgate('rehearse', '3.0.0', ...database, ...more);
    expect(ran.err).toContain(`to ${digest}`);
    // What is laid out for it goes, and no place of it is told.
    expect(ran.err).not.toContain('statement.json');
    expect(ran.out).toContain('It went well.');
    expect(ran.code).toBe(0);
    expect((await headgate('release', 'show', '3.0.0')).out).toMatch(
      /evidence +rehearsal on a copy of main at .*: it went well/,
    );
    await expect.poll(async () => (await headgate('explain', id)).out, { timeout: 60_000 }).not.toContain('rehears');
  },
);
