/** Restore points by the real pgBackRest, in a folder: the port's suite, exact recovery, and whatever may be wrong with them. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { restorePointsSuite } from '@headgate/testkit/execution/restore-points-suite';
import { afterAll, beforeAll, describe } from 'vitest';
import { type BackedUpStore, backedUpStore, pgbackrestMissing } from './testing/backed-up-store.ts';

const missing = await pgbackrestMissing();

describe.skipIf(missing !== undefined)('pgBackRest', () => {
  let world: BackedUpStore;
  beforeAll(async () => {
    world = await backedUpStore();
  }, 120_000);
  afterAll(() => world?.real.remove());

  restorePointsSuite('pgBackRest', async () => {
    const { points, query, repositoryDir, store } = world;
    await query('create table mark(text text)');
    const folder = (id: string): string => join(store.restorePointsDir, id);
    return {
      restorePoints: points,
      store: 'main',
      write: async (text) => void (await query(`insert into mark values ('${text}')`)),
      marks: async () => (await query('select text from mark')).map(({ text }) => String(text)),
      async spoil(id) {
        const { pgbackrest } = JSON.parse(await readFile(join(folder(id), 'manifest.json'), 'utf8'));
        await flip(await largestFile(join(repositoryDir, 'backup', 'main', pgbackrest.label)));
      },
      spoilManifest: (id) => writeFile(join(folder(id), 'manifest.json'), '{}'),
    };
  });
});

async function largestFile(dir: string): Promise<string> {
  const files = (await readdir(dir, { recursive: true, withFileTypes: true }))
    .filter((each) => each.isFile() && !each.name.startsWith('backup.manifest'))
    .map((each) => join(each.parentPath, each.name));
  const sizes = await Promise.all(files.map(async (path) => ({ path, size: (await stat(path)).size })));
  return sizes.sort((a, b) => b.size - a.size)[0]!.path;
}

async function flip(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[Math.floor(bytes.length / 2)]! ^= 0x20;
  await writeFile(path, bytes);
}
