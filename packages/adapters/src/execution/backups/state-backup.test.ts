/** Terraform's state in a vault and back: with a small program that stands in for Terraform, and with Terraform itself where it is. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findingsIn, listBackups, tidyBackups } from './backup-vault.ts';
import { drillBackup, restoreBackup } from './bring-back.ts';
import { heldText, sourceNow, takeBackup } from './take-backup.ts';
import { type BackupWorld, backupWorld } from './testing/backup-world.ts';

const TERRAFORM = ['/usr/bin/terraform', '/usr/local/bin/terraform', '/usr/bin/tofu', '/usr/local/bin/tofu'].find(
  (path) => existsSync(path),
);

let world: BackupWorld;
let file: string;
beforeEach(async () => {
  world = await backupWorld();
  file = join(world.dir, 'terraform.tfstate');
});
afterEach(() => world.remove());

const SECRET = 'geheim-4711';
const stateText = (serial: number, more: object = {}): string =>
  JSON.stringify({
    ...{
      version: 4,
      terraform_version: '1.11.4',
      serial,
      lineage: 'l-1',
      outputs: { p: { value: SECRET, type: 'string' } },
    },
    resources: [
      {
        mode: 'managed',
        type: 'db_instance',
        name: 'a',
        provider: 'p',
        instances: [{ attributes: { password: SECRET } }, {}],
      },
      { mode: 'data', type: 'image', name: 'b', provider: 'p', instances: [{}] },
    ],
    ...more,
  });

/** A program that prints what it is told to; its arguments and environment are kept. */
async function program(script: string): Promise<string> {
  const path = join(world.dir, 'terraform');
  await writeFile(path, `#!${process.execPath}\n${script}`);
  await chmod(path, 0o755);
  return path;
}

const taken = async (terraform: object) => {
  const parts = world.parts({ name: 'network', terraform });
  return { parts, ...(await takeBackup(parts)) };
};

test('what comes back is the state byte by byte, for its owner alone, and tells only how much is in it', async () => {
  await writeFile(file, stateText(7));
  const { parts, sealed, promise } = await taken({ state: file });
  expect(heldText(promise)).toBe('serial 7 of the lineage l-1, 3 resources (2 db_instance, 1 data.image)');
  const drilled = await drillBackup(parts, undefined, [world.identity]);
  expect(drilled).toMatchObject({ because: [], seen: ['serial 7', '3 resources'] });
  const { path } = await restoreBackup(parts, sealed.id, [world.identity], join(world.dir, 'out'));
  expect(await readFile(path, 'utf8')).toBe(stateText(7));
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const open = await readFile(join(world.vaultDir, 'backups', 'agent-1', 'network', sealed.id, 'sealed.json'), 'utf8');
  const said = Buffer.from(JSON.parse(open).dsseEnvelope.payload, 'base64').toString();
  expect(said).toContain('l-1');
  expect(`${said}${JSON.stringify(drilled)}`).not.toMatch(/4711|password|db_instance/);
  await writeFile(file, stateText(8));
  expect(await sourceNow(parts, sealed)).toEqual({ moved: true, words: 'has moved since (serial 8 now)' });
});

test('a source is as it was only where what it holds is the same, not where its serial is', async () => {
  await writeFile(file, stateText(7));
  const { parts, sealed, stateSum: taken_ } = await taken({ state: file });
  const now = () => sourceNow(parts, sealed, (sum) => sum === taken_);
  expect(await now()).toEqual({ moved: false, words: 'is as it was' });
  await writeFile(file, stateText(7, { outputs: { p: { value: 'geheim-4712', type: 'string' } } }));
  expect(await now()).toEqual({
    moved: true,
    words: 'has the serial 7, as it had then, and HOLDS SOMETHING ELSE (3 resources now)',
  });
  // Where nobody knows what it held, that isn't said; but how many there are is.
  expect(await sourceNow(parts, sealed)).toEqual({
    moved: true,
    words: 'has the serial 7, as it had then; whether it holds the same isn’t known here until the next backup',
  });
  await writeFile(file, stateText(7, { resources: [] }));
  expect(await sourceNow(parts, sealed)).toEqual({
    moved: true,
    words: 'has the serial 7, as it had then, and HOLDS SOMETHING ELSE (0 resources now)',
  });
});

