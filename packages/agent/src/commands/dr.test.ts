/** `headgate-agent dr …`, as a person types it: a cell of two stores is exercised, lost, and rebuilt from its vault and its configuration. */
import { type ChildProcess, spawn } from 'node:child_process';
import { access, copyFile, cp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findTools } from '@headgate/adapters/execution/external-store/postgres-tools';
import { newIdentity } from '@headgate/adapters/execution/vault/age-stream';
import { ownSigners } from '@headgate/adapters/execution/vault/vault-key';
import { alive, identify } from '@headgate/adapters/machine/process-identity';
import { processesBelow } from '@headgate/adapters/machine/processes-in';
import { openRebuildExercise } from '@headgate/documents';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LostCell, lostCell } from '../dr/testing/lost-cell.ts';
import { typed } from '../testing/typed.ts';
import { untoldFacts } from '../testing/untold-facts.ts';
import { backup } from './backup.ts';
import { dr } from './dr.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const SUM = `select count(*)::int as n, md5(string_agg(e::text, '|' order by n)) as sum from entry e`;
const checks = (await findTools(15, undefined)) !== undefined;
const STANDS = ['--as', 'usr_ann', '--because', 'the disk died'];

let cell: LostCell;
/** Of both stores, as they were when their log was brought to the vault last. */
let before: Record<string, unknown>[];

beforeAll(async () => {
  cell = await lostCell();
  await cell.seal();
  const taken = await typed(backup, ['network', '--config', cell.agentFile]);
  if (taken.code !== 0) throw new Error(taken.err);
  await cell.query('main', `insert into entry values (5000, 'after the restore point')`);
  await cell.ship();
  before = await sums();
}, 240_000);
afterAll(() => cell?.remove());

async function sums(): Promise<Record<string, unknown>[]> {
  return [...(await cell.query('main', SUM)), ...(await cell.query('platform', SUM))];
}

const secret = /the-payment-key|the-vlan-key/;
const asked = (name: string, ...args: string[]) =>
  typed(dr, [name, '--config', cell.agentFile, '--release', cell.releaseDir, ...args], secret);

