/** `headgate-agent backup …`, as a person types it: on real repositories, in a vault in a folder. */
import { execFile } from 'node:child_process';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type BackupWorld, backupWorld, git } from '@headgate/adapters/execution/backups/testing/backup-world';
import { holdCell } from '@headgate/adapters/execution/process/cell-hold';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { backupFolder } from '../backups/standing-file.ts';
import { loadConfig } from '../config.ts';
import { sealedPlan } from '../testing/sealed-plan.ts';
import { type Typed, typed } from '../testing/typed.ts';
import { backup as command } from './backup.ts';
import { showStatus } from './status.ts';

let world: BackupWorld;
let config: string;
let state: string;

const backup = (...args: string[]): Promise<Typed> => typed(command, [...args, '--config', config], /4711/);

async function configured(more = ''): Promise<void> {
  const { dir } = world;
  await writeFile(
    config,
    `version: 1
server: http://127.0.0.1:7070
name: agent-1
tokenFile: ${dir}/token
dataDir: ${dir}/data
trustFile: ${dir}/trust.yaml
environments:
  - name: production
cellFiles: [${dir}/cell.json]
vault:
  store: {kind: folder, dir: ${world.vaultDir}}
  recipients: [${world.recipient}]
  keyFile: ${dir}/vault-key.pem
  drill: {identityFile: ${dir}/identity}
backups:
  - name: platform
    git: {repository: ${world.source}}
    everyMs: 3600000
  - name: network
    terraform: {state: ${state}}
    everyMs: 3600000
${more}`,
  );
}

const lay = (serial: number, value = 'geheim-4711') =>
  writeFile(
    state,
    JSON.stringify({
      ...{ version: 4, terraform_version: '1.11.4', serial, lineage: 'l-1', outputs: { p: { value } } },
      resources: [{ mode: 'managed', type: 'vlan', instances: [{ attributes: { key: 'geheim-4711' } }] }],
    }),
  );

beforeAll(async () => {
  world = await backupWorld();
  config = join(world.dir, 'agent.yaml');
  state = join(world.dir, 'terraform.tfstate');
  await writeFile(join(world.dir, 'identity'), `${world.identity}\n`, { mode: 0o600 });
  await writeFile(join(world.dir, 'trust.yaml'), sealedPlan().trustText);
  const cell = {
    ...{ cell: 'shared', environment: 'production', application: 'psa', dir: join(world.dir, 'cell') },
    slots: { blue: { web: 4001 }, green: { web: 4002 } },
    externalStores: {
      main: { url: { variable: 'A' }, adminUrl: { variable: 'B' }, restorePointsDir: join(world.dir, 'rp') },
    },
    tenants: { ada: { store: 'main', ring: 'internal' } },
    router: { listenPort: 4003, adminPort: 4004, tokenFile: join(world.dir, 'router') },
  };
  await writeFile(join(world.dir, 'cell.json'), JSON.stringify(cell));
  await lay(7);
  await configured();
});
afterAll(() => world.remove());

test('the program takes the command', async () => {
  const main = join(import.meta.dirname, '..', 'main.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [main, 'backup', '--help']);
  expect(stdout).toContain('headgate-agent backup NAME --restore-to DIR');
});

test('before the first one there is none, and that isn’t well', async () => {
  expect(await backup('--status')).toMatchObject({ code: 1, out: expect.stringContaining('newest: none yet') });
  expect(await backup('platform', '--list')).toMatchObject({ code: 1, out: expect.stringContaining('  none') });
  expect(await backup('platform', '--drill')).toMatchObject({
    code: 1,
    out: expect.stringContaining('no backup of platform lies in'),
  });
});

test('one is taken, looked at, listed and brought back', async () => {
  expect(await backup('platform')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/newest: bk-.*1 ref, 1 commit/),
  });
  expect(await backup('network')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/serial 7 of the lineage l-1, 1 resource \(1 vlan\)/),
  });
  expect(await backup('--status')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/the source: is as it was[\s\S]*nothing[\s\S]*it went well[\s\S]*network/),
  });
  await world.commit('b', '1');
  await lay(8);
  const { out } = await backup('--status', '--json');
  expect(JSON.parse(out)).toMatchObject([
    { name: 'platform', sourceNow: { moved: true }, ageMs: expect.any(Number), wrong: [] },
    { name: 'network', sourceNow: { moved: true, words: 'has moved since (serial 8 now)' } },
  ]);
  const to = join(world.dir, 'out');
  const restored = await backup('platform', '--restore-to', to);
  expect(restored).toMatchObject({ code: 0, out: expect.stringContaining(`git clone ${to}/platform.git`) });
  expect(await git(join(to, 'platform.git'), 'rev-list', '--count', 'main')).toBe('1');
  expect(await backup('platform', '--restore-to', to)).toMatchObject({
    code: 1,
    err: expect.stringContaining("isn't empty"),
  });
  const network = await backup('network', '--restore-to', join(world.dir, 'out-2'));
  expect(network).toMatchObject({ code: 0, out: expect.stringContaining('It holds secrets') });
  expect(await readFile(join(world.dir, 'out-2', 'terraform.tfstate'), 'utf8')).toContain('geheim-4711');
  expect(await backup('network', '--list')).toMatchObject({ code: 0, out: expect.stringMatching(/bk-.*serial 7/) });
});

