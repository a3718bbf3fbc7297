import { expect, test } from 'vitest';
import { SyncBehind } from './sync-behind.ts';

const MB = 1024 * 1024;

/** A disk that loses a write the nth time it is asked, and tells it once. */
function disk(losesAt: number) {
  const asked: string[] = [];
  const sync = async (what: string): Promise<void> => {
    asked.push(what);
    await new Promise((next) => setImmediate(next));
    if (asked.length === losesAt) throw Object.assign(new Error('lost'), { code: 'EIO' });
  };
  return { asked, file: { datasync: () => sync('datasync'), sync: () => sync('sync') } };
}

test('a file goes to the disk behind what is written, once at a time, and all of it at the end', async () => {
  const { asked, file } = disk(0);
  const behind = new SyncBehind(file);
  for (let n = 0; n < 7; n++) behind.wrote(MB);
  expect(asked).toEqual([]);
  for (let n = 0; n < 30; n++) behind.wrote(MB);
  expect(asked).toEqual(['datasync']);
  await behind.end();
  expect(asked).toEqual(['datasync', 'sync']);
});

test('what the disk lost behind is told at the end, although the disk tells it once', async () => {
  for (const losesAt of [1, 2]) {
    const { file } = disk(losesAt);
    const behind = new SyncBehind(file);
    behind.wrote(8 * MB);
    await behind.over();
    await expect(behind.end()).rejects.toMatchObject({ code: 'EIO' });
  }
});
