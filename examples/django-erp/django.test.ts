/** What docs/command-migrator.md shows, run: a billing system that Django itself migrates, in a real cell. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CellPorts, observeCell, openCell } from '@headgate/adapters/execution/cell';
import { type CellConfig, parseCellConfig } from '@headgate/adapters/execution/cell-config';
import { RouterProcess } from '@headgate/adapters/execution/router/router-process';
import { ownersConnection } from '@headgate/adapters/execution/store/store-session';
import { freePorts } from '@headgate/adapters/machine/free-port';
import { Cluster } from '@headgate/adapters/postgres-cluster/cluster';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import { readReleaseFolder } from '@headgate/cli/releases/release-folder';
import { digestOfJson } from '@headgate/documents/digest';
import { readYaml } from '@headgate/documents/yaml/read-yaml';
import type { Action, Digest, MigrationRef, Outcome, ReleaseManifest, ReleaseRef } from '@headgate/domain';
import { execute } from '@headgate/execution';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { djangoMissing } from './django-missing.ts';

const HERE = import.meta.dirname;
const MANUAL = join(HERE, '../../docs/command-migrator.md');
const missing = await djangoMissing();
// A dozen starts of Python, on a machine that may have other things to do.
vi.setConfig({ testTimeout: 180_000 });

const manifests = new Map<Digest, ReleaseManifest>();
const blobs = new Map<Digest, Uint8Array>();
async function release(folder: string): Promise<ReleaseRef & { readonly manifest: ReleaseManifest }> {
  const read = await readReleaseFolder(join(HERE, folder));
  const manifest = read.manifest as ReleaseManifest;
  const digest = digestOfJson(manifest);
  manifests.set(digest, manifest);
  for (const [name, bytes] of read.files) blobs.set(name as Digest, bytes);
  return { digest, version: manifest.version, manifest };
}

/** The manual's texts, by what their first line says they are. */
async function shown(): Promise<ReadonlyMap<string, string>> {
  const blocks = (await readFile(MANUAL, 'utf8')).matchAll(/^```yaml\n# (.*)\n([^`]*)^```$/gm);
  return new Map([...blocks].map(([, name, text]) => [name!, text!]));
}

let dir: string;
let config: CellConfig;
let cell: CellPorts;
let one: Awaited<ReturnType<typeof release>>;
let two: Awaited<ReturnType<typeof release>>;
let n = 0;

test('the manual shows what the example has', async () => {
  const texts = await shown();
  expect(texts.size).toBe(3);
  for (const [name, text] of texts)
    if (name.startsWith('release-')) expect(text).toBe(await readFile(join(HERE, name), 'utf8'));
  const lines = [...texts.values()].join('').trim().split('\n');
  expect(lines.length, 'it fits into about twenty lines').toBeLessThanOrEqual(20);
});

beforeAll(async () => {
  if (missing) return;
  dir = await mkdtemp(join(tmpdir(), 'headgate-django-'));
  await chmod(dir, 0o755);
  one = await release('release-1');
  two = await release('release-2');
  const secretKey = join(dir, 'django-secret-key');
  await writeFile(secretKey, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
  const text = (await shown()).get('cell: stores.<name>.migrations')!;
  const read = readYaml(text.replace('/etc/headgate/django-secret-key', secretKey), 'manual');
  if (!read.ok) throw new Error(read.problems[0]!.message);
  const [listenPort, adminPort, store, blue, green] = (await freePorts(5)) as [number, number, number, number, number];
  config = parseCellConfig({
    cell: 'django',
    environment: 'production',
    application: 'django-erp',
    dir: join(dir, 'cell'),
    slots: { blue: { web: blue }, green: { web: green } },
    env: { PYTHONDONTWRITEBYTECODE: '1' },
    secretEnv: { DJANGO_SECRET_KEY: secretKey },
    storeEnv: { DATABASE_URL: 'main' },
    stores: {
      main: {
        clusterDir: join(dir, 'store'),
        port: store,
        database: 'erp',
        user: 'erp',
        passwordFile: join(dir, 'erp-password'),
        archiveDir: join(dir, 'archive'),
        restorePointsDir: join(dir, 'restore-points'),
        migrations: read.documents[0]!.value,
      },
    },
    tenants: { acme: { store: 'main', ring: 'internal' } },
    router: { listenPort, adminPort, tokenFile: join(dir, 'router-token') },
  });
  cell = await openCell(config);
});
afterAll(async () => {
  if (!dir) return;
  for (const slot of ['blue', 'green']) await cell?.target.retire(slot, context(two));
  await cell?.close();
  await new RouterProcess({ cellDir: config.dir, ...config.router, upstreams: {}, user: undefined }).stop();
  const main = { dir: join(dir, 'store'), port: config.stores.main!.port };
  await new Cluster(main, await findPrograms(15, config.dir)).stop();
  await rm(dir, { recursive: true, force: true });
});

const context = ({ digest }: ReleaseRef) =>
  stepContext({
    release: digest,
    step: `s${n}`,
    idempotencyKey: `r1/s${n}`,
    fence: { epoch: 1, n: ++n },
    manifest: async (name) => manifests.get(name)!,
    blob: async (name) => blobs.get(name)!,
  });
const run = (action: Action, of: ReleaseRef): Promise<Outcome> => execute(action, context(of), cell);
/** A release's one migration, as a plan names it. */
function migration({ manifest }: { readonly manifest: ReleaseManifest }, way: 'up' | 'down'): MigrationRef {
  const { id, from, to, phase, ...files } = manifest.migrations[0]!;
  return { id, from, to, phase, file: files[way]! };
}
const ask = async (path: string) =>
  (await fetch(`http://127.0.0.1:${config.router.listenPort}/t/acme/${path}`)).json() as Promise<object>;
