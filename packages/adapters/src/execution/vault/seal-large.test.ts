/** A restore point so large that a thread hashes it is sealed, opened and refused as every other. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RestorePoint } from '@headgate/domain';
import type { ObjectStore } from '@headgate/execution';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CellVault } from './cell-vault.ts';
import { openSealed } from './open-sealed.ts';
import { type SealedWorld, sealedWorld } from './testing/sealed-world.ts';
import { unseal } from './unseal-point.ts';
import { VaultConfig } from './vault-config.ts';
import { ownSigner, vaultKey } from './vault-key.ts';

const ID = 'rp-20260101t000000z-aaaaaa';
const BIG = 'data/base/1/1259';
const MB = 1024 * 1024;

let world: SealedWorld;
let point: RestorePoint;
beforeEach(async () => {
  world = await sealedWorld();
  point = await world.lay(ID, { 'data/PG_VERSION': 3, [BIG]: 33 * MB + 1, 'files/one': 300_001 });
});
afterEach(() => world?.remove());

async function sealOn(store: ObjectStore) {
  const keyFile = join(world.dir, 'own.pem');
  const config = VaultConfig.parse({
    store: { kind: 'folder', dir: world.vaultDir },
    ...{ recipients: [world.recipient], keyFile },
  });
  const key = await vaultKey(keyFile);
  const stores = new Map([['main', { restorePointsDir: world.pointsDir, tenants: [] }]]);
  const vault = new CellVault({ config, store, key, stores, partBytes: 10 * MB });
  return { kept: await vault.keep(point, world.context()), signers: [ownSigner(key)] };
}

test('it comes back byte for byte', async () => {
  const { kept, signers } = await sealOn(world.objects);
  expect(kept).toMatchObject({ kind: 'sealed' });
  const [found, { signal }] = [world.identityOf(ID), new AbortController()];
  const opened = await openSealed(world.objects, found, { signers }, signal);
  if (!opened.ok) throw new Error(opened.why);
  const { sealed, manifest } = opened;
  const target = join(world.dir, 'target');
  const unsealing = { store: world.objects, point: found, sealed, manifest, signal };
  expect(await unseal(unsealing, [world.identity], target)).toMatchObject({ ok: true });
  const [there, here] = [target, join(world.pointsDir, ID)].map((dir) => readFile(join(dir, BIG)));
  expect((await there)?.equals((await here)!)).toBe(true);
});

test('a byte that changed since it was verified is found, and nothing is sealed', async () => {
  const path = join(world.pointsDir, ID, BIG);
  const bytes = await readFile(path);
  bytes[33 * MB]! ^= 1;
  await writeFile(path, bytes);
  const { kept } = await sealOn(world.objects);
  expect(kept).toMatchObject({ kind: 'failed', code: 'check-failed', why: expect.stringContaining(BIG) });
});

test('a part that doesn’t come back as it was written is found, and nothing is sealed', async () => {
  const { objects } = world;
  const flipping: ObjectStore = {
    name: objects.name,
    put: (...asked) => objects.put(...asked),
    async get(key, signal) {
      const content = await objects.get(key, signal);
      return key.includes('database-00002') && content !== undefined ? flipped(content) : content;
    },
    list: (...asked) => objects.list(...asked),
    delete: (...asked) => objects.delete(...asked),
    sweep: (...asked) => objects.sweep(...asked),
    protections: () => objects.protections(),
  };
  const { kept } = await sealOn(flipping);
  expect(kept).toMatchObject({
    ...{ kind: 'failed', code: 'check-failed' },
    why: expect.stringContaining('the part database-00002'),
  });
});

async function* flipped(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const chunk of content) {
    chunk[0]! ^= 1;
    yield chunk;
  }
}
