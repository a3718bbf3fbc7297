import { mkdir, mkdtemp, readdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ObjectStoreTrouble } from '@headgate/execution';
import { chunked, objectStoreSuite, patterned } from '@headgate/testkit/execution/object-store-suite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FolderStore } from './folder-store.ts';
import { ObjectStoreConfig } from './object-store-config.ts';

let dir: string;
const signal = new AbortController().signal;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-objects-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function fresh(name: string): Promise<{ root: string; store: FolderStore }> {
  const root = join(dir, name);
  await mkdir(root);
  return { root, store: new FolderStore(root) };
}

objectStoreSuite('A folder', async () => (await fresh('suite')).store, 3_000_000);

test('a folder that is gone is away, in words, and is never made', async () => {
  const store = new FolderStore(join(dir, 'not-mounted'));
  const trouble = { name: 'ObjectStoreTrouble', kind: 'away', message: expect.stringContaining('is its disk mounted') };
  await expect(store.put('a/b', chunked(patterned(10)), signal)).rejects.toMatchObject(trouble);
  await expect(store.get('a/b', signal)).rejects.toMatchObject(trouble);
  await expect(store.delete('a/b', signal)).rejects.toMatchObject(trouble);
  await expect(
    (async () => {
      for await (const _ of store.list('', signal));
    })(),
  ).rejects.toMatchObject(trouble);
  expect(await readdir(dir)).not.toContain('not-mounted');
});

test('a folder that goes away in the middle of a put fails it, and what comes back has nothing of it', async () => {
  const { root, store } = await fresh('vanishing');
  const content = async function* () {
    yield patterned(100_000);
    await rename(root, `${root}.gone`);
    yield patterned(100_000);
  };
  await expect(store.put('a/one', content(), signal)).rejects.toBeInstanceOf(ObjectStoreTrouble);
  await rename(`${root}.gone`, root);
  const keys: string[] = [];
  for await (const { key } of store.list('', signal)) keys.push(key);
  expect(keys).toEqual([]);
});

test('what a killed put left is not listed, and is swept once it is old', async () => {
  const { root, store } = await fresh('killed');
  await store.put('a/b/whole', chunked(patterned(10)), signal);
  const left = join(root, 'a', 'b', '.0123456789abcdef.unfinished');
  await writeFile(left, 'half');
  const keys: string[] = [];
  for await (const { key } of store.list('a/', signal)) keys.push(key);
  expect(keys).toEqual(['a/b/whole']);
  expect(await store.sweep('a/', Date.now() - 60_000, signal)).toBe(0);
  await utimes(left, new Date(0), new Date(0));
  expect(await store.sweep('a/', Date.now() - 60_000, signal)).toBe(1);
  expect(await readdir(join(root, 'a', 'b'))).toEqual(['whole']);
});

test('a link in the folder leads no object out of it', async () => {
  const { root, store } = await fresh('linked');
  await mkdir(join(dir, 'outside'));
  await symlink(join(dir, 'outside'), join(root, 'a'));
  await expect(store.put('a/b', chunked(patterned(10)), signal)).rejects.toMatchObject({ kind: 'refused' });
  expect(await readdir(join(dir, 'outside'))).toEqual([]);
});

test.each([
  ['http://store.example', false],
  ['http://127.0.0.1:8080', true],
  ['http://localhost:8080/', true],
  ['http://127.example:8080', false],
  ['https://store.example:9000', true],
  ['https://user:secret@store.example', false],
  ['https://store.example/path', false],
  ['ftp://store.example', false],
])('of the endpoint %s it is taken: %s', (endpoint, taken) => {
  const secret = { variable: 'KEY' };
  const config = { kind: 's3', endpoint, bucket: 'points', accessKeyId: secret, secretAccessKey: secret };
  expect(ObjectStoreConfig.safeParse(config).success).toBe(taken);
});
