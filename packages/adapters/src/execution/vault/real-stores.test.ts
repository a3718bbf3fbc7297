/** Whole ways: a real store's restore point into a vault, lost with the store's disk, and back from there alone. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectStore, RestorePoints } from '@headgate/execution';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSecret } from '../../machine/durable-file.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { DumpRestorePoints } from '../external-store/dump-restore-points.ts';
import { openExternalStore } from '../external-store/external-store.ts';
import { findTools } from '../external-store/postgres-tools.ts';
import { openObjectStore } from '../object-store/open-object-store.ts';
import { type Swift, startSwift, swiftMissing } from '../object-store/testing/swift.ts';
import { PhysicalRestorePoints } from '../restore-points/physical-restore-points.ts';
import { prepareStore } from '../store/store-session.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { CellVault } from './cell-vault.ts';
import { fetchPoint } from './fetch-point.ts';
import { openSealed } from './open-sealed.ts';
import { VaultConfig } from './vault-config.ts';
import { ownSigner, vaultKey } from './vault-key.ts';

const signal = new AbortController().signal;
const MIB = 1024 * 1024;
const tools = await findTools(15, undefined);
const noSwift = await swiftMissing();

let real: RealStore;
let swift: Swift | undefined;
let identity: string;
let step = 0;
const context = () => stepContext({ step: `s${++step}`, idempotencyKey: `r1/s${step}`, fence: { epoch: 1, n: step } });

beforeAll(async () => {
  identity = await generateX25519Identity();
  [real, swift] = await Promise.all([realStore(), noSwift === undefined ? startSwift() : undefined]);
}, 90_000);
afterAll(async () => {
  await swift?.stop();
  await real?.remove();
});

async function folder(): Promise<ObjectStore> {
  const dir = join(real.dir, `vault-${++step}`);
  await mkdir(dir);
  return openObjectStore({ kind: 'folder', dir });
}

/** Takes one, seals it, loses it, and fetches it back. What is there then is what was there before. */
async function lostAndFetched(points: RestorePoints, restorePointsDir: string, store: ObjectStore): Promise<string> {
  const taking = context();
  const taken = await points.take('main', taking);
  if (!taken.ok) throw new Error(taken.why);
  const verified = await points.verify('main', taken.value.id, signal);
  if (!verified.ok) throw new Error(verified.why);
  const keyFile = join(real.dir, 'vault-key.pem');
  const key = await vaultKey(keyFile);
  const recipients = [await identityToRecipient(identity)];
  const vault = new CellVault({
    config: VaultConfig.parse({ store: { kind: 'folder', dir: real.dir }, recipients, keyFile }),
    store,
    key,
    stores: new Map([['main', { restorePointsDir, tenants: ['ada'] }]]),
    partBytes: 4 * MIB,
  });
  expect(await vault.keep(verified.value, taking)).toMatchObject({ kind: 'sealed' });
  const before = await points.list('main');
  await rm(restorePointsDir, { recursive: true });
  expect((await points.list('main')).kept).toEqual([]);
  const point = { environment: 'production', cell: 'shared', store: 'main', id: taken.value.id };
  const opened = await openSealed(store, point, { signers: [ownSigner(key)] }, signal);
  if (!opened.ok) throw new Error(opened.why);
  const { sealed, manifest } = opened;
  expect(sealed.database).toMatchObject({ major: 15, lsn: { start: expect.stringMatching(/^[0-9A-F]+\/[0-9A-F]+$/) } });
  expect(sealed.parts.length).toBeGreaterThan(0);
  const fetched = await fetchPoint({ store, point, sealed, manifest, signal }, [identity], restorePointsDir);
  expect(fetched).toMatchObject({ ok: true });
  expect(await points.verify('main', point.id, signal)).toMatchObject({ ok: true, value: { manifest } });
  expect(await points.list('main')).toEqual(before);
  return point.id;
}