/** The same as a program of its own, ended by kill -9 once it has said that. */
async function killedAt(words: string, name: string, ...args: string[]): Promise<void> {
  const typedArgs = ['dr', name, '--config', cell.agentFile, '--release', cell.releaseDir, ...args];
  const child: ChildProcess = spawn(process.execPath, [MAIN, ...typedArgs], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  await new Promise<void>((done, fail) => {
    child.stderr!.on('data', (chunk) => {
      said += String(chunk);
      if (said.includes(words)) child.kill('SIGKILL');
    });
    child.once('exit', (_code, signal) => (signal === 'SIGKILL' ? done() : fail(new Error(said))));
  });
}

const exercises = async (): Promise<readonly string[]> =>
  (await readdir(cell.workDir)).filter((name) => name.startsWith('exercise-'));
const pointIn = async (store: string): Promise<string> => {
  const dir = join(cell.vaultDir, 'points', 'production', 'shared', store);
  return join(dir, (await readdir(dir))[0]!);
};
/** Something in the vault is otherwise while `look` looks. */
async function while_<T>(file: string, change: () => Promise<unknown>, look: () => Promise<T>): Promise<T> {
  await cp(file, join(cell.dir, 'aside'), { recursive: true });
  try {
    await change();
    return await look();
  } finally {
    await rm(file, { recursive: true, force: true });
    await rename(join(cell.dir, 'aside'), file);
  }
}

test('wrong usage is said, and nothing is begun', async () => {
  for (const [args, why] of [
    [[], /it is one of plan, runbook, exercise, rebuild/],
    [['plan', 'shared'], /it is one of/],
    [['plan'], /it needs --config/],
    [['plan', '--config', 'x', '--step', 'traffic'], /plan doesn’t take --step/],
    [['rebuild', '--config', 'x'], /it needs --as, --because/],
    [['rebuild', '--config', 'x', '--as', 'me', '--because', ' '], /--because needs a reason/],
    [['exercise', '--config', 'x', '--rto', 'soon'], /seconds above 0/],
  ] as const)
    expect(await typed(dr, [...args]), args.join(' ')).toMatchObject({ code: 2, err: expect.stringMatching(why) });
  expect(await asked('plan', '--cell', 'other')).toMatchObject({
    code: 1,
    err: expect.stringContaining('no cell other'),
  });
});

test('the plan has stores in the order of what they depend on, and the runbook the same steps with their commands', async () => {
  const { code, out } = await asked('plan', '--json');
  expect(code).toBe(0);
  const ids = JSON.parse(out).plan.steps.map(({ id }: { id: string }) => id);
  expect(ids).toEqual(['configuration/network', 'store/platform', 'store/main', 'application/blue', 'traffic']);
  expect(await asked('plan')).toMatchObject({
    out: expect.stringMatching(/3\. store\/main\n {7}after configuration\/network, store\/platform/),
  });
  const written = await asked('runbook');
  expect(written.code).toBe(0);
  for (const id of ids) expect(written.out).toContain(`--because "…" --step ${id}\n`);
  expect(written.out).toContain('it was never exercised to its end');
});

describe('what is wrong is refused by its name, before anything is touched:', () => {
  const refused = async (words: RegExp, ...args: string[]): Promise<void> => {
    for (const name of ['plan', 'exercise'])
      expect(await asked(name, ...args), name).toMatchObject({ code: 1, err: expect.stringMatching(words) });
    expect(await exercises()).toEqual([]);
  };

  test('a part that is missing, and one that was cut', async () => {
    const point = await pointIn('main');
    const part = (await readdir(point)).find((name) => name.startsWith('database-'))!;
    await while_(
      point,
      () => rm(join(point, part)),
      () => refused(/store main: the part database-\d+ of rp-.* isn't in/),
    );
    await while_(
      point,
      () => writeFile(join(point, part), 'x'),
      () => refused(/store main: the part database-.* isn't what was sealed/),
    );
  });

  test('a store in another’s place', async () => {
    const [main, platform] = [await pointIn('main'), await pointIn('platform')];
    const swap = async (): Promise<void> => {
      for (const name of await readdir(platform)) await copyFile(join(platform, name), join(main, name));
    };
    await while_(main, swap, () => refused(/store main: .*it is of the store platform, not of main/));
  });

  test('a store that has no restore point, and a piece of its log that is gone', async () => {
    const point = await pointIn('platform');
    await while_(
      point,
      () => rm(point, { recursive: true }),
      () => refused(/store platform: no restore point of the store platform lies in/),
    );
    const wal = join(cell.vaultDir, 'wal', 'production', 'shared', 'main');
    const pieces = async (): Promise<void> => {
      const [system] = (await readdir(wal)).filter((name) => name !== 'reach.json');
      for (const name of await readdir(join(wal, system!)))
        if (/\.json$/.test(name)) await rm(join(wal, system!, name));
    };
    await while_(wal, pieces, () => refused(/store main: the WAL segment [0-9A-F]{24} isn't in/));
  });

  test('a key that opens nothing, and none', async () => {
    const other = join(cell.dir, 'other.txt');
    await writeFile(other, `${(await newIdentity()).identity}\n`, { mode: 0o600 });
    await refused(/store main: the part contents of rp-.* can't be decrypted/, '--identity', other);
    await refused(
      /identity: .*nowhere isn’t there: without it nothing in the vault can be opened/,
      '--identity',
      join(cell.dir, 'nowhere'),
    );
  });

  test('a circle, a secret that isn’t on this machine, and a release of which nobody knows', async () => {
    const { stores, secretEnv, ...rest } = cell.config;
    try {
      await cell.configure({
        ...rest,
        secretEnv,
        stores: { ...stores, platform: { ...stores.platform, dependsOn: ['main'] } },
      });
      expect(await asked('plan')).toMatchObject({
        code: 78,
        err: expect.stringContaining('circle: main → platform → main'),
      });
      await cell.configure({ ...rest, stores, secretEnv: { PAYMENT_KEY: join(cell.dir, 'gone') } });
      expect(await asked('plan')).toMatchObject({
        code: 1,
        err: expect.stringMatching(/secretEnv\.PAYMENT_KEY: .*gone isn’t there/),
      });
    } finally {
      await cell.configure(cell.config);
    }
    const unknown = await typed(dr, [
      ...['plan', '--config', cell.agentFile],
      ...['--token-file', join(cell.dir, 'kept', 'token')],
    ]);
    expect(unknown).toMatchObject({ code: 1, err: expect.stringMatching(/can’t be asked: [\s\S]*--release DIR/) });
  });
});

test('an exercise without business transactions says so before it begins, and isn’t begun where it needs them', async () => {
  const { vault, rehearsal, ...rest } = cell.config;
  const { transactions: _, ...drill } = (vault as { drill: Record<string, unknown> }).drill;
  const required = () => asked('exercise', '--require-verification');
  try {
    await cell.configure({ ...rest, rehearsal, vault: { ...(vault as object), drill } });
    await killedAt('This will not be a sound exercise: no verification is given', 'exercise');
    for (const left of await exercises()) expect(await readdir(join(cell.workDir, left))).not.toContain('stores');
    const refused = await required();
    expect(refused).toMatchObject({
      code: 1,
      err: expect.stringMatching(/nothing was begun:[\s\S]*--verification FILE/),
    });
    expect(refused.err).not.toContain('…');
    await cell.configure({ ...rest, vault: { ...(vault as object), drill } });
    const unstarted = await asked('exercise', '--require-verification', '--verification', cell.verificationFile);
    expect(unstarted).toMatchObject({
      code: 1,
      err: expect.stringContaining('the application isn’t started on a copy'),
    });
  } finally {
    await cell.configure(cell.config);
  }
});

describe.skipIf(!checks)('With PostgreSQL’s tools', { timeout: 600_000 }, () => {
  test('an exercise that was killed goes with the next one, which goes well, and leaves its statement in the vault and nothing else', async () => {
    // Once while a store is made, and once while all of it runs.
    await killedAt('main: its own moment', 'exercise');
    const [left] = await exercises();
    await access(join(cell.workDir, left!, 'stores', 'platform', 'data', 'PG_VERSION'));
    await killedAt('Business transactions of works', 'exercise', '--verification', cell.verificationFile);
    expect(await exercises()).toEqual([expect.not.stringContaining(left!)]);
    const runs = (await processesBelow(join(cell.workDir, (await exercises())[0]!))).flatMap(
      (pid) => identify(pid) ?? [],
    );
    expect(runs.length).toBeGreaterThan(3);
    const statement = join(cell.dir, 'statement.json');
    const ran = await asked(
      'exercise',
      '--verification',
      cell.verificationFile,
      '--statement',
      statement,
      '--rpo',
      '3600',
    );
    expect(ran.out).toContain('3000 rows in 1 table compared; 1 file compared; ');
    expect(ran).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /2 tenants led to 1\.4\.0\n.*3 business transactions went well\n {2}RTO: .* until the first business transaction\n {2}RPO: .*\nIt went well\.\n$/s,
      ),
    });
    expect(await exercises()).toEqual([]);
    expect(runs.filter(alive)).toEqual([]);
    expect(await sums()).toEqual(before);
    const signers = await ownSigners(cell.config.vault!.keyFile);
    const opened = openRebuildExercise(await readFile(statement, 'utf8'), { signers });
    expect(opened).toMatchObject({ ok: true, facts: { cell: 'shared', routed: 2, transactions: 3, missing: [] } });
    expect((await untoldFacts(cell.dataDir)).at(-1)).toMatchObject({
      ...{ kind: 'exercise', cell: 'shared', result: 'done', rtoMs: expect.any(Number), tenantCount: 2 },
      stores: [{ store: 'platform' }, { store: 'main' }],
    });
    // From there the next plan knows how long each step takes, on whatever machine.
    expect((await asked('plan')).out).toMatch(/5 steps, .* when it was last exercised:/);
    expect((await asked('runbook')).out).toMatch(/by the last exercise/);
  });

  test('sabotage: a business transaction that fails leaves no RTO, whatever is allowed, and the statement of before stays', async () => {
    const { drill } = cell.config.vault!;
    const { command } = drill!.transactions!;
    const vault = { ...cell.config.vault!, drill: { ...drill!, transactions: { command: [...command, 'fails'] } } };
    const last = join(cell.vaultDir, 'exercises', 'production', 'shared', 'last.json');
    const had = await readFile(last, 'utf8');
    await cell.configure({ ...cell.config, vault });
    try {
      const ran = await asked('exercise', '--rto', '86400');
      expect(ran).toMatchObject({
        code: 1,
        out: expect.stringMatching(
          /RTO: no business transaction ever succeeded[\s\S]*WRONG: business: the program of business transactions ended with 3 on main/,
        ),
        err: expect.stringMatching(
          /the ledger is not there[\s\S]*longer than the 86400 s that are allowed, or never came so far/,
        ),
      });
      expect(ran.out).not.toContain('the ledger is not there');
    } finally {
      await cell.configure(cell.config);
    }
    const told = (await untoldFacts(cell.dataDir)).at(-1);
    expect(told).toMatchObject({ kind: 'exercise', result: 'failed', failed: 'business' });
    expect(told).not.toHaveProperty('rtoMs');
    expect(await readFile(last, 'utf8')).toBe(had);
    expect(await exercises()).toEqual([]);
  });

  test('nothing is written over a cell that stands, nor where nothing can be written', async () => {
    const standing = await asked('rebuild', ...STANDS);
    expect(standing).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /nothing was begun:[\s\S]*dir: .*cell isn’t empty: a cell lives there[\s\S]*stores\.main\.clusterDir: .* nothing is written over/,
      ),
    });
    expect(await sums()).toEqual(before);
    await cell.lose();
    await writeFile(join(cell.dir, 'machine'), 'a file, where the disk is to be');
    const nowhere = await asked('rebuild', ...STANDS);
    expect(nowhere).toMatchObject({
      code: 1,
      err: expect.stringMatching(/stores\.main\.clusterDir: nothing can be written to .*machine \(/),
    });
    await rm(join(cell.dir, 'machine'));
    const early = await asked('rebuild', ...STANDS, '--step', 'traffic');
    expect(early).toMatchObject({
      code: 1,
      err: expect.stringContaining('step traffic: application/blue isn’t done yet'),
    });
    await expect(access(join(cell.dir, 'machine'))).rejects.toThrow(/ENOENT/);
  });

  test('a cell that is lost stands again, row by row, also when its rebuilding was killed in the midst', async () => {
    await killedAt('main: its own moment', 'rebuild', ...STANDS);
    const ran = await asked('rebuild', ...STANDS);
    expect(ran.err).toContain('store/platform: it is done already');
    expect(ran).toMatchObject({
      code: 0,
      out: expect.stringMatching(/shared \(production\) stands again, by usr_ann: the disk died\n.*leads 2 tenants/),
    });
    expect(await sums()).toEqual(before);
    expect(await readFile(join(cell.dir, 'machine', 'attachments', 'one'), 'utf8')).toBe('first');
    const state = join(cell.dir, 'kept', 'data', 'rebuilt', 'network', 'terraform.tfstate');
    expect(JSON.parse(await readFile(state, 'utf8'))).toMatchObject({ serial: 7, lineage: 'l-1' });
    expect((await readdir(join(cell.dir, 'machine'))).filter((name) => name.includes('.rebuilding'))).toEqual([]);
    const { listenPort } = cell.config.router;
    const answer = await fetch(`http://127.0.0.1:${listenPort}/t/ada/work`);
    // With all of its own configuration, for good.
    expect(await answer.json()).toMatchObject({ state: 'done', payment: 'https://payment.example.org' });
    const extensions = await cell.query('main', `select extname from pg_extension where extname = 'amcheck'`);
    expect(extensions).toEqual([]);
    expect((await untoldFacts(cell.dataDir)).at(-1)).toMatchObject({
      ...{ kind: 'rebuild', by: 'usr_ann', because: 'the disk died', result: 'done' },
      stores: [{ store: 'platform' }, { store: 'main' }],
    });
    // A later call finds nothing to do, and a step of it stands by itself.
    const again = await asked('rebuild', ...STANDS, '--step', 'traffic');
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining('traffic is done. It was the last.') });
    // Its log goes on in the vault.
    await cell.query('main', `insert into entry values (6000, 'since')`);
    await cell.ship();
    expect((await asked('plan', '--json')).code).toBe(0);
  });
});
