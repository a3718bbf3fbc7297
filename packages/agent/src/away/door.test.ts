import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Behind, type Door, openDoor } from './door.ts';
import { knock } from './knock.ts';

let dir: string;
let door: Door | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-door-'));
});

afterEach(async () => {
  await door?.close();
  door = undefined;
  await rm(dir, { recursive: true, force: true });
});

const behind = (rollBack: Behind['rollBack']): Behind => ({
  status: async () => ({}) as never,
  show: async () => ({ ok: true, value: { lines: [], seen: 's' } }),
  rollBack,
  carryOut: async () => Promise.reject(new Error('not in this test')),
  takePoint: async () => Promise.reject(new Error('not in this test')),
});
async function rollBack(lines: string[]): Promise<unknown> {
  const there = await knock(dir);
  return there!.rollBack({ by: 'usr_op', because: 'it hurts', seen: 's' }, (line) => lines.push(line));
}

test.each([
  ['before its first line', [], 'the agent answered 500: ENOSPC: no space left'],
  ['under way', ['step 1 …', 'step 1 done'], 'the agent broke off: ENOSPC: no space left'],
])('a rollback that fails %s is an error in words', async (_name, said, why) => {
  door = await openDoor(
    dir,
    behind(async (_ask, progress) => {
      said.forEach(progress);
      throw new Error('ENOSPC: no space left');
    }),
  );
  const heard: string[] = [];
  await expect(rollBack(heard)).rejects.toThrow(why);
  expect(heard).toEqual(said);
});

test('a refusal, and an end, are answers', async () => {
  const refusal = { code: 'changed', what: 'go back', where: '', why: 'it changed', unblock: 'look again' };
  const value = { undone: ['shared'], standsStill: [] };
  let refuse = true;
  door = await openDoor(
    dir,
    behind(async (_ask, progress) => {
      progress('cell shared: …');
      return refuse ? { ok: false, refusal } : { ok: true, value };
    }),
  );
  expect(await rollBack([])).toEqual({ ok: false, refusal });
  refuse = false;
  expect(await rollBack([])).toEqual({ ok: true, value });
});

test('opens again where a dead agent left its socket, for nobody else', async () => {
  await mkdir(join(dir, 'door'), { mode: 0o755 });
  await writeFile(join(dir, 'door', 'agent.sock'), '');
  door = await openDoor(
    dir,
    behind(async () => ({ ok: true, value: { undone: [], standsStill: [] } })),
  );
  expect((await stat(join(dir, 'door'))).mode & 0o777).toBe(0o700);
  expect((await stat(join(dir, 'door', 'agent.sock'))).mode & 0o777).toBe(0o600);
});

test.each(['a folder', 'nothing'])('a link to %s is refused, and what it leads to is left alone', async (to) => {
  const victim = join(dir, 'victim');
  if (to === 'a folder') {
    await mkdir(victim);
    await chmod(victim, 0o755);
    await writeFile(join(victim, 'agent.sock'), 'x');
  }
  await symlink(victim, join(dir, 'door'));
  const none = behind(async () => ({ ok: true, value: { undone: [], standsStill: [] } }));
  await expect(openDoor(dir, none)).rejects.toThrow('is no folder, or a link to one');
  await expect(knock(dir)).rejects.toThrow('is no folder, or a link to one');
  if (to === 'nothing') expect(await readdir(dir)).toEqual(['door']);
  else {
    expect((await stat(victim)).mode & 0o777).toBe(0o755);
    expect(await readdir(victim)).toEqual(['agent.sock']);
  }
});

test('an agent that runs and doesn’t answer is told as that in time: nobody waits at its door for ever', async () => {
  const silent = { ...behind(async () => Promise.reject(new Error('no'))), status: () => new Promise<never>(() => {}) };
  door = await openDoor(dir, silent);
  await expect(knock(dir, 200)).rejects.toThrow(/runs and has not answered for 0\.2 s: it was stopped/);
});
