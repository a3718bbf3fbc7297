/** A tenant of the real Odoo comes back, database and filestore, from a vault alone. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FolderStore } from '@headgate/adapters/execution/object-store/folder-store';
import { filestoreDir, findStore, OdooRestorePoints } from '@headgate/adapters/execution/odoo/index';
import { newIdentity } from '@headgate/adapters/execution/vault/age-stream';
import { CellVault } from '@headgate/adapters/execution/vault/cell-vault';
import { fetchPoint } from '@headgate/adapters/execution/vault/fetch-point';
import { openSealed } from '@headgate/adapters/execution/vault/open-sealed';
import { VaultConfig } from '@headgate/adapters/execution/vault/vault-config';
import { ownSigner, vaultKey } from '@headgate/adapters/execution/vault/vault-key';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { afterAll, describe, expect, test } from 'vitest';
import { once } from '../../packages/testkit/src/execution/migrator-suite.ts';
import { stepContext } from '../../packages/testkit/src/execution/step-context.ts';
import { odooMissing } from './testing/required.ts';
import { stand } from './testing/stand.ts';

const missing = await odooMissing();
const TENANT = 'vaulted';

describe.skipIf(missing)('Odoo', () => {
  const at = once(() => stand([TENANT]));
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
    await query(`create table public.mark as select 'before' as mark`);
    await query('alter table public.mark owner to odoo');
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
