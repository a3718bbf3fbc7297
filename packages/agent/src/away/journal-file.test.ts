/** The journal on a disk that fills up. The disk's failures are set on the file handle; the file is a real one. */
import { appendFile, type FileHandle, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest } from '@headgate/domain';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { JournalFile } from './journal-file.ts';

const BEGUN = {
  type: 'begun',
  id: 'r#1',
  cell: 'shared',
  rollout: 'r',
  promotion: 'p',
  plan: 'sha256:x' as Digest,
  scope: { kind: 'all', wave: 1 },
  begun: 1,
  by: 'usr_op',
  because: 'it hurts',
  since: '2026-01-01T00:00:00.000Z',
} as const;
const step = (n: number) => ({ type: 'step-begun', id: 'r#1', step: 'undo.route', epoch: 1, n }) as const;

let dir: string;
let handle: FileHandle;
let journal: JournalFile | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-journal-'));
  const some = await open(dir, 'r');
  handle = Object.getPrototypeOf(some) as FileHandle;
  await some.close();
  journal = await JournalFile.open(dir);
  await journal.note(BEGUN);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await journal?.close();
  await rm(dir, { recursive: true, force: true });
});

const full = (): Error => Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
/** The next append gets only so many bytes onto the disk. */
function cutShort(bytes: number): void {
  vi.spyOn(handle, 'writeFile').mockImplementationOnce(async function (this: FileHandle, line) {
    await this.write((line as Buffer).subarray(0, bytes));
    throw full();
  });
}
const lines = async (): Promise<{ n?: number }[]> =>
  (await readFile(join(dir, 'undone.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
async function again(): Promise<JournalFile> {
  await journal?.close();
  journal = undefined;
  journal = await JournalFile.open(dir);
  return journal;
}

test.each([1, 20, 1_000])(
  'an append that is cut short after %i bytes leaves nothing, and the next is read again',
  async (bytes) => {
    cutShort(bytes);
    await expect(journal!.note(step(5))).rejects.toThrow('ENOSPC');
    expect(journal!.all.get('r#1')!.tokens).toBe(0);
    await journal!.note(step(6));
    expect((await lines()).map(({ n }) => n)).toEqual([undefined, 6]);
    expect((await again()).all.get('r#1')).toMatchObject({ n: 6, tokens: 1 });
  },
);

test('an entry that isn’t surely on the disk is none', async () => {
  vi.spyOn(handle, 'datasync').mockRejectedValueOnce(new Error('EIO'));
  await expect(journal!.note(step(5))).rejects.toThrow('EIO');
  expect((await again()).all.get('r#1')!.tokens).toBe(0);
});

test('as long as half a line can’t be cut off, nothing is written behind it', async () => {
  cutShort(20);
  const truncate = vi.spyOn(handle, 'truncate').mockRejectedValue(new Error('EIO: i/o error'));
  await expect(journal!.note(step(5))).rejects.toThrow('ENOSPC');
  await expect(journal!.note(step(6))).rejects.toThrow('half a line that can’t be cut off: EIO');
  expect((await readFile(join(dir, 'undone.jsonl'), 'utf8')).split('\n')[1]).toHaveLength(20);
  truncate.mockRestore();
  await journal!.note(step(7));
  expect((await again()).all.get('r#1')).toMatchObject({ n: 7, tokens: 1 });
});

test('what nothing was begun for is not written', async () => {
  await expect(journal!.note({ ...step(5), id: 'other#1' })).rejects.toThrow('nothing was begun under other#1');
  expect(await lines()).toHaveLength(1);
});

test.each(['{"at":"2026', '{"at":"2026{"at":"2026-01-01T00:00:00.000Z","type":"finished","id":"r#1"}', 'null', '{}'])(
  'a broken line in the middle is named, with what to do: %s',
  async (broken) => {
    await appendFile(join(dir, 'undone.jsonl'), `${broken}\n${JSON.stringify({ at: '', ...step(5) })}\n`);
    await expect(again()).rejects.toThrow(/undone\.jsonl, line 2, is broken.*take the half out by hand/);
  },
);

test('half a line at the end, which a kill left, is cut off', async () => {
  await writeFile(join(dir, 'undone.jsonl'), '{"at":"2026', { flag: 'a' });
  expect((await again()).all.get('r#1')!.phase).toBe('going');
  expect(await lines()).toHaveLength(1);
});

test('read beside its agent, a line that is being written is neither counted nor cut off', async () => {
  const path = join(dir, 'undone.jsonl');
  await appendFile(path, '{"at":"2026-');
  const before = await readFile(path, 'utf8');
  expect([...(await JournalFile.read(dir)).keys()]).toEqual(['r#1']);
  expect(await readFile(path, 'utf8')).toBe(before);
});
