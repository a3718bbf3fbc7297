import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder } from './make-folder.ts';

test('makes what is missing, and leaves what is there', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-folder-'));
  try {
    await makeFolder(join(dir, 'a', 'b'), 0o700);
    await makeFolder(join(dir, 'a', 'b'), 0o755);
    expect((await stat(join(dir, 'a', 'b'))).mode & 0o777).toBe(0o700);
  } finally {
    await rm(dir, { recursive: true });
  }
});

test('says which folder can not be made, where a recursive mkdir would never end', async () => {
  await expect(makeFolder('/proc/nope/below', 0o755)).rejects.toThrow(/The folder \/proc\/nope can't be made: ENOENT/);
});
