/** What a command writes where it is told to: over nothing that isn't its own. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeAnew, writeNew } from './out-file.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-out-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test('a file that is there stays as it is, and its name is said', async () => {
  const file = join(dir, 'rules.yaml');
  await writeNew(file, 'proposed');
  await expect(writeNew(file, 'again')).rejects.toThrow(/rules\.yaml is there already, and nothing is written over it/);
  expect(await readFile(file, 'utf8')).toBe('proposed');
});

test('what is rendered anew by a schedule takes the place of its own, and of nothing else', async () => {
  const file = join(dir, 'runbook.md');
  const render = (cell: string, text: string) =>
    writeAnew(file, `# Rebuilding ${cell}\n${text}`, `# Rebuilding ${cell}\n`);
  await render('shared', 'one');
  await render('shared', 'two');
  expect(await readFile(file, 'utf8')).toBe('# Rebuilding shared\ntwo');
  await expect(render('shared-2', 'three')).rejects.toThrow(/runbook\.md is there already/);
  await writeFile(file, 'mine');
  await expect(render('shared', 'three')).rejects.toThrow(/runbook\.md is there already/);
  expect([await readFile(file, 'utf8'), (await readdir(dir)).filter((name) => name.includes('.new'))]).toEqual([
    'mine',
    [],
  ]);
});