test('a state that holds something else under the serial of the newest isn’t as it was', async () => {
  await lay(7, 'geheim-4712');
  expect(await backup('--status')).toMatchObject({
    out: expect.stringMatching(
      /network[\s\S]*the source: has the serial 7, as it had then, and HOLDS SOMETHING ELSE[\s\S]*lost if the source were lost now: what changed/,
    ),
  });
});

test('what went back is told until it is accepted with a reason', async () => {
  await lay(3);
  expect(await backup('network')).toMatchObject({
    code: 1,
    out: expect.stringMatching(/WRONG: .*it went back; no older one/),
  });
  expect(await backup('network', '--accept', ' ')).toMatchObject({
    code: 2,
    err: expect.stringContaining('needs a reason'),
  });
  expect(await backup('network', '--accept', 'restored on purpose')).toMatchObject({ code: 0 });
  expect(await backup('--status')).toMatchObject({
    code: 0,
    out: expect.stringContaining('right as it is: restored on purpose'),
  });
});

test('the agent’s own status tells of them, too', async () => {
  const read = loadConfig(config);
  if (!read.ok) throw new Error(read.problems.join());
  const told = await typed(() => showStatus(read.config, config, true), []);
  expect(JSON.parse(told.out).backups).toMatchObject([{ name: 'platform', wrong: [] }, { name: 'network' }]);
});

test.each<[string, readonly string[], RegExp]>([
  ['no name', [], /it needs the NAME of a backup, or --status/],
  ['two names', ['platform', 'network'], /takes one name, and was given network/],
  ['two ways', ['platform', '--drill', '--list'], /either --drill or --list/],
  ['an id for nothing', ['platform', '--id', 'bk-1'], /--id is for --drill and --restore-to/],
  ['a name beside --status', ['platform', '--status'], /without a name/],
  ['an unknown option', ['platform', '--dril'], /there is no option --dril/],
])('of %s it says what is wrong, with 2', async (_what, args, expected) => {
  expect(await backup(...args)).toMatchObject({ code: 2, err: expect.stringMatching(expected) });
});

test('a name that isn’t there, an id that is none, a vault that is away, and another process at it are told apart', async () => {
  expect(await backup('plattform')).toMatchObject({
    code: 1,
    err: expect.stringContaining('there are platform, network'),
  });
  expect(await backup('platform', '--restore-to', join(world.dir, 'x'), '--id', '../a')).toMatchObject({
    code: 1,
    err: expect.stringContaining('no id of a backup'),
  });
  await rename(world.vaultDir, `${world.vaultDir}-away`);
  expect(await backup('platform', '--restore-to', join(world.dir, 'x'))).toMatchObject({ code: 3 });
  expect(await backup('platform')).toMatchObject({
    code: 1,
    out: expect.stringMatching(/WRONG: the last try failed: .*mounted/),
  });
  await rename(`${world.vaultDir}-away`, world.vaultDir);
  expect(await readdir(world.dir)).not.toContain('x');
  const hold = await holdCell(backupFolder(join(world.dir, 'data'), 'platform'));
  expect(await backup('platform')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/another process \(pid \d+\) is at the backup platform/),
  });
  await hold.release();
});

test('what is wrong in the configuration has its place: no vault, a name twice, two sources', async () => {
  await configured(`  - name: platform\n    git: {repository: 'http://192.0.2.1/x'}\n    everyMs: 5\n`);
  const wrong = await backup('--status');
  expect(wrong).toMatchObject({
    code: 78,
    err: expect.stringMatching(/agent\.yaml:\d+:\d+ backups\[2\]\.git\.repository: expected an absolute path/),
  });
  await configured(`  - name: platform\n    git: {repository: /x}\n    everyMs: 5000\n`);
  expect(await backup('--status')).toMatchObject({
    code: 78,
    err: expect.stringContaining('expected a name of its own'),
  });
  await configured();
  const text = await readFile(config, 'utf8');
  await writeFile(config, text.replace(/vault:\n( {2}.*\n)+/, ''));
  expect(await backup('--status')).toMatchObject({ code: 78, err: expect.stringContaining('a vault beside them') });
});
