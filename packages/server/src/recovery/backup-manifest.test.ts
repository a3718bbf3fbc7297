/** What a restore takes for a backup, over folders that hold no database: nothing is laid out from them. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openFolder } from '../installation/folder.ts';
import { type BackupManifest, openBackup } from './backup-manifest.ts';
import { restoreBackup } from './restore.ts';

let base: string;
let dir: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'headgate-manifest-'));
  dir = join(base, 'backup');
  await mkdir(join(dir, 'folder'), { recursive: true });
});
afterEach(() => rm(base, { recursive: true, force: true }));

const sumOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const entry = <P extends string>(path: P, text: string) => ({ path, size: text.length, sha256: sumOf(text) });
const MANIFEST: BackupManifest = {
  v: 2,
  kind: 'headgate-backup',
  takenAt: '2026-01-01T00:00:00.000Z',
  installation: 'ins_1',
  epoch: 1,
  log: { size: 0, note: '' },
  schemaVersion: 8,
  postgres: 18,
  folderFiles: [entry('trust.yaml', 'trust\n')],
  password: entry('password', 'pass\n'),
  secrets: true,
  folders: [],
  files: [],
};

/** Writes it with its sum, as whoever can write there could; answers the sum. */
async function write(manifest: object): Promise<string> {
  const text = JSON.stringify(manifest);
  await writeFile(join(dir, 'backup.json'), text);
  await writeFile(join(dir, 'backup.sha256'), `${sumOf(text)}\n`);
  await writeFile(join(dir, 'folder', 'trust.yaml'), 'trust\n');
  await writeFile(join(dir, 'password'), 'pass\n');
  return sumOf(text);
}

test.each(['folder/trust.yaml', 'password'])('%s of a backup is compared with what was written', async (path) => {
  await write(MANIFEST);
  await writeFile(join(dir, path), 'xxxx\n');
  const root = join(base, 'data');
  const folder = await openFolder(root);
  const before = await readdir(root);
  await expect(restoreBackup(folder, dir, new Date())).rejects.toThrow(`${path} isn't what was written`);
  expect(await readdir(root)).toEqual(before);
});

test.each(['../../cron', '/etc/cron', 'a/../../b', './a', 'a//b', ''])(
  'the path %o is refused wherever a manifest names one',
  async (path) => {
    const file = { ...entry('a', ''), path };
    for (const wrong of [
      { ...MANIFEST, folderFiles: [file] },
      { ...MANIFEST, folders: [path] },
      { ...MANIFEST, files: [{ ...file, mode: 0, uid: 0, gid: 0 }] },
      { ...MANIFEST, v: 1, password: undefined, folderFiles: [path] },
    ]) {
      await write(wrong);
      await expect(openBackup(dir)).rejects.toThrow('expected a path that stays in the backup');
    }
  },
);

test('a manifest with what nobody wrote is none; an older one is read, a newer one named as such', async () => {
  await write({ ...MANIFEST, more: 1 });
  await expect(openBackup(dir)).rejects.toThrow('no manifest of a backup');
  const { password: _, ...rest } = MANIFEST;
  await write({ ...rest, v: 1, folderFiles: ['trust.yaml'] });
  expect((await openBackup(dir)).manifest).toMatchObject({ v: 1, folderFiles: ['trust.yaml'] });
  await write({ ...MANIFEST, v: 3 });
  await expect(openBackup(dir)).rejects.toThrow('a newer Headgate');
});

test('another backup in its place, with a sum of its own, isn’t the one whose sum was kept', async () => {
  const kept = await write(MANIFEST);
  expect((await openBackup(dir, kept)).sum).toBe(kept);
  await write({ ...MANIFEST, epoch: 7 });
  await expect(openBackup(dir, kept)).rejects.toThrow(`not ${kept}`);
  expect((await openBackup(dir)).manifest.epoch).toBe(7);
});
