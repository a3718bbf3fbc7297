/** A Git repository in a vault and back, with the machine's own git. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { generateSigningKey, signingKey } from '@headgate/documents';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ownSigner } from '../vault/vault-key.ts';
import { BackupContents } from './backup-contents.ts';
import type { BackupParts } from './backup-parts.ts';
import { listBackups } from './backup-vault.ts';
import { drillBackup, restoreBackup } from './bring-back.ts';
import { sealBackup, sourceNow, takeBackup } from './take-backup.ts';
import { type BackupWorld, backupWorld, git } from './testing/backup-world.ts';
import { gitHttp } from './testing/git-http.ts';

let world: BackupWorld;
let parts: BackupParts;
beforeEach(async () => {
  world = await backupWorld();
  parts = world.parts({ git: { repository: world.source } });
});
afterEach(() => world.remove());

const drill = (id?: string) => drillBackup(parts, id, [world.identity]);
const folderOf = (id: string): string => join(world.vaultDir, 'backups', 'agent-1', 'platform', id);

test('what comes back has every ref, every tree and the HEAD of the source, and a drill finds it right', async () => {
  await world.commit('servers/a b.yaml', 'ü: 1\n');
  await git(world.clone, 'tag', '--annotate', '--message', 'first', 'v1');
  await git(world.clone, 'push', '--quiet', 'origin', 'v1', 'HEAD:refs/heads/feature/x', 'HEAD~1:refs/pull/7/head');
  const { sealed } = await takeBackup(parts);
  expect(sealed.holds).toMatchObject({ kind: 'git', refs: 4, commits: 2 });
  expect(await drill()).toMatchObject({
    id: sealed.id,
    because: [],
    seen: ['4 refs', '2 commits', 'every object', '2 files checked out'],
  });
  const to = join(world.dir, 'restored');
  const { path } = await restoreBackup(parts, undefined, [world.identity], to);
  expect(path).toBe(join(to, 'platform.git'));
  expect(await world.refsOf(path)).toBe(await world.refsOf(world.source));
  expect(await git(path, 'symbolic-ref', 'HEAD')).toBe('refs/heads/main');
  // No way leads from it to where it was made, and nothing else is left there.
  expect(await git(path, 'config', '--get-regexp', 'remote').catch(() => '')).toBe('');
  expect(await readdir(to)).toEqual(['platform.git']);
  expect(await readdir(world.dir)).not.toContain('work');
});

test('nothing is restored over what is there, and nothing appears that isn’t right', async () => {
  const { sealed } = await takeBackup(parts);
  const to = join(world.dir, 'restored');
  await mkdir(to);
  await writeFile(join(to, 'kept'), 'mine');
  const restore = () => restoreBackup(parts, undefined, [world.identity], to);
  await expect(restore()).rejects.toThrow(/isn't empty/);
  await rm(join(to, 'kept'));
  const part = join(folderOf(sealed.id), 'files-00001.age');
  const bytes = await readFile(part);
  bytes[bytes.length - 20]! ^= 1;
  await writeFile(part, bytes);
  await expect(restore()).rejects.toThrow(/part files-00001 of bk-/);
  expect(await readdir(to)).toEqual([]);
});

test('a source that moved is told, without an identity; one that didn’t isn’t', async () => {
  const { sealed } = await takeBackup(parts);
  expect(await sourceNow(parts, sealed)).toMatchObject({ moved: false });
  await world.commit('b', '1');
  expect(await sourceNow(parts, sealed)).toMatchObject({ moved: true });
  await git(world.source, 'symbolic-ref', 'HEAD', 'refs/heads/nothing');
  const headless = (await takeBackup(parts)).sealed;
  expect(await sourceNow(parts, headless)).toMatchObject({ moved: false });
  expect((await drill()).because).toEqual([]);
});

test('what a force push took away comes back from an older backup', async () => {
  const lost = await world.commit('b', '1');
  const before = (await takeBackup(parts)).sealed;
  await git(world.clone, 'reset', '--quiet', '--hard', 'HEAD~1');
  await git(world.clone, 'push', '--quiet', '--force', 'origin', 'HEAD:refs/heads/main');
  await git(world.source, '-c', 'gc.reflogExpire=now', 'gc', '--quiet', '--prune=now');
  expect(await git(world.source, 'cat-file', '-e', lost).catch(() => 'gone')).toBe('gone');
  const after = (await takeBackup(parts)).sealed;
  expect(before.id).not.toBe(after.id);
  const { path } = await restoreBackup(parts, before.id, [world.identity], join(world.dir, 'restored'));
  expect(await git(path, 'rev-parse', 'refs/heads/main')).toBe(lost);
});

test('over HTTP it is taken with a password from a file, and not without one', async () => {
  const server = await gitHttp(world.dir, 'backup', 'hunter2');
  const file = join(world.dir, 'password');
  await writeFile(file, 'hunter2\n', { mode: 0o600 });
  const repository = `${server.url}/source.git`;
  parts = world.parts({ git: { repository, login: { username: 'backup', password: { file } } } });
  const { sealed } = await takeBackup(parts);
  expect(await sourceNow(parts, sealed)).toMatchObject({ moved: false });
  expect((await drill()).because).toEqual([]);
  const without = await takeBackup(world.parts({ git: { repository } })).catch((e: Error) => e);
  expect(String(without)).toMatch(/git ls-remote failed: .*could not read/i);
  await chmod(file, 0o644);
  await expect(takeBackup(parts)).rejects.toThrow(/the password of backup can't be read: .*make it 0600/);
  server.close();
});

test('another machine brings it back with the trust file that knows the key, and with none that doesn’t', async () => {
  await takeBackup(parts);
  const key = signingKey(generateSigningKey().privateKeyPem);
  const stranger = { ...parts, key, trust: { signers: [ownSigner(key)] } };
  const restore = (other: BackupParts) =>
    restoreBackup(other, undefined, [world.identity], join(world.dir, 'elsewhere'));
  await expect(restore(stranger)).rejects.toThrow(/the newest isn't right: sealed\.json of bk-/);
  const trust = { signers: [ownSigner(key), ...parts.trust.signers] };
  const { path } = await restore({ ...stranger, trust });
  expect(await world.refsOf(path)).toBe(await world.refsOf(world.source));
});

test.skipIf(process.getuid?.() !== 0)('a repository that is named by its path is taken whoever owns it', async () => {
  await promisify(execFile)('chown', ['-R', '65534:65534', world.source]);
  await expect(git(world.dir, 'ls-remote', world.source)).rejects.toThrow(/dubious ownership/);
  await takeBackup(parts);
  expect((await drill()).because).toEqual([]);
});

test('only the refs that are asked for are taken; without any of them it fails in words', async () => {
  await git(world.clone, 'push', '--quiet', 'origin', 'HEAD:refs/pull/7/head');
  parts = world.parts({ git: { repository: world.source, refs: ['refs/heads/*'] } });
  const { sealed } = await takeBackup(parts);
  expect(sealed.holds).toMatchObject({ refs: 1 });
  expect(await sourceNow(parts, sealed)).toMatchObject({ moved: false });
  const none = world.parts({ git: { repository: world.source, refs: ['refs/notes/*'] } });
  await expect(takeBackup(none)).rejects.toThrow('none of its refs is of refs/notes/*');
});

test.each<[string, (dir: string) => Promise<void>, RegExp]>([
  [
    'a flipped byte',
    async (dir) => {
      const bytes = await readFile(join(dir, 'files-00001.age'));
      bytes[300]! ^= 4;
      await writeFile(join(dir, 'files-00001.age'), bytes);
    },
    /part files-00001 .*SHA-256|decrypted/,
  ],
  [
    'a part that is cut off',
    async (dir) => {
      const file = join(dir, 'files-00001.age');
      await writeFile(file, (await readFile(file)).subarray(0, -7));
    },
    /part files-00001 .* bytes of/,
  ],
  ['a part that is missing', (dir) => rm(join(dir, 'files-00001.age')), /part files-00001 .*isn't in/],
  [
    'two parts that were swapped',
    async (dir) => {
      await rename(join(dir, 'files-00001.age'), join(dir, 'x'));
      await rename(join(dir, 'contents.age'), join(dir, 'files-00001.age'));
      await rename(join(dir, 'x'), join(dir, 'contents.age'));
    },
    /the part contents/,
  ],
  [
    'a manifest that somebody else signed',
    async (dir) => {
      const text = await readFile(join(dir, 'sealed.json'), 'utf8');
      await writeFile(
        join(dir, 'sealed.json'),
        text.replace(/"sig(nature)?": ?"(.)/, (all, _, c) => `${all.slice(0, -1)}${c === 'A' ? 'B' : 'A'}`),
      );
    },
    /sealed\.json of bk-/,
  ],
])('of %s a drill says so, by its name', async (_what, spoil, expected) => {
  const { sealed } = await takeBackup(parts);
  await spoil(folderOf(sealed.id));
  const found = await drill(sealed.id);
  expect(found.because).toHaveLength(1);
  expect(found.because[0]).toMatch(expected);
  expect(found.seen).toEqual([]);
});

test('a backup of another name isn’t taken for this one, wherever somebody puts it', async () => {
  const other = world.parts({ name: 'other', git: { repository: world.source } });
  const { sealed } = await takeBackup(other);
  await mkdir(join(world.vaultDir, 'backups', 'agent-1', 'platform'), { recursive: true });
  await rename(join(world.vaultDir, 'backups', 'agent-1', 'other', sealed.id), folderOf(sealed.id));
  expect((await drill(sealed.id)).because).toEqual([expect.stringContaining('it is of other, not of platform')]);
  expect((await drill()).because).toEqual([expect.stringContaining("the newest isn't right")]);
  const { backups } = await listBackups(parts.store, parts.of, parts.trust, parts.signal);
  expect(backups).toMatchObject([{ readable: false, why: expect.stringContaining('it is of other') }]);
});

test('sabotage: a drill of what is sealed well and isn’t what was promised turns red', async () => {
  const { promise } = await takeBackup(parts);
  if (promise.kind !== 'git') throw new Error('a repository');
  // A bundle of another moment under the first one's promise, sealed by the right key.
  const dir = join(world.dir, 'forged');
  await mkdir(join(dir, 'files'), { recursive: true });
  const now = await world.commit('b', '1');
  await git(world.source, 'bundle', 'create', '--quiet', join(dir, 'files', 'repository.bundle'), '--all');
  const bytes = await readFile(join(dir, 'files', 'repository.bundle'));
  const file = {
    path: 'files/repository.bundle',
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
  const contents = BackupContents.parse({
    ...{ v: 1, id: 'bk-forged', agent: 'agent-1', backup: 'platform', source: 'x', takenAt: Date.now() },
    ...{ promise, files: [file] },
  });
  await sealBackup(parts, dir, contents);
  const { because } = await drill('bk-forged');
  expect(because).toEqual(
    expect.arrayContaining([
      `refs/heads/main came back as ${now}, ${promise.refs[0]!.oid} was promised`,
      'the number of commits came back as 2, 1 was promised',
    ]),
  );
  await expect(restoreBackup(parts, 'bk-forged', [world.identity], join(world.dir, 'no'))).rejects.toThrow(
    /isn't right/,
  );
  expect(await stat(join(world.dir, 'no')).catch(() => 'none')).toBe('none');
});

test('of a source that is away, of no repository, and of an empty one the reason is told, and nothing lies in the vault', async () => {
  const take = (repository: string) => takeBackup(world.parts({ git: { repository } }));
  await expect(take(join(world.dir, 'nowhere'))).rejects.toThrow(/git ls-remote failed: .*nowhere/);
  await expect(take(world.vaultDir)).rejects.toThrow(/git ls-remote failed/);
  await git(world.dir, 'init', '--quiet', '--bare', join(world.dir, 'empty.git'));
  await expect(take(join(world.dir, 'empty.git'))).rejects.toThrow('it has no refs: nothing is in it');
  await world.commit('b', '1');
  await git(world.dir, 'clone', '--quiet', '--depth=1', `file://${world.source}`, 'shallow');
  await expect(take(join(world.dir, 'shallow'))).rejects.toThrow(/shallow clone/);
  expect(await readdir(world.vaultDir)).toEqual([]);
});

test('a vault that isn’t there fails the backup in words, and what the demands miss, too', async () => {
  await rename(world.vaultDir, `${world.vaultDir}-away`);
  await expect(takeBackup(parts)).rejects.toThrow(/isn't there; is its disk mounted/);
  await rename(`${world.vaultDir}-away`, world.vaultDir);
  const vault = { ...parts.vault, demands: ['versioning' as const] };
  await expect(takeBackup({ ...parts, vault })).rejects.toThrow(/versioning is off/);
});

test('a git that is too old or isn’t there is told, and how to have one', async () => {
  const program = join(world.dir, 'git');
  const old = world.parts({ git: { repository: world.source, program } });
  await expect(takeBackup(old)).rejects.toThrow(/can't be used .*install git/);
  await writeFile(program, '#!/bin/sh\necho git version 2.11.0\n');
  await chmod(program, 0o755);
  await expect(takeBackup(old)).rejects.toThrow('2.39 or newer is needed');
});