const ref = ({ digest, version }: ReleaseRef): ReleaseRef => ({ digest, version });

test.skipIf(missing)('a release whose migrations Django carries out goes forward, and back', async () => {
  const begins: Action = { kind: 'migrate', store: 'main', from: 0, to: 1, migrations: [migration(one, 'up')] };
  expect(await run(begins, one)).toMatchObject({ kind: 'done', result: { schemaVersion: 1 } });
  expect(await run({ kind: 'deploy', slot: 'blue', release: ref(one) }, one)).toMatchObject({ kind: 'done' });
  expect(await run({ kind: 'route', tenants: ['acme'], slot: 'blue' }, one)).toMatchObject({ kind: 'done' });
  expect(await ask('bill/7.25')).toEqual({ release: '1', total: '580.00' });

  const point = await run({ kind: 'restore-point', store: 'main' }, two);
  expect(point).toMatchObject({ kind: 'done', result: { restorePoint: { verified: true } } });
  const forward: Action = { kind: 'migrate', store: 'main', from: 1, to: 2, migrations: [migration(two, 'up')] };
  expect(await run(forward, two)).toMatchObject({ kind: 'done', result: { schemaVersion: 2 } });
  expect(await run(forward, two), 'a second time').toMatchObject({ kind: 'done', result: { schemaVersion: 2 } });
  expect(await ask('bill/1.5'), 'the old code serves the new schema').toEqual({ release: '1', total: '120.00' });
  expect(await run({ kind: 'deploy', slot: 'green', release: ref(two) }, two)).toMatchObject({ kind: 'done' });
  expect(await run({ kind: 'route', tenants: ['acme'], slot: 'green' }, two)).toMatchObject({ kind: 'done' });
  expect(await ask('invoices')).toEqual({ release: '2', totals: ['580.00', '120.00'] });
  expect((await observeCell(cell)).stores).toEqual({ main: { schemaVersion: 2 } });

  const back: Action = { kind: 'unmigrate', store: 'main', from: 2, to: 1, migrations: [migration(two, 'down')] };
  expect(await run(back, two), 'while the new code runs').toMatchObject({ kind: 'failed', code: 'rejected' });
  expect(await run({ kind: 'route', tenants: ['acme'], slot: 'blue' }, two)).toMatchObject({ kind: 'done' });
  expect(await run({ kind: 'retire', slot: 'green' }, two)).toMatchObject({ kind: 'done' });
  expect(await run(back, two)).toMatchObject({ kind: 'done', result: { schemaVersion: 1 } });
  expect(await ask('invoices')).toEqual({ release: '1', totals: ['580.00', '120.00'] });
});

test.skipIf(missing)(
  'what Django refuses is told in its own words, and what somebody did by hand is noticed',
  async () => {
    const main = {
      ...config.stores.main!,
      name: 'main',
      cluster: new Cluster(
        { dir: join(dir, 'store'), port: config.stores.main!.port },
        await findPrograms(15, config.dir),
      ),
    };
    const query = async (sql: string) => withClient(await ownersConnection(main), (client) => client.query(sql));
    const forward: Action = { kind: 'migrate', store: 'main', from: 1, to: 2, migrations: [migration(two, 'up')] };
    await query('alter table billing_invoice add column total_before_tax int');
    const failed = await run(forward, two);
    expect(failed).toMatchObject({
      kind: 'failed',
      code: 'rejected',
      why: expect.stringMatching(
        /the application says "0001_initial".*column "total_before_tax" of relation "billing_invoice" already exists/,
      ),
    });
    await query('alter table billing_invoice drop column total_before_tax');
    expect(await run(forward, two)).toMatchObject({ kind: 'done' });
    await query(`delete from django_migrations where name = '0002_total_before_tax'`);
    expect((await observeCell(cell)).stores.main).toMatchObject({ drift: [expect.stringContaining('by hand')] });
  },
);

test.skipIf(missing)('it goes back to its restore point, records and all', async () => {
  expect(await run({ kind: 'restore', store: 'main', to: 1 }, two)).toMatchObject({
    kind: 'done',
    result: { schemaVersion: 1 },
  });
  expect((await observeCell(cell)).stores).toEqual({ main: { schemaVersion: 1 } });
  expect(await ask('invoices')).toEqual({ release: '1', totals: ['580.00'] });
});
