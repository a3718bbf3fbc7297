import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dataFolderLock } from './data-folder-lock.ts';
import { identify } from './process-identity.ts';

let folder: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headgate-lock-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** A process that takes the folder, says what came of it, and stays. */
async function contender(): Promise<{ child: ChildProcess; said: string }> {
  const source = `
    import { dataFolderLock } from ${JSON.stringify(new URL('./data-folder-lock.ts', import.meta.url).href)};
    const said = await dataFolderLock(${JSON.stringify(folder)}).then(
      (lock) => 'taken from ' + lock.takenOverFrom, (error) => error.message);
    console.log(said);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [said] = await once(child.stdout!, 'data');
  return { child, said: String(said).trim() };
}

test('a second server on the folder is refused and told who holds it; a killed one is taken over', async () => {
  const first = await contender();
  expect(first.said).toBe('taken from undefined');
  await expect(dataFolderLock(folder)).rejects.toThrow(`in use by the process ${first.child.pid}`);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  const lock = await dataFolderLock(folder);
  expect(lock.takenOverFrom).toBe(first.child.pid);
  expect((await contender()).said).toContain(`in use by the process ${process.pid}`);
  expect(await readdir(folder)).toHaveLength(1);
});

test('what was let go is free, and says so', async () => {
  await (await dataFolderLock(folder)).release();
  const again = await dataFolderLock(folder);
  expect(again.takenOverFrom).toBeUndefined();
});

test('of several that find the holder dead at once, one takes over', async () => {
  const dead = await contender();
  dead.child.kill('SIGKILL');
  await once(dead.child, 'exit');
  const tries = await Promise.allSettled(Array.from({ length: 8 }, () => dataFolderLock(folder)));
  expect(tries.filter((t) => t.status === 'fulfilled')).toHaveLength(1);
  for (const t of tries) if (t.status === 'rejected') expect(String(t.reason)).toContain(`process ${process.pid}`);
});

test('a pid that now belongs to another process, or to an earlier boot, holds nothing', async () => {
  const self = identify(process.pid)!;
  await writeFile(join(folder, 'server.lock.7'), JSON.stringify({ ...self, startTicks: '1' }));
  await (await dataFolderLock(folder)).release();
  await writeFile(join(folder, 'server.lock.30'), JSON.stringify({ ...self, bootId: 'another' }));
  expect((await dataFolderLock(folder)).takenOverFrom).toBe(process.pid);
  expect(await readdir(folder)).toEqual(['server.lock.31']);
});
