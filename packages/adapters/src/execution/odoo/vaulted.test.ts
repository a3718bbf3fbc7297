/**
 * A tenant of an Odoo cell comes back, database and filestore, from a vault alone. No Odoo is needed for it: of the tenant's
 * database there are the two tables that are looked at.
 */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { once } from '@headgate/testkit/execution/migrator-suite';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, describe, expect, test } from 'vitest';
import { freePort } from '../../machine/free-port.ts';
import { runAs } from '../../machine/run-as.ts';
import { Cluster } from '../../postgres-cluster/cluster.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { findTools } from '../external-store/postgres-tools.ts';
import { FolderStore } from '../object-store/folder-store.ts';
import { newIdentity } from '../vault/age-stream.ts';
import { CellVault } from '../vault/cell-vault.ts';
import { fetchPoint } from '../vault/fetch-point.ts';
import { openSealed } from '../vault/open-sealed.ts';
import { VaultConfig } from '../vault/vault-config.ts';
import { ownSigner, vaultKey } from '../vault/vault-key.ts';
import { DatabaseDoor } from './database-door.ts';
import { createDatabase } from './dump.ts';
import { OdooRestorePoints } from './odoo-restore-points.ts';
import { prepareReader } from './reader.ts';
import { prepareRecords } from './records.ts';
import { filestoreDir, findStore, type OdooStores } from './store.ts';
import { declareBaseline } from './version-records.ts';

/** Debian's own, server and tools together. */
const bin = await findTools(15, '/usr/lib/postgresql/15/bin');
const TENANT = 'vaulted';

async function tenantWithoutOdoo() {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-odoo-vault-'));
  await chmod(dir, 0o755);
  const user = runAs();
  const programs = { major: 15 as const, version: '15', bin: bin!, user };
  const cluster = new Cluster({ dir: join(dir, 'cluster'), port: await freePort() }, programs);
  await cluster.init();
  await cluster.start();
  const stores: OdooStores = {
    odoo: { dir, python: '/usr/bin/python3', dataDir: join(dir, 'data'), dataView: join(dir, 'view'), user },
    cluster,
    owner: 'odoo',
    byName: new Map([[TENANT, { name: TENANT, database: TENANT }]]),
    dir: join(dir, 'headgate'),
    keep: 3,
  };
  await mkdir(stores.dir);
  await prepareRecords(stores);
  await prepareReader(stores);
  const door = new DatabaseDoor(stores);
  await door.prepare(['blue', 'green']);
  await createDatabase(stores, TENANT, 'anew');
  await withClient(await cluster.connection(TENANT), async (client) => {
    await client.query('set role odoo');
    await client.query('create table public.ir_module_module(name varchar, state varchar, latest_version varchar)');
    await client.query('create table public.ir_attachment(store_fname varchar)');
    await client.query(`insert into public.ir_module_module values ('base', 'installed', '19.0.1.0')`);
    await client.query(`create table public.mark as select 'before' as mark`);
  });
  await declareBaseline(stores, 1, { base: '19.0.1.0' });
  return {
    stores,
    door,
    async remove() {
      await new Cluster(cluster.config, cluster.programs).stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

describe.skipIf(bin === undefined)('Odoo', () => {
  const at = once(tenantWithoutOdoo);
  afterAll(async () => (await at()).remove());

  test('a tenant’s restore point is sealed, lost, fetched, and brings back the database and the filestore', async () => {
    const { stores, door } = await at();
    const until = performance.now() + 550_000;
    const remainingMs = () => until - performance.now();
    const context = (n: number) =>
      stepContext({ step: `s${n}`, idempotencyKey: `r1/s${n}`, fence: { epoch: 7, n }, remainingMs });
    const query = async (sql: string) =>
      withClient(await stores.cluster.connection(TENANT), async (client) => (await client.query(sql)).rows);
    const attachment = join(filestoreDir(stores, findStore(stores, TENANT)), 'ab', 'ab12');
    await mkdir(dirname(attachment), { recursive: true });
    await writeFile(attachment, 'before');

    const points = new OdooRestorePoints(stores, door);
    const taken = await points.take(TENANT, context(1));
    if (!taken.ok) throw new Error(taken.why);
    const verified = await points.verify(TENANT, taken.value.id, context(1).signal);
    if (!verified.ok) throw new Error(verified.why);
    const restorePointsDir = join(stores.dir, TENANT, 'restore-points');
    const vaultDir = join(stores.dir, 'vault');
    await mkdir(vaultDir);
    const { identity, recipient } = await newIdentity();
    const keyFile = join(stores.dir, 'vault-key.pem');
    const key = await vaultKey(keyFile);
    const store = new FolderStore(vaultDir);
    const vault = new CellVault({
      config: VaultConfig.parse({ store: { kind: 'folder', dir: vaultDir }, recipients: [recipient], keyFile }),
      store,
      key,
      stores: new Map([[TENANT, { restorePointsDir, tenants: [TENANT] }]]),
      partBytes: 8 * 1024 * 1024,
    });
    expect(await vault.keep(verified.value, context(1))).toMatchObject({ kind: 'sealed' });

    await rm(restorePointsDir, { recursive: true });
    await query(`update public.mark set mark = 'after'`);
    await writeFile(attachment, 'after');
    const point = { environment: 'production', cell: 'shared', store: TENANT, id: taken.value.id };
    const { signal } = context(2);
    const opened = await openSealed(store, point, { signers: [ownSigner(key)] }, signal);
    if (!opened.ok) throw new Error(opened.why);
    const { sealed, manifest } = opened;
    expect(sealed).toMatchObject({
      tenants: [TENANT],
      database: { form: 'dump', major: 15, tool: { name: 'pg_dump' } },
    });
    expect(new Set(sealed.parts.map(({ kind }) => kind))).toEqual(new Set(['database', 'files']));
    const fetched = await fetchPoint({ store, point, sealed, manifest, signal }, [identity], restorePointsDir);
    expect(fetched).toMatchObject({ ok: true });
    expect((await readdir(restorePointsDir)).sort()).toEqual([point.id, `${point.id}.sha256`]);
    expect(await points.restore(TENANT, point.id, { kind: 'restore-point' }, context(2))).toMatchObject({ ok: true });
    expect(await query('select mark from public.mark')).toEqual([{ mark: 'before' }]);
    expect(await readFile(attachment, 'utf8')).toBe('before');
  }, 600_000);
});
