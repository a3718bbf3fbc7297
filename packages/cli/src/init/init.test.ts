/** The command on a real folder with a real Git, and a real server behind `--url`. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readService } from '@headgate/documents';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ranCommand } from '../testing/ran-command.ts';

const run = promisify(execFile);
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-init-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const init = (...args: string[]) => ranCommand(['init', ...args], { env: {}, cwd: dir });

const written = () => readFile(join(dir, 'headgate.yaml'), 'utf8');

test('it shows what it would write, writes only when told to, and never over what is there', async () => {
  const shown = await init();
  expect(shown.code).toBe(2);
  expect(shown.out).toContain('kind: Service');
  await expect(written()).rejects.toThrow(/ENOENT/);
  expect((await init('--yes')).code).toBe(0);
  await writeFile(join(dir, 'headgate.yaml'), 'mine');
  expect(await init('--yes')).toMatchObject({ code: 1, out: expect.stringContaining('nothing is overwritten') });
  expect(await written()).toBe('mine');
});

test('it knows the repository, and leaves a token in its address out', async () => {
  await run('git', ['-C', dir, 'init', '-q', '-b', 'trunk']);
  await run('git', ['-C', dir, 'remote', 'add', 'origin', 'https://someone:secret@git.example/shop.git']);
  await init('--yes');
  expect(await written()).toContain('(https://git.example/shop.git, trunk)');
});

test('a running copy says where it is healthy; one that doesn’t answer is told, and nothing written', async () => {
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/up' ? 200 : 404;
    response.end();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect((await init('--yes', '--url', url)).code).toBe(0);
  expect(await written()).toContain('health: /up');
  await new Promise((closed) => server.close(closed));
  await rm(join(dir, 'headgate.yaml'));
  expect((await init('--yes', '--url', url)).code).toBe(5);
  await expect(written()).rejects.toThrow(/ENOENT/);
});

test('what it writes of the watch is what a service has that says nothing of it', async () => {
  await init('--yes');
  const text = (await written()).replaceAll('TO-DO', 'x').replace('# hypercare: ', 'hypercare: ');
  const without = text.replace(/^ {2}(soakMs|hypercare): .*\n/gm, '');
  expect(text.split('\n').length - without.split('\n').length).toBe(2);
  expect(readService(text, 'a')).toMatchObject({ ok: true });
  expect(readService(text, 'a')).toEqual(readService(without, 'a'));
});