test('a program’s output is a state, too, by its own environment alone', async () => {
  const secret = join(world.dir, 'token');
  await writeFile(secret, 'token-4711\n', { mode: 0o600 });
  const path = await program(
    `if (process.env.TOKEN !== 'token-4711' || process.env.PGPASSWORD) process.exit(3);
     if (process.argv.slice(2).join(' ') !== 'state pull') process.exit(4);
     process.stdout.write(${JSON.stringify(stateText(7))})`,
  );
  process.env.PGPASSWORD = 'ours';
  const command = [path, 'state', 'pull'];
  const { sealed } = await taken({ command, environment: { TOKEN: { file: secret } } });
  delete process.env.PGPASSWORD;
  expect(sealed.holds).toMatchObject({ kind: 'terraform', serial: 7, resources: 3 });
});

test.each<[string, string, RegExp]>([
  ['that fails', `console.error('${SECRET}'); process.exit(1)`, /ended with 1; what it says isn't kept/],
  ['that prints no state', `console.log('{"password":"${SECRET}"}')`, /isn't a state/],
  ['that prints nothing', '', /there is nothing in it/],
  [
    'that prints too much',
    `process.stdout.write('x'.repeat(3_000_000)); setInterval(() => {}, 9)`,
    /larger than 1 MiB/,
  ],
  ['that doesn’t end', 'setInterval(() => {}, 9)', /wasn't at its end after 2 s/],
])('of a program %s the reason is told, and nothing that it said', async (_what, script, expected) => {
  const path = await program(script);
  const parts = world.parts({ name: 'network', terraform: { command: [path] }, maxMiB: 1, timeoutMs: 2_000 });
  const error = await takeBackup(parts).catch((e: Error) => e);
  expect(String(error)).toMatch(expected);
  expect(String(error)).not.toContain('4711');
  expect(await readdir(world.vaultDir)).toEqual([]);
});

test.each<[string, () => Promise<void>, RegExp]>([
  ['isn’t there', async () => {}, /can't be read \(ENOENT\)/],
  ['is a folder', () => mkdir(file).then(() => {}), /is no file/],
  ['is a pipe', () => promisify(execFile)('mkfifo', [file]).then(() => {}), /is no file/],
  ['is too large', () => writeFile(file, 'x'.repeat(2_000_000)), /larger than 1 MiB/],
  ['isn’t JSON', () => writeFile(file, `{"a":"${SECRET}`), /it isn't JSON/],
  [
    'is of a version from before',
    () => writeFile(file, stateText(1, { version: 3 })),
    /it is of no version that is known/,
  ],
  [
    'is encrypted',
    () => writeFile(file, '{"serial":1,"lineage":"x","encrypted_data":"…"}'),
    /encrypted by OpenTofu.*tofu state pull/,
  ],
  ['has a serial that is none', () => writeFile(file, stateText(1, { serial: SECRET })), /serial is missing, or isn't/],
])('a state’s file that %s is refused', async (_what, lay, expected) => {
  await lay();
  const parts = world.parts({ name: 'network', terraform: { state: file }, maxMiB: 1 });
  const error = await takeBackup(parts).catch((e: Error) => e);
  expect(String(error)).toMatch(expected);
  expect(String(error)).not.toContain('4711');
});

test('a serial that goes back and another lineage are found in the vault, until a person says that it is right', async () => {
  const found = async (acceptedAt?: number) => {
    const { store, of, trust, signal } = world.parts({ name: 'network', terraform: { state: file } });
    return findingsIn((await listBackups(store, of, trust, signal)).backups, acceptedAt);
  };
  let last = 0;
  for (const text of [
    stateText(7),
    stateText(9),
    stateText(8),
    stateText(1, { lineage: 'l-2' }),
    stateText(2, { lineage: 'l-2' }),
  ]) {
    await writeFile(file, text);
    last = (await taken({ state: file })).sealed.takenAt;
  }
  expect(await found()).toEqual([
    expect.stringMatching(/^bk-\S+ has serial 8, and bk-\S+ before it had 9: it went back$/),
    expect.stringMatching(/^bk-\S+ is of another lineage \(l-2\) than bk-\S+ before it \(l-1\)$/),
  ]);
  expect(await found(last)).toEqual([]);
});

test('what no rule keeps goes, but not the one that came back well last', async () => {
  const ids: string[] = [];
  for (const serial of [1, 2, 3, 4]) {
    await writeFile(file, stateText(serial));
    ids.push((await taken({ state: file })).sealed.id);
  }
  const { store, of, trust, signal } = world.parts({ name: 'network', terraform: { state: file } });
  const { backups, left } = await listBackups(store, of, trust, signal);
  const gone = await tidyBackups(store, of, backups, left, { last: 1, days: 0, weeks: 0 }, ids[1], signal);
  expect([...gone].sort()).toEqual([ids[0], ids[2]].sort());
  const after = await listBackups(store, of, trust, signal);
  expect(after.backups.map(({ id }) => id).sort()).toEqual([ids[1], ids[3]].sort());
});

test('where a program that shows states is named, what it shows counts in a drill, and what it can’t show is wrong', async () => {
  await writeFile(file, stateText(7));
  const shows = async (resources: number, code = 0) => {
    const module = {
      resources: [{}],
      child_modules: [{ resources: Array.from({ length: resources - 1 }, () => ({})) }],
    };
    const path = await program(
      `if (process.argv.slice(2, 5).join(' ') !== 'show -json -no-color') process.exit(9);
       JSON.parse(require('node:fs').readFileSync(process.argv[5], 'utf8'));
       process.stdout.write(${JSON.stringify(JSON.stringify({ values: { root_module: module } }))});
       process.exitCode = ${code};`,
    );
    const { parts } = await taken({ state: file, show: [path] });
    return drillBackup(parts, undefined, [world.identity]);
  };
  expect((await shows(3)).because).toEqual([]);
  expect((await shows(2)).because).toEqual([expect.stringMatching(/shows 2 resources, 3 were promised/)]);
  expect((await shows(3, 1)).because).toEqual([expect.stringMatching(/ended with 1/)]);
});

test.skipIf(TERRAFORM === undefined)(
  'Terraform itself gives its state, and reads what comes back',
  async () => {
    const dir = join(world.dir, 'configuration');
    await mkdir(dir);
    await writeFile(join(dir, 'main.tf'), `resource "terraform_data" "a" {\n  count = 3\n  input = "${SECRET}"\n}\n`);
    const env = { PATH: process.env.PATH, HOME: dir, CHECKPOINT_DISABLE: '1' };
    for (const args of [['init'], ['apply', '-auto-approve']])
      await promisify(execFile)(TERRAFORM!, [...args, '-no-color', '-input=false'], { cwd: dir, env });
    const { parts, sealed } = await taken({ command: [TERRAFORM, 'state', 'pull'], dir, show: [TERRAFORM] });
    expect(sealed.holds).toMatchObject({ kind: 'terraform', version: 4, resources: 3 });
    const drilled = await drillBackup(parts, undefined, [world.identity]);
    expect(drilled).toMatchObject({
      because: [],
      seen: [expect.stringMatching(/^serial/), '3 resources', `shown by ${TERRAFORM}`],
    });
    const { path } = await restoreBackup(parts, undefined, [world.identity], join(world.dir, 'out'));
    await promisify(execFile)(TERRAFORM!, ['state', 'push', path], { cwd: dir, env });
  },
  120_000,
);
