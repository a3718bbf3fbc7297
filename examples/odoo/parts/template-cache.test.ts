import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepTemplate, keptTemplate, pruneTemplates } from './template-cache.ts';

let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'headgate-cache-'));
});
afterEach(() => rm(cache, { recursive: true, force: true }));

async function old(name: string, hours: number): Promise<void> {
  await mkdir(join(cache, name));
  const at = Date.now() / 1_000 - hours * 3_600;
  await utimes(join(cache, name), at, at);
}
const there = async () => (await readdir(cache)).sort();

test('the newest two are kept, and of the others those that were used in the last hour', async () => {
  await old('odoo-template-a', 9);
  await old('odoo-template-b', 8);
  await old('odoo-template-c', 7);
  await old('odoo-template-d.new', 6);
  await old('odoo-template-e.new-1', 0);
  await old('other', 99);
  await pruneTemplates(cache);
  expect(await there()).toEqual(['odoo-template-b', 'odoo-template-c', 'odoo-template-e.new-1', 'other']);
  expect(await keptTemplate(cache, 'b')).toBe(join(cache, 'odoo-template-b'));
  await old('odoo-template-f', 0);
  await old('odoo-template-g', 0);
  await pruneTemplates(cache);
  expect(await there()).toContain('odoo-template-b');
});

test('one is kept whole or not at all, and by who was first', async () => {
  const fill = (text: string) => (dir: string) => writeFile(join(dir, 'dump'), text);
  expect(await keptTemplate(cache, 'k')).toBe(undefined);
  await expect(keepTemplate(cache, 'k', () => Promise.reject(new Error('the disk is full')))).rejects.toThrow('full');
  expect(await there()).toEqual([]);
  await Promise.all([keepTemplate(cache, 'k', fill('one')), keepTemplate(join(cache), 'k2', fill('two'))]);
  const before = (await stat(join(cache, 'odoo-template-k'))).ino;
  await keepTemplate(cache, 'k', fill('later'));
  expect((await stat(join(cache, 'odoo-template-k'))).ino).toBe(before);
  expect(await there()).toEqual(['odoo-template-k', 'odoo-template-k2']);
});
