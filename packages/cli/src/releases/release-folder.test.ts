import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readReleaseFolder } from './release-folder.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-release-folder-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const read = async (up: string, closes: string) => {
  await writeFile(join(dir, '1.sql'), up);
  await writeFile(join(dir, 'release.yaml'), `migrations: [{up: 1.sql${closes}}]\n`);
  return readReleaseFolder(dir);
};

test('what a migration says to Headgate is something that it reads, or the release isn’t made', async () => {
  await expect(read('-- headgate:close posting\n', '')).rejects.toThrow('1.sql:1 says headgate:close, ');
});

test('a file closes what its manifest closes: the file’s own words count in a service’s release alone', async () => {
  const file = '-- headgate:closes posting\n';
  await expect(read(file, '')).rejects.toThrow('put closes: [posting] beside');
  expect((await read(file, ', closes: [posting]')).files.size).toBe(1);
});
