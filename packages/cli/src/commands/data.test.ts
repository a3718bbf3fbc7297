/** Where a server's data lies, and how it is removed: a real server's data folder. */
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RealServer } from '@headgate/server/testing/real-server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ranCommand } from '../testing/ran-command.ts';

let server: RealServer;
let data: string;
/** Where root's data lies outside; everybody else has it all in the folder. */
let home: string | undefined;

beforeAll(async () => {
  server = await RealServer.start();
  data = server.dataDir;
  home = await readlink(join(data, 'system')).catch(() => undefined);
});
afterAll(() => server?.remove());

const headgate = (...args: string[]) => ranCommand(args, { env: { HEADGATE_DATA: data }, cwd: '/' });

test('where it lies and how much it is stands in doctor and in a command of its own, with how to be rid of it', async () => {
  const where = await headgate('data', 'where');
  expect(where.code).toBe(0);
  expect(where.out).toMatch(new RegExp(`data folder +${data} +\\d+ MB`));
  if (home !== undefined) expect(where.out).toMatch(new RegExp(`outside +${home} +\\d+ MB`));
  expect(where.out).toContain(`headgate data remove ${data}`);
  const { out } = await headgate('doctor');
  expect(out).toMatch(new RegExp(`ok +data: \\d+ MB in ${data}.*headgate data remove ${data}`));
  if (home !== undefined) expect(out).toContain(`outside of it, in ${home}`);
});

test('nothing is removed while a server works there, or without a yes', async () => {
  const busy = await headgate('data', 'remove', data, '--yes');
  expect(busy).toMatchObject({ code: 1, out: expect.stringContaining(`(process ${server.pid}) works in`) });
  await server.stop();
  const unasked = await headgate('data', 'remove', data);
  expect(unasked).toMatchObject({ code: 2, out: expect.stringContaining('--yes') });
  expect(existsSync(join(data, 'secrets'))).toBe(true);
});

test('what isn’t Headgate’s keeps a folder from being removed, and a folder that is no data folder is none', async () => {
  await writeFile(join(data, 'package.json'), '{}');
  const mixed = await headgate('data', 'remove', data, '--yes');
  expect(mixed).toMatchObject({ code: 1, out: expect.stringContaining('package.json') });
  await rm(join(data, 'package.json'));
  expect(await headgate('data', 'remove', tmpdir(), '--yes')).toMatchObject({
    code: 1,
    out: expect.stringContaining('is no data folder'),
  });
});

test('a copy of a data folder goes without what it points at, and doctor says whose that is', async () => {
  if (home === undefined) return;
  const copy = join(await mkdtemp(join(tmpdir(), 'headgate-copy-')), 'data');
  await cp(data, copy, { recursive: true, verbatimSymlinks: true });
  expect((await headgate('data', 'where', copy)).out).toMatch(new RegExp(`${home} .*\\(of ${data}: stays\\)`));
  expect((await headgate('data', 'remove', copy, '--yes')).code).toBe(0);
  expect([existsSync(copy), existsSync(home), existsSync(data)]).toEqual([false, true, true]);
  // Nor once the original stands elsewhere.
  await cp(data, copy, { recursive: true, verbatimSymlinks: true });
  const moved = `${data}-moved`;
  await rename(data, moved);
  const removed = await headgate('data', 'remove', copy, '--yes');
  expect(removed).toMatchObject({ code: 0, out: expect.stringContaining('this one is a copy of it') });
  expect([existsSync(copy), existsSync(home)]).toEqual([false, true]);
  await rename(moved, data);
});

test('removed is all of it: the folder, and what lies outside', async () => {
  const removed = await headgate('data', 'remove', data, '--yes');
  expect(removed).toMatchObject({ code: 0, out: expect.stringContaining(`removed: `) });
  expect([existsSync(data), home !== undefined && existsSync(home)]).toEqual([false, false]);
});
