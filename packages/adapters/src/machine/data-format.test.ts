import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FolderFormat, FormatTooNew, keepCopy, openFormat } from './data-format.ts';
import { writeDurably } from './durable-file.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'headgate-format-'));
});
afterEach(() => rm(root, { recursive: true }));

/** Two steps that each append a letter to what is kept. */
const step = (letter: string, from: number) => ({
  what: `gets ${letter}`,
  async migrate(folder: string) {
    const file = join(folder, 'kept');
    await keepCopy(file, from);
    const before = await readFile(file, 'utf8');
    if (!before.includes(letter)) await writeDurably(file, before + letter);
  },
});
const format: FolderFormat = { name: 'a test’s folder', steps: [step('a', 0), step('b', 1)], sign: 'kept' };
const kept = () => readFile(join(root, 'kept'), 'utf8');

async function opened(of = format): Promise<string[]> {
  const said: string[] = [];
  await openFormat(root, of, ({ from, to, what }) => said.push(`${from} to ${to}: ${what}`));
  return said;
}

test('a new folder has today’s format, and nothing is migrated', async () => {
  expect(await opened()).toEqual([]);
  expect(await readFile(join(root, 'format.json'), 'utf8')).toBe('{"format":2}\n');
});

test('a folder from before there were formats goes through every step, and what they write over is kept', async () => {
  await writeFile(join(root, 'kept'), '-');
  expect(await opened()).toEqual(['0 to 1: gets a', '1 to 2: gets b']);
  expect(await kept()).toBe('-ab');
  expect(await readFile(join(root, 'kept.format-0'), 'utf8')).toBe('-');
  expect(await readFile(join(root, 'kept.format-1'), 'utf8')).toBe('-a');
  expect(await opened()).toEqual([]);
});

test('a migration that was cut short goes on where it stood', async () => {
  await writeFile(join(root, 'kept'), '-');
  const cut = { what: 'breaks', migrate: () => Promise.reject(new Error('cut')) };
  await expect(opened({ ...format, steps: [step('a', 0), cut] })).rejects.toThrow('cut');
  expect(await opened()).toEqual(['1 to 2: gets b']);
  expect(await kept()).toBe('-ab');
  expect((await readdir(root)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test('a newer folder is refused in words, and left alone', async () => {
  await writeFile(join(root, 'kept'), '-');
  await writeFile(join(root, 'format.json'), '{"format": 3}\n');
  await expect(opened()).rejects.toThrow(FormatTooNew);
  await expect(opened()).rejects.toThrow(/has the format 3, .* up to 2: a test’s folder was used by a newer Headgate/);
  expect(await kept()).toBe('-');
});

test.each(['', '{}', '{"format": "2"}', '{"format": -1}', 'null'])(
  'a format that is none (%s) is refused',
  async (text) => {
    await writeFile(join(root, 'format.json'), text);
    await expect(opened()).rejects.toThrow(/says no format/);
  },
);