async function physicalStore() {
  const attachments = join(real.dir, 'attachments');
  await mkdir(join(attachments, 'ab'), { recursive: true });
  await writeFile(join(attachments, 'ab', 'one'), 'first');
  const restorePointsDir = join(real.dir, `points-${++step}`);
  const backed = {
    ...real.store,
    archiveDir: real.archiveDir,
    restorePointsDir,
    files: [{ name: 'attachments', dir: attachments }],
    keep: 2,
  };
  return { backed, attachments, restorePointsDir, points: new PhysicalRestorePoints(new Map([['main', backed]])) };
}

const marks = async (): Promise<string[]> =>
  withClient(await real.store.cluster.connection('app'), async (client) =>
    (await client.query<{ mark: string }>('select mark from entry order by n')).rows.map(({ mark }) => mark),
  );
const write = async (mark: string): Promise<void> =>
  withClient(await real.store.cluster.connection('app'), async (client) => {
    await client.query('create table if not exists entry(mark text, n serial)');
    await client.query('insert into entry(mark) values ($1)', [mark]);
  });

test('a physical restore point comes back from a folder alone, and the store with its files from it', async () => {
  const { points, attachments, restorePointsDir } = await physicalStore();
  await write('before');
  const id = await lostAndFetched(points, restorePointsDir, await folder());
  await write('after');
  await writeFile(join(attachments, 'ab', 'one'), 'changed');
  expect(await points.restore('main', id, { kind: 'restore-point' }, context())).toMatchObject({ ok: true });
  expect(await marks()).toEqual(['before']);
  const { readFile } = await import('node:fs/promises');
  expect(await readFile(join(attachments, 'ab', 'one'), 'utf8')).toBe('first');
});

test.skipIf(noSwift !== undefined)('and from a bucket behind the S3 API', async () => {
  const { points, restorePointsDir } = await physicalStore();
  await write('for the bucket');
  const id = await lostAndFetched(points, restorePointsDir, await openObjectStore(await swift!.bucket('points')));
  const there = await marks();
  await write('after the bucket');
  expect(await points.restore('main', id, { kind: 'restore-point' }, context())).toMatchObject({ ok: true });
  expect(await marks()).toEqual(there);
});

describe.skipIf(tools === undefined)('With pg_dump', () => {
  test('a dump of an external store comes back from a folder alone, and the database from it', async () => {
    const { port } = real.store.cluster.config;
    await withClient(await real.store.cluster.connection(), async (client) => {
      await client.query(`create role shop login password 'plain'`);
      await client.query('create database shop owner shop');
    });
    const admin = await readSecret(real.store.cluster.passwordFile);
    const [url, adminUrl] = [join(real.dir, 'shop-url'), join(real.dir, 'shop-admin-url')];
    await writeFile(url, `postgres://shop:plain@127.0.0.1:${port}/shop\n`, { mode: 0o600 });
    await writeFile(adminUrl, `postgres://postgres:${admin}@127.0.0.1:${port}/postgres\n`, { mode: 0o600 });
    const restorePointsDir = join(real.dir, 'shop-points');
    const store = await openExternalStore('main', {
      url: { file: url },
      adminUrl: { file: adminUrl },
      restorePointsDir,
      keepRestorePoints: 5,
    });
    await prepareStore(store);
    const asOwner = async (sql: string): Promise<{ mark: string }[]> =>
      withClient(
        await store.cluster.connectionAs({ user: 'shop', password: 'plain' }, 'shop'),
        async (client) => (await client.query(sql)).rows,
      );
    await asOwner(`create table entry as select 'before' as mark`);
    const points = new DumpRestorePoints(new Map([['main', store]]));
    const id = await lostAndFetched(points, restorePointsDir, await folder());
    await asOwner(`insert into entry values ('after')`);
    expect(await points.restore('main', id, { kind: 'restore-point' }, context())).toMatchObject({ ok: true });
    expect(await asOwner('select mark from entry')).toEqual([{ mark: 'before' }]);
  });
});
