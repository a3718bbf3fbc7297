/** From a gate that has no data, over one that says what is wrong where, to one that passes: a real server and database. */
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RealStore, realStore } from '@headgate/adapters/execution/testing/real-store';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { digestOf } from '@headgate/documents';
import { RealServer } from '@headgate/server/testing/real-server';
import { DOCUMENTS, SmallCompany } from '@headgate/server/testing/small-company';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ranCommand } from '../testing/ran-command.ts';

let server: RealServer;
let company: SmallCompany;
let store: RealStore;
let folder: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  [server, store] = await Promise.all([RealServer.start(), realStore()]);
  company = await SmallCompany.found(server);
  folder = await mkdtemp(join(tmpdir(), 'headgate-cli-analyse-'));
  await symlink(server.dataDir, join(folder, '.headgate'));
  await writeFile(join(folder, 'ci.key'), company.keyPem, { mode: 0o600 });
  const { cluster, database, user, passwordFile } = store.store;
  await withClient(await cluster.connection(database), (client) =>
    client.query('set role app; create table public.invoice(id int primary key, note text); analyze public.invoice'),
  );
  const { host, port } = await cluster.connection(database);
  const password = (await readFile(passwordFile, 'utf8')).trim();
  env = { SHOP_URL: `postgres://${user}:${password}@${host}:${port}/${database}` };
}, 120_000);
afterAll(async () => {
  await server?.remove();
  await store?.remove();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

const headgate = (...args: string[]) => ranCommand(['--as', 'developer', ...args], { env: env, cwd: folder });

async function release(version: string, sql: string, phase = 'expand'): Promise<string> {
  const developer = await server.client('developer');
  const up = { name: `db/${version}.sql`, digest: digestOf(sql), size: sql.length };
  await developer.call('putBlob', { digest: up.digest, body: Buffer.from(sql) });
  const migration = { id: 'one', from: 1, to: 2, phase, up, undo: 'keep' };
  const digest = await company.release(version, { migrations: [migration], schemaRange: { min: 1, max: 2 } });
  return (await developer.call('requestPromotion', { body: { release: digest, environment: 'staging' } })).id;
}

const SIZES = [
  '--database-env',
  'SHOP_URL',
  '--schema-version',
  '1',
  '--of',
  'staging',
  '--key',
  'ci.key',
  '--attach',
  '--squawk',
];

test('the analysis of a release’s migrations is evidence, and turns the gate', { timeout: 180_000 }, async () => {
  const manager = await server.client('release-manager');
  const gate = '{gate: migrations-analysed, params: {maxAgeMs: 3600000, longestStallMs: 1000, catalogue: staging}}';
  const policy = (waivers: string) =>
    DOCUMENTS.replace(
      'gates: [{gate: signature}]',
      `gates: [{gate: signature}, ${gate.replace('}}', `${waivers}}}`)}]`,
    );
  const apply = (text: string) => manager.call('applyDocuments', { body: { files: [{ name: 'shop.yaml', text }] } });
  await apply(policy(''));

  const bad = '-- one\n\nalter table invoice drop column note;\n';
  const wrong = await release('3.0.0', bad);
  expect((await headgate('explain', wrong)).out).toContain('no verified analysis read exactly what the plan runs: one');

  const without = await headgate(
    'analyse',
    '--release',
    '3.0.0',
    '--schema-version',
    '1',
    '--key',
    'ci.key',
    '--attach',
  );
  expect(without.code).toBe(1);
  await expect.poll(async () => (await headgate('explain', wrong)).out).toContain('without any table’s size');

  const analysed = await headgate('analyse', '--release', '3.0.0', ...SIZES);
  expect(analysed.code).toBe(1);
  for (const words of ['db/3.0.0.sql:3:1  alter table invoice drop column note', 'Second opinion', 'Attached sha256:'])
    expect(analysed.out).toContain(words);
  const told = (await headgate('explain', wrong)).out;
  expect(told).toContain('db/3.0.0.sql: one is declared as expand and takes public.invoice.note from running code');
  expect(told).toMatch(/declare it as contract \(.*\), or split the file/);
  expect((await headgate('release', 'show', '3.0.0')).out).toMatch(
    /analysis of 1 migrations with the sizes of staging .*: 2 dangerous, [\s\S]*DANGER +db\/3\.0\.0\.sql:3 +the values of public\.invoice\.note/,
  );

  const right = await release('3.1.0', 'alter table invoice add column paid boolean;');
  expect((await headgate('explain', right)).out).toContain('no verified analysis');
  expect(await headgate('analyse', '--release', '3.1.0', ...SIZES)).toMatchObject({ code: 0 });
  await expect.poll(async () => (await headgate('explain', right)).out).toContain('gate migrations-analysed: pass');

  // A waiver stands in the policy, and so in the plan: it holds for who asks from then on.
  const waiver = (rule: string) =>
    `, waivers: [{file: "${digestOf(bad)}", rule: ${rule}, because: nobody reads it, until: 2099-12-31}]`;
  const developer = await server.client('developer');
  const analysis = async (version: string) => {
    const body = { release: await digestOfRelease(version), environment: 'staging' };
    const { verdicts } = await developer.call('planPromotion', { body });
    return verdicts.find(({ gate: name }) => name === 'migrations-analysed');
  };
  await apply(policy(waiver('destroys-data')));
  // What it takes from running code has to be declared, whatever is waived.
  expect(await analysis('3.0.0')).toMatchObject({
    verdict: 'fail',
    because: expect.stringContaining('is declared as'),
  });
  await expect(apply(policy(waiver('phase-understated')))).rejects.toThrow(
    /which nothing waives: declare the migration/,
  );
  await release('3.2.0', bad, 'contract');
  await headgate('analyse', '--release', '3.2.0', ...SIZES);
  await expect
    .poll(() => analysis('3.2.0'))
    .toMatchObject({
      verdict: 'waived',
      because: expect.stringContaining('nobody reads it'),
    });
});

async function digestOfRelease(version: string): Promise<`sha256:${string}`> {
  return JSON.parse((await headgate('release', 'show', version, '--json')).out.trim().split('\n').at(-1) ?? '').ref
    .digest;
}

test.each([
  ['no release to attach to', ['a.sql', '--attach', '--key', 'ci.key'], 2, 'give --release'],
  ['nothing signed', ['--release', '3.1.0', '--attach'], 2, 'only what is signed is evidence'],
  ['files and a release', ['a.sql', '--release', '3.1.0'], 2, 'its own migrations are analysed'],
  ['as psql would run it', ['--release', '3.1.0', '--runner', 'psql'], 2, 'as Headgate runs them'],
  ['nobody knows the version', ['--release', '3.1.0'], 2, 'say --schema-version N'],
  [
    'nobody says whose sizes',
    ['--release', '3.1.0', '--database-env', 'SHOP_URL', '--key', 'ci.key', '--attach'],
    2,
    '--of',
  ],
  ['an earlier schema', ['--release', '3.1.0', '--schema-version', '-1'], 2, 'expected a whole number'],
])('refused: %s', async (_what, args, code, words) => {
  const answer = await headgate('analyse', ...args);
  expect(answer.out).toContain(words);
  expect(answer.code).toBe(code);
});

test('where everything was run already there is nothing to analyse', async () => {
  const { code, out } = await headgate('analyse', '--release', '3.1.0', '--schema-version', '2');
  expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('Nothing to analyse') });
});
