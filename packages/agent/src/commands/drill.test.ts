/** `headgate-agent drill …`, as a person types it, and by the agent's own schedule: of a database of somebody else's. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseCellConfig } from '@headgate/adapters/execution/cell-config';
import { DumpRestorePoints } from '@headgate/adapters/execution/external-store/dump-restore-points';
import { findTools } from '@headgate/adapters/execution/external-store/postgres-tools';
import { INVOICES, type ShopStore, shopStore } from '@headgate/adapters/execution/rehearsal/testing/shop';
import { sweepClusters } from '@headgate/adapters/execution/rehearsal/throw-away-cluster';
import { newIdentity } from '@headgate/adapters/execution/vault/age-stream';
import { openCellVault } from '@headgate/adapters/execution/vault/open-cell-vault';
import { ownSigners } from '@headgate/adapters/execution/vault/vault-key';
import { vaultedStores } from '@headgate/adapters/execution/vault/vaulted-stores';
import { processesIn } from '@headgate/adapters/machine/processes-in';
import { openDrill } from '@headgate/documents';
import { execute, type Ports, type Vault } from '@headgate/execution';
import { aCell } from '@headgate/testkit/domain/builders';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SHIPPED, startAgent } from '../agent.ts';
import type { Cell } from '../cells/cell.ts';
import { agentConfig } from '../testing/agent-config.ts';
import { CountingCell, silent } from '../testing/bench-agent.ts';
import { eventually } from '../testing/poll.ts';
import { ScriptedServer } from '../testing/scripted-server.ts';
import { sealedPlan } from '../testing/sealed-plan.ts';
import { typed } from '../testing/typed.ts';
import { drill } from './drill.ts';

const tools = await findTools(15, undefined);
const checks = tools !== undefined && existsSync(join(tools, 'pg_amcheck'));

let dir: string;
let shop: ShopStore;
let server: ScriptedServer;
let points: DumpRestorePoints;
let vault: Vault;
let cell: ReturnType<typeof parseCellConfig>;
let taken = 0;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-drill-command-'));
  await chmod(dir, 0o755); // as root the copy's server runs as another user
  shop = await shopStore();
  const sealed = sealedPlan();
  server = await ScriptedServer.start(sealed);
  for (const name of ['vault', 'work']) await mkdir(join(dir, name), { mode: 0o755 });
  const { identity, recipient } = await newIdentity();
  await writeFile(join(dir, 'identity.txt'), `${identity}\n`, { mode: 0o600 });
  await writeFile(join(dir, 'token'), 'test-token\n', { mode: 0o600 });
  await writeFile(join(dir, 'trust.yaml'), sealed.trustText);
  const config = {
    ...{ cell: 'shared', environment: 'production', application: 'psa', dir: join(dir, 'cell') },
    slots: { blue: { web: 4001 }, green: { web: 4002 } },
    externalStores: {
      main: {
        url: { file: shop.files.url },
        adminUrl: { file: shop.files.adminUrl },
        restorePointsDir: join(dir, 'restore-points'),
      },
    },
    tenants: { ada: { store: 'main', ring: 'internal' } },
    router: { listenPort: 4003, adminPort: 4004, tokenFile: join(dir, 'router-token') },
    vault: {
      store: { kind: 'folder', dir: join(dir, 'vault') },
      recipients: [recipient],
      keyFile: join(dir, 'vault-key.pem'),
      schedule: { everyMs: 600_000 },
      drill: { everyMs: 86_400_000, identityFile: join(dir, 'identity.txt'), workDir: join(dir, 'work') },
    },
  };
  await writeFile(join(dir, 'cell.json'), JSON.stringify(config));
  await writeFile(
    join(dir, 'agent.yaml'),
    `server: ${server.url}
name: agt_test
tokenFile: ${join(dir, 'token')}
dataDir: ${join(dir, 'data')}
trustFile: ${join(dir, 'trust.yaml')}
environments: [{name: production}]
cellFiles: [${join(dir, 'cell.json')}]
`,
  );
  cell = parseCellConfig(config);
  const store = { ...shop.store, restorePointsDir: join(dir, 'restore-points'), census: true };
  points = new DumpRestorePoints(new Map([['main', store]]));
  vault = (await openCellVault(cell.vault, vaultedStores(cell)))!;
}, 60_000);
afterAll(async () => {
  await server?.stop();
  await shop?.real.remove();
  await rm(dir, { recursive: true, force: true });
});

/** Takes one, and seals it as `change` leaves it. */
async function seal(change: (dir: string) => Promise<void> = async () => {}): Promise<string> {
  const ctx = stepContext({ step: `s${++taken}` });
  const point = await points.take('main', ctx);
  if (!point.ok) throw new Error(point.why);
  const folder = join(dir, 'restore-points', point.value.id);
  await change(folder);
  const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
  for (const entry of manifest.files) {
    const content = await readFile(join(folder, entry.path));
    Object.assign(entry, { size: content.length, sha256: createHash('sha256').update(content).digest('hex') });
  }
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  expect(await vault.keep({ ...point.value, verified: true }, ctx)).toMatchObject({ kind: 'sealed' });
  return point.value.id;
}

