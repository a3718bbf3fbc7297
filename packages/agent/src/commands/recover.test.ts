/** `headgate-agent recover …`, as a person types it, of a store whose log an agent's rounds bring to the vault. */
import { access, chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DrilledWorld, drilledWorld } from '@headgate/adapters/execution/drill/testing/drilled-world';
import { Cluster } from '@headgate/adapters/postgres-cluster/cluster';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WalRounds } from '../schedule/wal-rounds.ts';
import { scheduleLines, withWal } from '../schedule/words.ts';
import { silent } from '../testing/bench-agent.ts';
import { eventually } from '../testing/poll.ts';
import { sealedPlan } from '../testing/sealed-plan.ts';
import { typed } from '../testing/typed.ts';
import type { CellOfVault } from '../vault-cells.ts';
import { recover } from './recover.ts';
import { restorePoints } from './restore-points.ts';

let world: DrilledWorld;
let dir: string;
let cell: CellOfVault;
let rounds: WalRounds;
let held: { cell: never } | undefined = { cell: {} as never };
let asks = 0;

/** Asked once in each round. */
function holder(): typeof held {
  asks += 1;
  return held;
}

beforeAll(async () => {
  world = await drilledWorld();
  dir = join(world.real.dir, 'agent');
  await mkdir(dir, { mode: 0o755 });
  await mkdir(join(world.real.dir, 'cell'), { mode: 0o755 });
  await chmod(world.real.dir, 0o755);
  const vault = { ...world.vault, wal: { everyMs: 1_000 }, rpoMs: 60_000 };
  cell = { ...world.cell, vault };
  await writeFile(join(dir, 'identity.txt'), `${world.ask.identities[0]}\n`, { mode: 0o600 });
  await writeFile(join(dir, 'token'), 'test-token\n', { mode: 0o600 });
  await writeFile(join(dir, 'trust.yaml'), sealedPlan().trustText);
  await writeFile(join(dir, 'cell.json'), JSON.stringify(cell));
  await writeFile(
    join(dir, 'agent.yaml'),
    `server: http://127.0.0.1:1
name: agt_test
tokenFile: ${join(dir, 'token')}
dataDir: ${join(dir, 'data')}
trustFile: ${join(dir, 'trust.yaml')}
environments: [{name: production}]
cellFiles: [${join(dir, 'cell.json')}]
`,
  );
  rounds = new WalRounds({ cells: [cell], log: silent, worker: holder }).start();
}, 60_000);
afterAll(async () => {
  await rounds?.stop();
  await world?.real.remove();
});

const asked = (...args: string[]) =>
  typed(recover, [
    '--config',
    join(dir, 'agent.yaml'),
    '--store',
    'main',
    '--identity',
    join(dir, 'identity.txt'),
    ...args,
  ]);
const reachedAt = (): number => rounds.of('shared')[0]?.reachedAt ?? 0;
/** Until a round has brought what is written by now. */
async function brought(): Promise<void> {
  const now = Date.now();
  await eventually(() => reachedAt() > now, 30_000);
}

test('wrong usage is said, and nothing is brought back', async () => {
  const to = join(dir, 'nothing');
  for (const [args, why] of [
    [['--at', '2026-11-22 09:30', '--to', to], /--at is a time with its zone/],
    [['--at', '2026-02-30T09:30:00', '--to', to], /--at is a time with its zone/],
    [['--at', '2026-11-22T09:30:00Z', '--before', 'prm_1', '--to', to], /one moment/],
    [['--transaction', '1; drop', '--to', to], /--transaction is a number/],
    [[], /it needs --config, --store and --to/],
    [['--more'], /--more/],
  ] as const)
    expect(await asked(...args), args.join(' ')).toMatchObject({ code: 2, err: expect.stringMatching(why) });
  expect(await asked('--to', to, '--cell', 'other')).toMatchObject({
    code: 1,
    err: expect.stringContaining('no cell other'),
  });
  expect(await asked('--to', to)).toMatchObject({ code: 1, err: expect.stringContaining('no restore point') });
  expect(await typed(recover, ['--help'])).toMatchObject({
    code: 0,
    out: expect.stringContaining('--before PROMOTION'),
  });
});

