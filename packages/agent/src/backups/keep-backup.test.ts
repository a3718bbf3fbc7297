/** A backup's whole way by an agent: real git, a vault in a folder, and what is written down of it. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BackupConfig } from '@headgate/adapters/execution/backups/backup-config';
import { type BackupWorld, backupWorld } from '@headgate/adapters/execution/backups/testing/backup-world';
import { holdCell } from '@headgate/adapters/execution/process/cell-hold';
import { newIdentity } from '@headgate/adapters/execution/vault/age-stream';
import { VaultConfig } from '@headgate/adapters/execution/vault/vault-config';
import { wrongWithBackup } from '@headgate/documents';
import { stateSum } from '@headgate/documents/backups/terraform-state';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AgentConfig } from '../config.ts';
import { agentConfig } from '../testing/agent-config.ts';
import { silent } from '../testing/bench-agent.ts';
import { eventually } from '../testing/poll.ts';
import { BackupRounds } from './backup-rounds.ts';
import { acceptFindings, type BackupAsk, BackupBusy, keepBackup } from './keep-backup.ts';
import { backupFolder, standingOf, writeStanding } from './standing-file.ts';

let world: BackupWorld;
let state: string;
let said: string[];
beforeEach(async () => {
  world = await backupWorld();
  state = join(world.dir, 'terraform.tfstate');
  said = [];
  await writeFile(join(world.dir, 'identity'), `${world.identity}\n`, { mode: 0o600 });
});
afterEach(() => world.remove());

function configOf(more: object = {}, vault: object = {}): AgentConfig {
  const backup = BackupConfig.parse({
    ...{ name: 'platform', git: { repository: world.source }, everyMs: 3_600_000 },
    ...{ keep: { last: 2, days: 0, weeks: 0 }, ...more },
  });
  return agentConfig(world.dir, 'http://127.0.0.1:1', {
    watchEveryMs: 1_000,
    backups: [backup],
    backupVault: VaultConfig.parse({
      ...{ store: { kind: 'folder', dir: world.vaultDir }, recipients: [world.recipient] },
      ...{ keyFile: join(world.dir, 'vault-key.pem'), drill: { identityFile: join(world.dir, 'identity') }, ...vault },
    }),
  });
}

function askOf(config: AgentConfig): BackupAsk {
  const say: BackupAsk['say'] = (how, words, facts) => void said.push(`${how} ${words} ${JSON.stringify(facts)}`);
  const signal = new AbortController().signal;
  return { config, backup: config.backups[0]!, trust: { signers: [] }, signal, yields: false, say };
}

const kept = (config: AgentConfig, how: Parameters<typeof keepBackup>[1] = 'now') => keepBackup(askOf(config), how);
const inVault = async (): Promise<readonly string[]> =>
  (await readdir(join(world.vaultDir, 'backups', 'agt_test', 'platform')).catch(() => [])).sort();

test('one is taken, drilled, and only then older ones go; what it came to is written down', async () => {
  const config = configOf();
  const first = await kept(config);
  expect(first).toMatchObject({
    failures: 0,
    last: { ok: true },
    drill: { ok: true },
    sound: { id: first.good!.id },
    sinceDrill: 0,
  });
  await kept(config);
  const third = await kept(config);
  expect(await inVault()).toHaveLength(2);
  expect(await inVault()).not.toContain(first.good!.id);
  expect(await standingOf(config, config.backups[0]!)).toEqual(third);
  expect(wrongWithBackup(third, Date.now())).toEqual([]);
  expect(said.join()).toContain('older backups removed');
});

test('while a drill fails nothing is removed, and the next one is drilled whatever the count', async () => {
  const config = configOf({ drillEvery: 100, keep: { last: 1, days: 0, weeks: 0 } });
  await kept(config);
  await writeFile(join(world.dir, 'identity'), `${(await newIdentity()).identity}\n`, { mode: 0o600 });
  const drilled = await kept(config, { drill: undefined });
  expect(drilled.drill).toMatchObject({
    ok: false,
    because: [expect.stringMatching(/the part contents of \S+ can't be decrypted/)],
  });
  const failed = await kept(config);
  expect(failed.drill).toMatchObject({ id: failed.good!.id, ok: false });
  await kept(config);
  expect(await inVault()).toHaveLength(3);
  expect(wrongWithBackup(failed, Date.now())).toEqual([expect.stringContaining('the last drill failed')]);
  await writeFile(join(world.dir, 'identity'), `${world.identity}\n`, { mode: 0o600 });
  const mended = await kept(config);
  expect(mended.drill).toMatchObject({ ok: true });
  expect(await inVault()).toEqual([mended.good!.id]);
});

test('without an identity on the machine none is drilled, none is removed, and after a while that is wrong', async () => {
  const config = configOf({ keep: { last: 1, days: 0, weeks: 0 } }, { drill: undefined });
  await kept(config);
  const second = await kept(config);
  expect(second.drill).toBeUndefined();
  expect(await inVault()).toHaveLength(2);
  expect(wrongWithBackup(second, second.since + 2 * 3_600_000 + 1)).toContain('none was ever brought back in a drill');
  const byHand = await keepBackup(
    { ...askOf(config), identityFile: join(world.dir, 'identity') },
    { drill: undefined },
  );
  expect(byHand).toMatchObject({ drill: { ok: true, id: second.good!.id } });
  expect(await inVault()).toEqual([second.good!.id]);
});

test.each<[string, (dirs: { vault: string; source: string }) => Promise<() => Promise<void>>, RegExp]>([
  [
    'whose source is away',
    async ({ source }) => {
      await rename(source, `${source}-away`);
      return () => rename(`${source}-away`, source);
    },
    /git ls-remote failed/,
  ],
  [
    'whose vault is away',
    async ({ vault }) => {
      await rename(vault, `${vault}-away`);
      return () => rename(`${vault}-away`, vault);
    },
    /isn't there; is its disk mounted/,
  ],
])('a backup %s is told, counts, removes nothing, and is taken when it can be', async (_what, spoil, expected) => {
  const config = configOf({ keep: { last: 1, days: 0, weeks: 0 } });
  const good = (await kept(config)).good!;
  const mend = await spoil({ vault: world.vaultDir, source: world.source });
  await kept(config);
  const failed = await kept(config);
  expect(failed).toMatchObject({ failures: 2, good, last: { ok: false, why: expect.stringMatching(expected) } });
  expect(wrongWithBackup(failed, Date.now())).toEqual([expect.stringMatching(expected)]);
  expect(said.filter((each) => each.startsWith('error'))).toHaveLength(2);
  await mend();
  expect(await inVault()).toEqual([good.id]);
  expect(await kept(config)).toMatchObject({ failures: 0, last: { ok: true } });
});

test.skipIf(process.getuid?.() !== 0)('a vault that is full is told, and nothing in it is touched', async () => {
  const run = promisify(execFile);
  await run('/usr/bin/mount', ['-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', world.vaultDir]);
  try {
    const config = configOf({ keep: { last: 1, days: 0, weeks: 0 } });
    const good = (await kept(config)).good!;
    await world.commit('large', randomBytes(500_000).toString('base64'));
    const failed = await kept(config);
    expect(failed).toMatchObject({
      good,
      last: { ok: false, why: expect.stringMatching(/has no room left \(ENOSPC\)/) },
    });
    const { drill } = await kept(config, { drill: undefined });
    expect(drill).toMatchObject({ id: good.id, ok: true });
  } finally {
    await run('/usr/bin/umount', [world.vaultDir]);
  }
});

test('a vault that can’t be written is told, and nothing in it is touched', async () => {
  const config = configOf({ keep: { last: 1, days: 0, weeks: 0 } });
  const good = (await kept(config)).good!;
  const place = join(world.vaultDir, 'backups', 'agt_test', 'platform');
  // Where a folder has to come stands a file: also root can't write there.
  await rename(place, `${place}-kept`);
  await writeFile(place, '');
  expect((await kept(config)).last).toMatchObject({ ok: false });
  await rm(place);
  await rename(`${place}-kept`, place);
  expect(await inVault()).toEqual([good.id]);
});

test('a state that goes back, or is of another lineage, is told and keeps all older ones until a person says why it is right', async () => {
  const lay = (serial: number, lineage = 'l-1') =>
    writeFile(state, JSON.stringify({ version: 4, terraform_version: '1.11.4', serial, lineage, resources: [] }));
  const config = configOf({ git: undefined, terraform: { state }, keep: { last: 1, days: 0, weeks: 0 } });
  await lay(9);
  await kept(config);
  await lay(3);
  const odd = await kept(config);
  expect(odd.findings).toEqual([expect.stringMatching(/has serial 3, and \S+ before it had 9: it went back/)]);
  expect(wrongWithBackup(odd, Date.now())).toHaveLength(1);
  await lay(4);
  // The row is odd for ever, not only at the moment at which it became so.
  expect((await kept(config)).findings).toHaveLength(1);
  expect(await inVault()).toHaveLength(3);
  expect(await acceptFindings(askOf(config), 'restored from monday')).toBe(1);
  await lay(5);
  const after = await kept(config);
  expect(after).toMatchObject({ findings: [], accepted: { because: 'restored from monday' } });
  expect(await inVault()).toEqual([after.good!.id]);
});

test('a state that holds something else under the same serial, or nothing, keeps all older ones, too, and what it holds stands nowhere', async () => {
  const lay = (serial: number, pin: string, version = '1.11.4') => {
    const vault = { mode: 'managed', type: 'vault', name: 'a', instances: [{ attributes: { pin } }] };
    const resources = pin === '' ? [] : [vault];
    const own = { version: 4, terraform_version: version, serial, lineage: 'l-1', resources };
    return writeFile(state, JSON.stringify(own));
  };
  const config = configOf({ git: undefined, terraform: { state }, keep: { last: 1, days: 0, weeks: 0 } });
  await lay(7, '4711');
  await kept(config);
  await lay(7, '4711', '1.12.0');
  // The same, written by a newer program.
  expect((await kept(config)).findings).toEqual([]);
  expect(await inVault()).toHaveLength(1);
  await lay(7, '4712');
  const odd = await kept(config);
  expect(odd.findings).toEqual([
    expect.stringMatching(/has the serial 7 that \S+ before it has, and holds something else/),
  ]);
  await lay(8, '');
  const emptied = await kept(config);
  expect(emptied.findings).toEqual([
    ...odd.findings,
    expect.stringMatching(/holds no resources, and \S+ before it had 1: it was emptied/),
  ]);
  expect(await inVault()).toHaveLength(3);
  const sums = JSON.parse(await readFile(join(backupFolder(config.dataDir, 'platform'), 'state-sums.json'), 'utf8'));
  // Of those that are there, and by a key: who guesses a pin can't try it on a sum.
  expect(Object.keys(sums.sums).sort()).toEqual(await inVault());
  expect(Object.values(sums.sums)).not.toContain(stateSum(await readFile(state, 'utf8')));
  expect(await acceptFindings(askOf(config), 'torn down')).toBe(2);
  expect((await kept(config)).findings).toEqual([]);
  expect(await inVault()).toHaveLength(1);
});

test('sums of states that were lost are no trouble: what was taken before isn’t known, and what comes is', async () => {
  const lay = (output: string) => {
    const own = { version: 4, terraform_version: '1.11.4', serial: 7, lineage: 'l-1', resources: [], outputs: output };
    return writeFile(state, JSON.stringify(own));
  };
  const config = configOf({ git: undefined, terraform: { state } });
  await lay('a');
  await kept(config);
  await writeFile(join(backupFolder(config.dataDir, 'platform'), 'state-sums.json'), '{"v":1');
  await lay('b');
  expect(await kept(config)).toMatchObject({ findings: [], last: { ok: true } });
  await lay('c');
  expect((await kept(config)).findings).toHaveLength(1);
});

test('what an agent that was killed had sealed counts: it is found in the vault, and none is taken twice', async () => {
  const config = configOf();
  const { good } = await kept(config);
  await rm(backupFolder(config.dataDir, 'platform'), { recursive: true });
  const found = await kept(config, 'due');
  expect(found.good).toMatchObject({ id: good!.id, at: good!.at });
  expect(await inVault()).toEqual([good!.id]);
  expect((await kept(config)).good!.id).not.toBe(good!.id);
});

test('two processes are never at one backup', async () => {
  const config = configOf();
  const hold = await holdCell(backupFolder(config.dataDir, 'platform'));
  await expect(kept(config)).rejects.toThrow(BackupBusy);
  await hold.release();
  expect((await kept(config)).last).toMatchObject({ ok: true });
});

test('the agent takes what is due by itself, none too many after a restart, and tries again what failed', async () => {
  const config = configOf();
  const rounds = async (until: () => Promise<boolean>) => {
    const running = new BackupRounds({ config, trust: { signers: [] }, log: silent, goesBack: () => false }).start();
    await eventually(until, 120_000);
    await running.stop();
  };
  await rename(world.source, `${world.source}-away`);
  await rounds(async () => (await standingOf(config, config.backups[0]!)).failures > 0);
  await rename(`${world.source}-away`, world.source);
  const failed = await standingOf(config, config.backups[0]!);
  await writeStanding(config.dataDir, { ...failed, last: { at: Date.now() - 60_000, ok: false, why: 'x' } });
  await rounds(async () => (await standingOf(config, config.backups[0]!)).sound !== undefined);
  const [only] = await inVault();
  // A second one is due at once, and the first isn't: whoever has taken the second has passed the first over.
  const other = { ...config.backups[0]!, name: 'zz-other' };
  const both = { ...config, backups: [config.backups[0]!, other] };
  const running = new BackupRounds({
    config: both,
    trust: { signers: [] },
    log: silent,
    goesBack: () => false,
  }).start();
  await eventually(async () => (await standingOf(config, other)).sound !== undefined, 120_000);
  await running.stop();
  expect(await inVault()).toEqual([only]);
  // What an agent does by schedule lets everybody else go first: on a machine that is full it takes its time.
}, 300_000);

test('nothing of a password, an identity or a state stands in what is written down or said', async () => {
  const password = join(world.dir, 'password');
  await writeFile(password, 'hunter2-of-4711\n', { mode: 0o600 });
  const config = configOf();
  await kept(config);
  const [backup] = config.backups;
  const login = { username: 'u', password: { file: password } };
  const failing = { ...backup!, git: { ...backup!.git!, repository: 'http://127.0.0.1:9/x.git', login } };
  await kept({ ...config, backups: [failing] });
  await chmod(password, 0o644);
  await kept({ ...config, backups: [failing] });
  const dir = backupFolder(config.dataDir, 'platform');
  const written = (await Promise.all((await readdir(dir)).map((name) => readFile(join(dir, name), 'utf8')))).join();
  expect(said.join()).toMatch(/can be read by others/);
  expect(`${written}${said.join()}`).not.toMatch(/4711|AGE-SECRET/);
});
