/** What a repository may do that somebody else writes: nothing. Real git, real hooks and configuration, each leaving a mark if it ran. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BackupConfig } from './backup-config.ts';
import { drillBackup, restoreBackup } from './bring-back.ts';
import { takeBackup } from './take-backup.ts';
import { type BackupWorld, backupWorld, git } from './testing/backup-world.ts';

let world: BackupWorld;
let marks: string;
beforeEach(async () => {
  world = await backupWorld();
  marks = join(world.dir, 'marks');
  await mkdir(marks);
});
afterEach(() => world.remove());

/** A program that leaves a mark. */
async function trap(name: string): Promise<string> {
  const file = join(world.dir, `trap-${name}`);
  await writeFile(file, `#!/bin/sh\ntouch ${marks}/${name}\nexit 0\n`);
  await chmod(file, 0o755);
  return file;
}

const bothWays = async (config: object) => {
  const parts = world.parts(config);
  const { sealed } = await takeBackup(parts);
  const drilled = await drillBackup(parts, undefined, [world.identity]);
  const { path } = await restoreBackup(parts, undefined, [world.identity], join(world.dir, 'restored'));
  return { sealed, drilled, path };
};

test('no hook, filter, monitor or program of the source’s configuration runs, and none comes back', async () => {
  await writeFile(join(world.clone, '.gitattributes'), '* filter=trap diff=trap\n');
  await git(world.clone, 'add', '--all');
  await git(world.clone, 'commit', '--quiet', '--message', 'attributes');
  for (const hook of [
    'post-checkout',
    'post-upload-pack',
    'pre-receive',
    'reference-transaction',
    'post-index-change',
    'fsmonitor-watchman',
  ])
    for (const repository of [world.source, join(world.clone, '.git')]) {
      await mkdir(join(repository, 'hooks'), { recursive: true });
      await writeFile(join(repository, 'hooks', hook), `#!/bin/sh\ntouch ${marks}/${hook}\n`);
      await chmod(join(repository, 'hooks', hook), 0o755);
    }
  const config: readonly (readonly [string, string])[] = [
    ['core.fsmonitor', await trap('fsmonitor')],
    ['core.sshCommand', await trap('ssh')],
    ['core.alternateRefsCommand', await trap('alternates')],
    ['core.pager', await trap('pager')],
    ['uploadpack.packObjectsHook', await trap('pack-objects')],
    ['remote.origin.uploadpack', await trap('uploadpack')],
    ['credential.helper', await trap('credential')],
    ['filter.trap.smudge', await trap('smudge')],
    ['filter.trap.clean', await trap('clean')],
    ['filter.trap.process', await trap('process')],
    ['diff.trap.textconv', await trap('textconv')],
  ];
  for (const [name, value] of config) await git(world.clone, 'config', name, value);
  // As a working copy, which has all of that beside its history.
  const { drilled, path } = await bothWays({ git: { repository: world.clone } });
  expect(drilled.because).toEqual([]);
  expect(await readdir(marks)).toEqual([]);
  expect(await readdir(path)).not.toContain('hooks');
  expect(await git(path, 'config', '--list', '--local')).not.toMatch(/trap|hook/);
  // They would have, had anybody worked there.
  await git(world.clone, 'status').catch(() => {});
  expect(await readdir(marks)).toContain('fsmonitor');
});

test('objects that are missing are fetched from nowhere: no program of the source’s remotes is asked for them', async () => {
  const remote = await trap('remote');
  const lost = await git(world.source, 'rev-parse', 'main:network/vlans.yaml');
  await git(world.source, 'config', 'core.repositoryFormatVersion', '1');
  await git(world.source, 'config', 'extensions.partialClone', 'origin');
  await git(world.source, 'config', 'remote.origin.url', `ext::${remote}`);
  await git(world.source, 'config', 'remote.origin.promisor', 'true');
  await git(world.source, 'config', 'protocol.ext.allow', 'always');
  await rm(join(world.source, 'objects', lost.slice(0, 2), lost.slice(2)));
  await expect(takeBackup(world.parts({ git: { repository: world.source } }))).rejects.toThrow(/git fetch failed/);
  expect(await readdir(marks)).toEqual([]);
});

test('a ref, a file and a submodule that are named like options or lead elsewhere are what they are: names', async () => {
  const oid = await git(world.source, 'rev-parse', 'main');
  const names = [
    'refs/heads/--upload-pack=touch',
    'refs/heads/-c',
    'refs/tags/--exec',
    'refs/heads/$(id)',
    "refs/heads/a'b;c",
  ];
  for (const name of names) await git(world.source, 'update-ref', name, oid);
  await writeFile(join(world.clone, '--output=x'), 'a');
  await writeFile(
    join(world.clone, '.gitmodules'),
    `[submodule "s"]\n\tpath = s\n\turl = ext::${await trap('submodule')}\n`,
  );
  await symlink('/etc/passwd', join(world.clone, 'link'));
  await git(world.clone, 'update-index', '--add', '--cacheinfo', `160000,${oid},s`);
  await world.commit('plain', '1');
  const { drilled, path } = await bothWays({ git: { repository: world.source } });
  expect(drilled.because).toEqual([]);
  expect(await world.refsOf(path)).toBe(await world.refsOf(world.source));
  expect((await world.refsOf(path)).split('\n')).toHaveLength(names.length + 1);
  expect(await readdir(marks)).toEqual([]);
});

