/** For tests only: a store on a real cluster whose restore points lie in a vault, and drills of them. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DrillFacts } from '@headgate/domain';
import type { RestorePoints } from '@headgate/execution';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { withClient } from '../../../postgres-cluster/database.ts';
import { type CellConfig, parseCellConfig } from '../../cell-config.ts';
import { FolderStore } from '../../object-store/folder-store.ts';
import type { BackedStore } from '../../restore-points/backed-store.ts';
import { PhysicalRestorePoints } from '../../restore-points/physical-restore-points.ts';
import { noteShipped } from '../../restore-points/wal.ts';
import { type RealStore, realStore } from '../../testing/real-store.ts';
import { CellVault } from '../../vault/cell-vault.ts';
import { VaultConfig } from '../../vault/vault-config.ts';
import { ownSigner, vaultKey } from '../../vault/vault-key.ts';
import { closeWal } from '../../vault/wal/close-wal.ts';
import { type ShippedWal, WalShipper } from '../../vault/wal/ship-wal.ts';
import { type DrillAsk, drill } from '../drill.ts';
import { storeToDrill } from '../store-to-drill.ts';

export interface DrilledWorld {
  readonly real: RealStore;
  readonly backed: BackedStore;
  readonly points: RestorePoints;
  readonly vaultDir: string;
  readonly workDir: string;
  readonly ask: DrillAsk;
  /** The cell's configuration, without a vault, and the vault's. */
  readonly cell: CellConfig;
  readonly vault: VaultConfig;
  query(sql: string): Promise<Record<string, unknown>[]>;
  /** A restore point, changed by `change` before it is sealed: as if the store's disk had been so. Its id. */
  seal(change?: (dir: string) => Promise<void>, points?: RestorePoints): Promise<string>;
  /** A round that brings the log to the vault, as a process would that has just been started. */
  ship(): Promise<ShippedWal>;
  drill(more?: Partial<DrillAsk>): Promise<DrillFacts>;
  /** What is left of drills. */
  left(): Promise<readonly string[]>;
}

/** Without identities of its own an ask opens what the world sealed. */
export async function drilledWorld(): Promise<DrilledWorld> {
  const real = await realStore();
  const [vaultDir, workDir, attachments] = ['vault', 'work', 'attachments'].map((name) => join(real.dir, name)) as [
    string,
    string,
    string,
  ];
  for (const dir of [vaultDir, workDir, attachments]) await mkdir(dir);
  await chmod(workDir, 0o755); // as root the cluster runs as another user
  await writeFile(join(attachments, 'one'), 'first');
  const backed: BackedStore = {
    ...real.store,
    archiveDir: real.archiveDir,
    restorePointsDir: join(real.dir, 'restore-points'),
    files: [{ name: 'attachments', dir: attachments }],
    keep: 20,
    census: true,
    shipsWal: true,
  };
  const query = async (sql: string): Promise<Record<string, unknown>[]> =>
    withClient(await real.store.cluster.connection('app'), async (client) => (await client.query(sql)).rows);
  await query('create table entry(n int primary key, note text); alter table entry owner to app');
  await query(`insert into entry select n, 'note ' || n from generate_series(1, 5000) n`);
  await query(`insert into headgate.migration(version, id, digest, applied_by) values (3, 'm3', 'sha256:x', 'test')`);
  const identity = await generateX25519Identity();
  const keyFile = join(real.dir, 'vault-key.pem');
  const key = await vaultKey(keyFile);
  const config = VaultConfig.parse({
    store: { kind: 'folder', dir: vaultDir },
    recipients: [await identityToRecipient(identity)],
    keyFile,
  });
  const objects = new FolderStore(vaultDir);
  const stores = new Map([['main', { restorePointsDir: backed.restorePointsDir, tenants: ['ada'] }]]);
  const vault = new CellVault({ config, store: objects, key, stores, partBytes: 8 * 1024 * 1024 });
  const own = new PhysicalRestorePoints(new Map([['main', backed]]));
  let step = 0;
  const cell = cellOf(backed, real.dir);
  const ask: DrillAsk = {
    from: { environment: 'production', cell: 'shared', store: 'main' },
    of: await storeToDrill(cell, 'main', workDir),
    vault: objects,
    trust: { signers: [ownSigner(key)] },
    identities: [identity],
    workDir,
    deadlineMs: 120_000,
    signal: new AbortController().signal,
    now: Date.now,
    say: () => {},
  };
  return {
    real,
    backed,
    points: own,
    vaultDir,
    workDir,
    ask,
    cell,
    vault: config,
    query,
    async seal(change, points = own) {
      const ctx = stepContext({ step: `s${++step}`, idempotencyKey: `r1/s${step}` });
      const taken = await points.take('main', ctx);
      if (!taken.ok) throw new Error(taken.why);
      const { id } = taken.value;
      let { manifest } = taken.value;
      if (change !== undefined) {
        const dir = join(backed.restorePointsDir, id);
        await change(dir);
        manifest = await rewritten(dir);
      }
      const sealed = await vault.keep({ ...taken.value, manifest, verified: true }, ctx);
      if (sealed.kind !== 'sealed') throw new Error('why' in sealed ? sealed.why : sealed.kind);
      return id;
    },
    async ship() {
      const shipper = new WalShipper({
        ...{ store: objects, archiveDir: backed.archiveDir, of: ask.from, recipients: config.recipients, key },
        ...{ now: Date.now, signal: ask.signal },
      });
      const shipped = await shipper.ship(await closeWal(backed, Date.now));
      await noteShipped(backed.restorePointsDir, shipped.shipped);
      return shipped;
    },
    drill: (more = {}) => drill({ ...ask, ...more }),
    left: async () => (await readdir(workDir)).filter((name) => /^(drill|rehearsal)-/.test(name)),
  };
}

/** As an agent's cell would have the store. */
function cellOf(
  { cluster, database, user, passwordFile, archiveDir, restorePointsDir, files }: BackedStore,
  dir: string,
): CellConfig {
  const { dir: clusterDir, port } = cluster.config;
  const main = { clusterDir, port, database, user, passwordFile, archiveDir, restorePointsDir, files: [...files] };
  return parseCellConfig({
    ...{ cell: 'shared', environment: 'production', application: 'psa', dir: join(dir, 'cell') },
    slots: { blue: { web: 1 }, green: { web: 2 } },
    stores: { main },
    tenants: { ada: { store: 'main', ring: 'internal' } },
    router: { listenPort: 3, adminPort: 4, tokenFile: '/nowhere/token' },
  });
}

/** Makes a changed restore point's manifest say what there is. Its digest. */
async function rewritten(dir: string): Promise<`sha256:${string}`> {
  const file = join(dir, 'manifest.json');
  const manifest = JSON.parse(await readFile(file, 'utf8')) as {
    files: { path: string; size: number; sha256: string }[];
  };
  for (const entry of manifest.files) {
    const content = await readFile(join(dir, entry.path));
    entry.size = content.length;
    entry.sha256 = createHash('sha256').update(content).digest('hex');
  }
  const text = JSON.stringify(manifest);
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}` as const;
  await writeFile(file, text);
  await writeFile(`${dir}.sha256`, `${digest}\nr1\n`);
  return digest;
}