/** A process that made a throw-away cluster, as a drill does, and waits to be killed. */
async function heldCluster(root: string): Promise<{ readonly child: ChildProcess; readonly dir: string }> {
  const held = `const [, root, cluster, programs] = process.argv;
    const { throwAwayCluster } = await import(cluster);
    const { findPrograms } = await import(programs);
    const { dir } = await throwAwayCluster(root, await findPrograms(15, root));
    process.stdout.write(dir);
    setInterval(() => {}, 60_000);`;
  const ours = ['execution/rehearsal/throw-away-cluster', 'postgres-cluster/programs'];
  const urls = ours.map((path) => import.meta.resolve(`@headgate/adapters/${path}`));
  const child = spawn(process.execPath, ['--input-type=module', '-e', held, root, ...urls], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [made] = (await once(child.stdout!, 'data')) as [Buffer];
  return { child, dir: made.toString() };
}

const ran = (...args: string[]) => typed(drill, args, /plain-shop/);
const asked = (...args: string[]) => ran('--config', join(dir, 'agent.yaml'), '--store', 'main', ...args);

test('wrong usage is said, and nothing is brought back', async () => {
  for (const args of [[], ['--store', 'main'], ['--config', 'x', '--store', 'main', '--rto', 'soon'], ['--more']])
    expect((await ran(...args)).code, args.join(' ')).toBe(2);
  expect(await ran('--help')).toMatchObject({ code: 0, out: expect.stringContaining('--attach') });
  expect(await asked('--cell', 'other')).toMatchObject({ code: 1, err: expect.stringContaining('no cell other') });
  expect(await asked('--id', '../x')).toMatchObject({ code: 1, out: expect.stringContaining('is no id') });
});

describe.skipIf(!checks)('With PostgreSQL’s tools', { timeout: 300_000 }, () => {
  test('a dump comes back, and its signed statement goes to the server', async () => {
    const id = await seal();
    const statement = join(dir, 'statement.json');
    const ran = await asked('--statement', statement, '--attach', '--rpo', '3600');
    expect([ran.err, ran.out]).toEqual([
      expect.stringContaining('The server has it'),
      expect.stringContaining('It went well.'),
    ]);
    expect(ran.out).toMatch(new RegExp(`${id} of .*: PostgreSQL 15 dump`));
    expect(ran.out).toContain(`${INVOICES + 1_002} rows in 3 tables compared`);
    expect(ran.out).toMatch(/RTO: .* until the last comparison\n {2}RPO: the last 10 min .*would be lost/);
    expect(ran.code).toBe(0);
    const signers = await ownSigners(join(dir, 'vault-key.pem'));
    const opened = openDrill(await readFile(statement, 'utf8'), { signers });
    expect(opened).toMatchObject({ ok: true, drill: { ok: true, point: id, cell: 'shared', store: 'main' } });
    expect(openDrill(server.drilled.at(-1), { signers })).toEqual(opened);
    expect((await readdir(join(dir, 'work'))).filter((name) => /^(drill|rehearsal)-/.test(name))).toEqual([]);
  });

  test('told to end as a group, with the launcher and whoever reads it, it leaves neither a copy nor a process', async () => {
    await seal();
    const launcher = fileURLToPath(new URL('../../../../bin/launch.cjs', import.meta.url));
    const args = ['drill', '--config', join(dir, 'agent.yaml'), '--store', 'main'];
    const child = spawn(process.execPath, [launcher, 'packages/agent/src/main.ts', ...args], {
      detached: true, // a group of its own, as `timeout` and a service manager make one
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'exit');
    const made = async () => (await readdir(join(dir, 'work'))).filter((name) => /^(drill|rehearsal)-/.test(name));
    const dataOf = (name: string) => join(dir, 'work', name, 'cluster', 'data');
    await eventually(async () => {
      for (const name of await made()) if ((await processesIn(dataOf(name))).length > 0) return true;
      return false;
    }, 60_000);
    const [name] = await made();
    child.stdout.destroy();
    child.stderr.destroy();
    process.kill(-child.pid!, 'SIGTERM');
    expect(await ended).toEqual([130, null]);
    expect(await made()).toEqual([]);
    expect(await processesIn(dataOf(name!))).toEqual([]);
  });

  test('the agent takes restore points and drills by itself, and tells the server', async () => {
    const before = server.drilled.length;
    const real = new CountingCell();
    real.observe = (() => Promise.resolve({ state: aCell(), manifests: [] })) as never;
    real.act = (action, ctx) => execute(action, ctx, { restorePoints: points, vault } as unknown as Ports);
    const soon = { ...cell, vault: { ...cell.vault!, schedule: { everyMs: 1_000 } } };
    const config = agentConfig(dir, server.url, { watchEveryMs: 60_000, cells: [soon], dataDir: join(dir, 'data') });
    const agent = await startAgent(config, { ...SHIPPED, openCell: async (): Promise<Cell> => real }, silent);
    try {
      await eventually(() => server.drilled.length > before, 240_000);
      const signers = await ownSigners(join(dir, 'vault-key.pem'));
      expect(openDrill(server.drilled.at(-1), { signers })).toMatchObject({ ok: true, drill: { ok: true } });
      expect(real.done.every(({ kind }) => kind === 'restore-point')).toBe(true);
      const shared = async () => (await agent.behind.status()).cells[0]?.schedule?.[0];
      await eventually(async () => (await shared())?.drills?.untold === false);
      expect(await shared()).toMatchObject({
        store: 'main',
        drills: { words: 'well' },
        points: { lastAt: expect.any(Number) },
      });
    } finally {
      await agent.stop();
    }
    expect((await readdir(join(dir, 'work'))).filter((name) => /^(drill|rehearsal)-/.test(name))).toEqual([]);
  });

  test('what a drill of a killed agent left is ended when the agent starts again, and one that is under way is not', async () => {
    const work = join(dir, 'work');
    const held = await Promise.all([heldCluster(work), heldCluster(work)]);
    const [killed, living] = held as [(typeof held)[0], (typeof held)[0]];
    try {
      killed.child.kill('SIGKILL');
      await once(killed.child, 'exit');
      expect(await processesIn(join(killed.dir, 'cluster', 'data'))).not.toEqual([]);
      // No drill is due: one would sweep for itself.
      const { schedule: _, drill: drills, ...rest } = cell.vault!;
      const idle = { ...cell, vault: { ...rest, drill: { ...drills!, everyMs: undefined } } } as typeof cell;
      const config = agentConfig(dir, server.url, {
        watchEveryMs: 60_000,
        cells: [idle],
        dataDir: join(dir, 'killed'),
      });
      const real = new CountingCell();
      real.observe = (() => Promise.resolve({ state: aCell(), manifests: [] })) as never;
      const agent = await startAgent(config, { ...SHIPPED, openCell: async (): Promise<Cell> => real }, silent);
      await eventually(() => !existsSync(killed.dir), 60_000);
      await agent.stop();
      expect(await processesIn(join(killed.dir, 'cluster', 'data'))).toEqual([]);
      expect(await processesIn(join(living.dir, 'cluster', 'data'))).not.toEqual([]);
    } finally {
      living.child.kill('SIGKILL');
      await once(living.child, 'exit');
      await sweepClusters(work);
    }
  });

  test('a truncated dump is no pass: nothing of what PostgreSQL says of rows is in the statement', async () => {
    await seal(async (folder) => {
      const names = await readdir(join(folder, 'dump'));
      const file = names.find((name) => name.endsWith('.dat.gz') || name.endsWith('.dat'))!;
      await truncate(join(folder, 'dump', file), 60);
    });
    const ran = await asked('--json', '--rto', '1');
    expect(ran.code).toBe(1);
    const { result, facts } = JSON.parse(ran.out);
    expect(result).toMatchObject({ ok: false, because: [expect.stringMatching(/^bringing it back broke off/)] });
    expect(facts.took.restoredMs).toBeUndefined();
    expect(ran.err).toContain('longer than the 1 s that are allowed');
  });
});