test('a store that is lost with its disk runs again beside itself, up to the last round, and is ended as it is printed', async () => {
  await world.seal();
  await world.query(`insert into entry values (90001, 'kept')`);
  await brought();
  const shown = await typed(restorePoints, ['list', '--config', join(dir, 'agent.yaml')]);
  expect(shown).toMatchObject({ code: 0, out: expect.stringMatching(/the last .* \(its WAL lies there up to 20/) });
  const status = scheduleLines(withWal([], rounds.of('shared')), Date.now()).join('\n');
  expect(status).toMatch(/store main: WAL in the vault up to .* ago$/);
  await world.backed.cluster.stop(0);
  await eventually(() => rounds.of('shared')[0]?.why?.includes("doesn't run") === true, 30_000);
  // All that the store and its agent had here but for the configuration, the superuser's password too.
  const { data, passwordFile: had } = world.backed.cluster;
  const lost = [data, had, world.backed.archiveDir, world.backed.restorePointsDir];
  const before = await readFile(had, 'utf8');
  for (const place of lost) await rename(place, `${place}.lost`);
  const to = join(world.real.dir, 'brought-back');
  try {
    const ran = await asked('--to', to);
    expect(ran).toMatchObject({ code: 0, out: expect.stringMatching(/runs again beside itself/) });
    const [, passwordFile, port] = /PGPASSWORD=\$\(cat (\S+)\) psql -h 127\.0\.0\.1 -p (\d+) -U postgres app/.exec(
      ran.out,
    )!;
    const copy = { host: '127.0.0.1', port: Number(port), user: 'postgres', database: 'app' };
    const password = (await readFile(passwordFile!, 'utf8')).trim();
    expect(password).not.toBe(before.trim());
    const asAnybody = withClient({ ...copy, password: before.trim() }, async () => {});
    await expect(asAnybody).rejects.toThrow(/password authentication failed/);
    const rows = await withClient(
      { ...copy, password },
      async (client) => (await client.query(`select n from entry where note = 'kept'`)).rows,
    );
    expect(rows).toEqual([{ n: 90_001 }]);
    expect(ran.err).toMatch(
      /The server doesn’t answer; it isn’t on the log yet: its statement is in \S+restorations\//,
    );
    expect(await readdir(join(dir, 'data', 'restorations'))).toHaveLength(1);
    expect(ran.out).toMatch(/pg_ctl -D \S+brought-back\/cluster\/data stop/);
    expect(await asked('--to', to)).toMatchObject({ code: 1, err: expect.stringContaining("isn't empty") });
  } finally {
    await new Cluster({ dir: join(to, 'cluster'), port: 1 }, await findPrograms(15, world.real.dir)).stop(0);
    await rm(to, { recursive: true, force: true });
    for (const place of lost) {
      await rm(place, { recursive: true, force: true });
      await rename(`${place}.lost`, place);
    }
    await world.backed.cluster.start();
  }
  await brought();
  expect(rounds.of('shared')[0]?.why).toBeUndefined();
}, 120_000);

test('while nobody holds the cell no round is made, and a vault that is away is told and caught up with', async () => {
  held = undefined;
  const before = reachedAt();
  await world.query(`insert into entry values (90002, 'kept')`);
  const from = asks;
  await eventually(() => asks >= from + 2, 30_000);
  expect(reachedAt()).toBe(before);
  await rename(world.vaultDir, `${world.vaultDir}.away`);
  held = { cell: {} as never };
  await eventually(() => rounds.of('shared')[0]?.why?.includes('is its disk mounted') === true, 30_000);
  await rename(`${world.vaultDir}.away`, world.vaultDir);
  await brought();
  await access(join(world.vaultDir, 'wal', 'production', 'shared', 'main', 'reach.json'));
}, 120_000);

test('a reach that somebody spoilt is told by the list, which then exits with 1', async () => {
  await rounds.stop();
  const reach = join(world.vaultDir, 'wal', 'production', 'shared', 'main', 'reach.json');
  const text = await readFile(reach, 'utf8');
  await writeFile(reach, text.replace('"payload":"', '"payload":"A'));
  const shown = await typed(restorePoints, ['list', '--config', join(dir, 'agent.yaml')]);
  expect(shown).toMatchObject({ code: 1, out: expect.stringContaining('WAL: reach.json of the WAL') });
});