test('a repository that is larger than may be is stopped at its bound, and leaves nothing', async () => {
  for (const name of ['a', 'b']) await world.commit(name, randomBytes(2 * 1024 * 1024).toString('base64'));
  const small = world.parts({ git: { repository: world.source }, maxMiB: 2 });
  await expect(takeBackup(small)).rejects.toThrow(/larger than 2 MiB; to take it: a larger maxMiB/);
  expect(await readdir(world.vaultDir)).toEqual([]);
  expect(await readdir(world.dir)).not.toContain('work');
});

test('one that is just as large as may be is brought back, too: a drill has room for all that it lays out', async () => {
  await world.commit('a', randomBytes(1_700_000).toString('base64'));
  const parts = world.parts({ git: { repository: world.source }, maxMiB: 2 });
  await takeBackup(parts);
  expect((await drillBackup(parts, undefined, [world.identity])).because).toEqual([]);
});

test('a source that never answers is given up when its time is over', async () => {
  const server = createServer(() => {});
  const url = await listening(server);
  const slow = world.parts({ git: { repository: `${url}/x.git` }, timeoutMs: 1_500 });
  await expect(takeBackup(slow)).rejects.toThrow(/git ls-remote wasn't at its end after 1.5 s/);
  server.closeAllConnections();
  server.close();
});

test('a password goes to its own repository alone: in no argument, no error, and to nobody it leads to', async () => {
  const seen: { host: string; authorization: string | undefined }[] = [];
  let away = '';
  const thief = createServer((request, response) => {
    seen.push({ host: 'thief', authorization: request.headers.authorization });
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end('no');
  });
  const server = createServer((request, response) => {
    seen.push({ host: 'own', authorization: request.headers.authorization });
    if (request.url?.startsWith('/moved')) response.writeHead(301, { location: `${away}${request.url}` }).end();
    else response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end('hunter2-of-4711');
  });
  away = await listening(thief);
  const url = await listening(server);
  const file = join(world.dir, 'password');
  await writeFile(file, 'hunter2-of-4711\n', { mode: 0o600 });
  // What was given to a program shows in its arguments while it runs: this one keeps them.
  const program = join(world.dir, 'git-kept');
  await writeFile(program, `#!/bin/sh\nprintf '%s\\n' "$@" >> ${marks}/arguments\nexec git "$@"\n`);
  await chmod(program, 0o755);
  const login = { username: 'backup', password: { file } };
  for (const path of ['/own.git', '/moved.git']) {
    const parts = world.parts({ git: { repository: `${url}${path}`, program, login } });
    const error = await takeBackup(parts).catch((e: Error) => e);
    expect(String(error)).toMatch(/git ls-remote failed/);
    expect(String(error)).not.toContain('4711');
  }
  server.close();
  thief.close();
  const basic = `Basic ${Buffer.from('backup:hunter2-of-4711').toString('base64')}`;
  expect(seen).toContainEqual({ host: 'own', authorization: basic });
  expect(seen.filter(({ host }) => host === 'thief')).toEqual([]);
  const kept = await readFile(join(marks, 'arguments'), 'utf8');
  expect(kept).toContain('ls-remote');
  expect(kept).not.toMatch(/4711|Basic|aHVudGVy/);
});

test.each<[string, object]>([
  ['a password in the address', { git: { repository: 'https://a:b@host/x' } }],
  ['a program in the place of an address', { git: { repository: 'ext::sh -c id' } }],
  ['an option in the place of an address', { git: { repository: '--upload-pack=id' } }],
  ['a host that is an option', { git: { repository: 'ssh://-oProxyCommand=id/x' } }],
  ['plain HTTP to another machine', { git: { repository: 'http://192.0.2.1/x' } }],
  ['git’s own protocol, which nobody signs', { git: { repository: 'git://host/x' } }],
  ['ssh without the host’s key', { git: { repository: 'ssh://git@host/x' } }],
  [
    'a key’s path that a shell would read',
    { git: { repository: 'ssh://git@host/x', ssh: { keyFile: '/a b;id', knownHostsFile: '/k' } } },
  ],
  ['a pattern that leads out of refs', { git: { repository: '/x', refs: ['refs/../x'] } }],
  ['two sources', { git: { repository: '/x' }, terraform: { state: '/y' } }],
  ['no source', {}],
])('the form refuses %s', (_what, more) => {
  expect(BackupConfig.safeParse({ name: 'platform', everyMs: 1_000, ...more }).success).toBe(false);
});

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
