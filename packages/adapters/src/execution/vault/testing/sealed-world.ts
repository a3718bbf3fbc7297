/** For tests only: restore points in a folder, a vault in another, and the keys to both. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { generateSigningKey, type PointIdentity, signingKey } from '@headgate/documents';
import type { RestorePoint } from '@headgate/domain';
import { patterned } from '@headgate/testkit/execution/object-store-suite';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { FolderStore } from '../../object-store/folder-store.ts';
import { CellVault } from '../cell-vault.ts';
import { VaultConfig } from '../vault-config.ts';
import { ownSigner } from '../vault-key.ts';

export const PART_BYTES = 100_000;

/** A file of a restore point, by its path and its size; what is in it follows from both. */
export type Sketch = Readonly<Record<string, number>>;

/** Database and files, so that each kind has several parts, with files that parts cut and files that are empty. */
export const SKETCH: Sketch = {
  'data/PG_VERSION': 3,
  'data/base/1/1259': 130_000,
  'data/base/1/1260': 0,
  'data/base/1/1261': 240_001,
  'wal/000000010000000000000002': 70_000,
  'files/attachments/ab/one': 150_000,
  'files/attachments/ab/none': 0,
  'files/attachments/cd/two': 90_000,
};

export interface SealedWorld {
  readonly dir: string;
  /** The vault's folder. */
  readonly vaultDir: string;
  readonly pointsDir: string;
  readonly objects: FolderStore;
  readonly vault: CellVault;
  readonly trust: { readonly signers: readonly ReturnType<typeof ownSigner>[] };
  readonly identity: string;
  readonly recipient: string;
  /** Writes a restore point as an adapter would have. */
  lay(id: string, sketch?: Sketch, more?: Readonly<Record<string, unknown>>): Promise<RestorePoint>;
  identityOf(id: string, store?: string): PointIdentity;
  context: typeof stepContext;
  remove(): Promise<void>;
}

export function contentOf(path: string, size: number): Buffer {
  return path === 'data/PG_VERSION' ? Buffer.from('15\n') : patterned(size, path.length * 1_000 + size);
}

export async function sealedWorld(
  config: Partial<Parameters<typeof VaultConfig.parse>[0] & object> = {},
): Promise<SealedWorld> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-vault-'));
  const [vaultDir, pointsDir] = [join(dir, 'vault'), join(dir, 'restore-points')];
  await mkdir(vaultDir);
  await mkdir(pointsDir);
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  const objects = new FolderStore(vaultDir);
  const key = signingKey(generateSigningKey().privateKeyPem);
  const parsed = VaultConfig.parse({
    store: { kind: 'folder', dir: vaultDir },
    recipients: [recipient],
    keyFile: join(dir, 'key.pem'),
    ...config,
  });
  const vault = new CellVault({
    config: parsed,
    store: objects,
    key,
    stores: new Map(['main', 'second'].map((name) => [name, { restorePointsDir: pointsDir, tenants: ['ada', 'bob'] }])),
    partBytes: PART_BYTES,
  });
  return {
    dir,
    vaultDir,
    pointsDir,
    objects,
    vault,
    trust: { signers: [ownSigner(key)] },
    identity,
    recipient,
    async lay(id, sketch = SKETCH, more = {}) {
      const files: { path: string; size: number; sha256: string; mode: number; uid: number; gid: number }[] = [];
      for (const [path, size] of Object.entries(sketch)) {
        const content = contentOf(path, size);
        const place = join(pointsDir, id, path);
        await mkdir(dirname(place), { recursive: true });
        await writeFile(place, content);
        const sha256 = createHash('sha256').update(content).digest('hex');
        files.push({ path, size: content.length, sha256, mode: 0o600, uid: 0, gid: 0 });
      }
      const own = { v: 1, id, store: 'main', rollout: 'r1', step: 's1', schemaVersion: 3, takenAt: 1_767_225_600_000 };
      const lsn = { startLsn: '0/2000028', stopLsn: '0/2000138', startWal: '000000010000000000000002' };
      const manifest = { ...own, ...lsn, systemIdentifier: '7', folders: ['data'], files, ...more };
      const text = JSON.stringify(manifest);
      await writeFile(join(pointsDir, id, 'manifest.json'), text);
      const bytes = files.reduce((sum, file) => sum + file.size, 0);
      const digest = `sha256:${createHash('sha256').update(text).digest('hex')}` as const;
      return { id, store: manifest.store, takenAt: manifest.takenAt, manifest: digest, bytes, verified: true };
    },
    identityOf: (id, store = 'main') => ({ environment: 'production', cell: 'shared', store, id }),
    context: stepContext,
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

/** A generator of numbers that a seed decides (mulberry32): from 0 up to, and without, `below`. */
export function seeded(seed: number): (below: number) => number {
  let a = seed >>> 0;
  return (below) => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}
