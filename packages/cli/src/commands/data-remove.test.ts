/** What `data remove` refuses before it touches anything, and that the folder is its own from the look to the end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { DataFolderInUse, dataFolderLock } from '@headgate/adapters/machine/index';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCommandLine } from '../program.ts';

let top: string;
let data: string;
beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), 'headgate-remove-'));
  data = join(top, 'data');
  await dataFolder(data);
});
afterEach(() => rm(top, { recursive: true, force: true }));

/** As a server leaves it. */
async function dataFolder(path: string): Promise<void> {
  await put(join(path, 'secrets', 'log.key'));
  await put(join(path, 'secrets', 'release-manager.token'));
  await put(join(path, 'log.pub'));
  await put(join(path, 'format.json'));
}
async function put(path: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, 'x');
}

/** Runs it as in a terminal; `asked` answers the question, which stands as long as it takes. */
async function remove(asked?: () => Promise<string>): Promise<{ code: number; out: string }> {
  let out = '';
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  let answered: Promise<unknown> | undefined;
  const into = new Writable({
    write(chunk, _encoding, done) {
      out += String(chunk);
      if (asked !== undefined && out.includes('all of that is gone then'))
        answered ??= asked().then((answer) => stdin.write(`${answer}\n`));
      done();
    },
  });
  const { signal: stop } = new AbortController();
  const terminal = { env: {}, cwd: '/', stdin, stdout: into, stderr: into, stop };
  const yes = asked === undefined ? ['--yes'] : [];
  const code = await runCommandLine(['data', 'remove', data, ...yes], terminal);
  await answered;
  return { code, out };
}

test('it is all removed: agents of later services, and what a killed server left half written among its secrets', async () => {
  await put(join(data, 'agent-shop', 'handed.json'));
  await put(join(data, 'secrets', 'admin.token.4711-0a1b2c3d.tmp'));
  await put(join(data, 'cells', 'shared', 'secrets', 'anything'));
  expect(await remove()).toMatchObject({ code: 0 });
  expect(existsSync(data)).toBe(false);
});

test.each(['secrets/my-own-signing-key.pem', 'agent-notes/thesis.txt', 'notes.txt'])(
  'what Headgate didn’t put there stays, and all else with it: %s',
  async (path) => {
    await put(join(data, path));
    const refused = await remove();
    expect(refused).toMatchObject({ code: 1, out: expect.stringContaining(path.replace('/thesis.txt', '')) });
    expect(existsSync(join(data, path)) && existsSync(join(data, 'secrets', 'log.key'))).toBe(true);
  },
);

test('a data folder below another one keeps both', async () => {
  const nested = join(data, 'demo', 'deep', 'inner');
  await dataFolder(nested);
  expect(await remove()).toMatchObject({ code: 1, out: expect.stringContaining(nested) });
  expect(existsSync(join(nested, 'log.pub')) && existsSync(join(data, 'log.pub'))).toBe(true);
});

test('a file system that is mounted below keeps it all', async ({ skip }) => {
  const below = join(data, 'cells', 'a b');
  await mkdir(below, { recursive: true });
  const run = async (command: string, ...args: string[]): Promise<number> => {
    const child = spawn(command, args, { stdio: 'ignore' });
    const ended = await once(child, 'exit').catch(() => [1]);
    return Number(ended[0]);
  };
  if ((await run('mount', '-t', 'tmpfs', 'none', below)) !== 0) skip('only root may mount');
  try {
    await put(join(below, 'precious'));
    expect(await remove()).toMatchObject({ code: 1, out: expect.stringContaining(below) });
    expect(existsSync(join(below, 'precious')) && existsSync(join(data, 'log.pub'))).toBe(true);
  } finally {
    await run('umount', below);
  }
});

test('no server gets the folder while the question stands, and a no lets it go', async () => {
  let met: unknown;
  const refused = await remove(async () => {
    met = await dataFolderLock(data).catch((error: unknown) => error);
    return 'n';
  });
  expect(met).toBeInstanceOf(DataFolderInUse);
  expect(refused).toMatchObject({ code: 2, out: expect.stringContaining('nothing was deleted') });
  await (await dataFolderLock(data)).release();
});

test('what came while the question stood is seen: a process that works there, a file of somebody', async () => {
  const busy: ChildProcess[] = [];
  try {
    const work = async () => {
      const there = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { cwd: data, stdio: 'ignore' });
      busy.push(there);
      await once(there, 'spawn');
      return 'y';
    };
    expect(await remove(work)).toMatchObject({ code: 1, out: expect.stringContaining('processes work in') });
  } finally {
    for (const each of busy) {
      const ended = once(each, 'exit');
      each.kill('SIGKILL');
      await ended;
    }
  }
  const file = async () => {
    await put(join(data, 'thesis.txt'));
    return 'y';
  };
  expect(await remove(file)).toMatchObject({ code: 1, out: expect.stringContaining('thesis.txt') });
  expect((await readdir(data)).includes('log.pub')).toBe(true);
  await rm(join(data, 'thesis.txt'));
  expect(await remove(async () => 'y')).toMatchObject({ code: 0 });
  expect(existsSync(data)).toBe(false);
});
