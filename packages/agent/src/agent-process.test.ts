/** The shipped program, on a real cell: a cluster, a router, and a release in a slot. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CellConfigInput, parseCellConfig } from '@headgate/adapters/execution/cell-config';
import { holdCell, holderOf } from '@headgate/adapters/execution/process/cell-hold';
import { ComponentProcess } from '@headgate/adapters/execution/process/component-process';
import { readSlot, slotDir } from '@headgate/adapters/execution/process/slot-record';
import { freePorts } from '@headgate/adapters/machine/free-port';
import { reachableProgram } from '@headgate/adapters/machine/program-copy';
import { runAs } from '@headgate/adapters/machine/run-as';
import { Cluster, findPrograms, type Programs } from '@headgate/adapters/postgres-cluster/index';
import { canonicalBytes, digestOf, digestOfJson, sealRelease } from '@headgate/documents';
import { type Digest, envelopeOf, type Plan } from '@headgate/domain';
import { aCell, aManifest, aPlan, HOUR_MS, MINUTE_MS } from '@headgate/testkit/domain/builders';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from './testing/poll.ts';
import { ScriptedServer } from './testing/scripted-server.ts';
import { type SealedPlan, sealedPlan } from './testing/sealed-plan.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

const WEB = `import { createServer } from 'node:http';
createServer((request, response) => response.end(process.pid + '')).listen(Number(process.env.PORT), '127.0.0.1');`;

/** It never says that it is healthy: deploying it takes as long as the step may. */
const SILENT = `setInterval(() => {}, 1_000);`;

let dir: string;
let server: ScriptedServer;
let sealed: SealedPlan;
let config: CellConfigInput;
let programs: Programs;
let cluster: Cluster;
let agent: ChildProcess | undefined;
let output = '';

beforeAll(async () => {
  sealed = sealedPlan();
  server = await ScriptedServer.start(sealed);
  dir = await mkdtemp(join(tmpdir(), 'headgate-agent-'));
  await chmod(dir, 0o755);
  programs = await findPrograms(15, dir);
  const [store, blue, green, listen, admin] = await freePorts(5);
  const secret = (name: string) => join(dir, `secret-${name}`);
  config = {
    cell: 'shared',
    environment: 'production',
    application: 'psa',
    dir: join(dir, 'cell'),
    node: await reachableProgram(process.execPath, `node-${process.version}`, runAs()),
    slots: { blue: { web: blue! }, green: { web: green! } },
    stores: {
      main: {
        clusterDir: join(dir, 'cluster'),
        port: store!,
        database: 'psa',
        user: 'psa',
        passwordFile: secret('store'),
        archiveDir: join(dir, 'archive'),
        restorePointsDir: join(dir, 'points'),
      },
    },
    tenants: { ada: { store: 'main', ring: 'internal' } },
    router: { listenPort: listen!, adminPort: admin!, tokenFile: secret('router') },
    drainMs: 500,
  };
  cluster = new Cluster({ dir: join(dir, 'cluster'), port: store!, archiveDir: join(dir, 'archive') }, programs);
  await writeFile(join(dir, 'token'), 'test-token\n', { mode: 0o600 });
  await writeFile(join(dir, 'trust.yaml'), sealed.trustText);
  const agentConfig = {
    server: server.url,
    name: 'agt_test',
    tokenFile: join(dir, 'token'),
    dataDir: join(dir, 'data'),
    trustFile: join(dir, 'trust.yaml'),
    environments: [{ name: 'production' }],
    observeEveryMs: 250,
    graceMs: 1_000,
    cells: [config],
  };
  await writeFile(join(dir, 'agent.yaml'), JSON.stringify(agentConfig));
});

afterAll(async () => {
  await ended(agent, 'SIGTERM');
  for (const slot of ['blue', 'green']) {
    const folder = slotDir(config.dir, slot);
    for (const each of (await readSlot(folder))?.components ?? []) await new ComponentProcess(folder, each).stop(0);
  }
  const router = JSON.parse(
    await readFile(join(config.dir, 'router', 'router.pid.json'), 'utf8').catch(() => '{"pid":0}'),
  );
  if (router.pid > 0) process.kill(router.pid, 'SIGKILL');
  await cluster?.stop();
  await server?.stop();
  await rm(dir, { recursive: true, force: true });
});

function start(): ChildProcess {
  const child = spawn(process.execPath, [MAIN, 'run', '--config', join(dir, 'agent.yaml')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout!.on('data', (data: Buffer) => {
    output += data.toString();
  });
  return child;
}

async function ended(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<number | null> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill(signal);
  return exit;
}

/** `headgate-agent stop`, with the agent. */
async function stop(...more: string[]): Promise<{ code: number | null; err: string }> {
  const child = spawn(process.execPath, [MAIN, 'stop', '--config', join(dir, 'agent.yaml'), '--and-agent', ...more]);
  let err = '';
  child.stderr.on('data', (data: Buffer) => {
    err += data.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, err };
}

/** The answer of what runs in green: its pid. */
async function answer(): Promise<string | undefined> {
  return fetch(`http://127.0.0.1:${config.slots.green!.web}/health`).then(
    (r) => r.text(),
    () => undefined,
  );
}

/** A plan for this cell whose first step deploys a release that is sealed with the trusted key. */
function offerDeploy(n: number, web = WEB): void {
  const put = (bytes: Uint8Array): Digest => {
    sealed.blobs.set(digestOf(bytes), bytes);
    return digestOf(bytes);
  };
  const bytes = Buffer.from(web);
  const manifest = aManifest({
    migrations: [],
    schemaRange: { min: 0, max: 0 },
    components: [
      {
        name: 'web',
        role: 'web',
        recovery: 'stateless',
        files: [{ name: 'web.mjs', digest: put(bytes), size: bytes.length }],
        command: ['${node}', '${dir}/web.mjs'],
        healthPath: '/health',
      },
    ],
  });
  const release = sealRelease(manifest, sealed.key, 0);
  if (!release.ok) throw new Error(release.why);
  put(release.bytes);
  Object.assign(sealed, { bundle: put(canonicalBytes(release.bundle)), release: release.digest });
  const ref = { digest: release.digest, version: manifest.version };
  const cells = [aCell({ tenants: { ada: 'internal' }, schemaVersion: 0, schemaRange: { min: 0, max: 0 } })];
  const plan: Plan = aPlan({ manifest, release: ref, cells, now: Date.now() });
  const step = plan.cells[0]!.steps.find((s) => s.action.kind === 'deploy')!;
  const envelope = digestOfJson(envelopeOf(plan));
  const at = Date.now();
  server.offer({
    ...sealed.forward('w1.deploy'),
    step: step.id,
    action: step.action,
    begun: plan.cells[0]!.steps.indexOf(step),
    plan: put(canonicalBytes(plan)),
    release: ref,
    envelope,
    approvals: [
      { by: 'usr_approver', envelope, at: at - MINUTE_MS, expiresAt: at + HOUR_MS, proof: 'server-attested' },
    ],
    fence: { epoch: 1, n },
  });
}

test('what would be refused once the agent is ended is refused before, and the agent runs on', async () => {
  const hold = await holdCell(config.dir);
  try {
    agent = start();
    const held = expect.stringMatching(new RegExp(`is held by another process \\(pid ${process.pid}\\)`));
    await eventually(async () => (await holderOf(join(dir, 'data')))?.pid === agent!.pid, 20_000);
    await eventually(async () => (await stop('--tenants', 'typo')).err.includes('typo'), 20_000);
    expect(await stop()).toEqual({ code: 1, err: held });
    expect((await stop('--tenants', 'typo')).err).toMatch(/there is no tenant of that name: typo\. Declared are ada/);
    expect([agent.exitCode, agent.signalCode]).toEqual([null, null]);
  } finally {
    await hold.release();
  }
  expect(await ended(agent, 'SIGTERM')).toBe(0);
});

test('opens the cell, observes it and says so', async () => {
  expect(parseCellConfig(config).cell).toBe('shared');
  agent = start();
  await eventually(() => server.observed.length > 0, 30_000);
  expect(server.observed[0]).toEqual({
    cell: 'shared',
    application: 'psa',
    environment: 'production',
    slots: { blue: {}, green: {} },
    stores: { main: { schemaVersion: 0 } },
    tenants: {},
  });
});

test('deploys a release that it verified, and observes it', async () => {
  offerDeploy(1);
  await eventually(() => server.settled.length === 1, 20_000);
  expect(server.settled[0]!.outcome).toMatchObject({ kind: 'done' });
  expect(await answer()).toMatch(/^\d+$/);
  await eventually(() => server.observed.at(-1)?.slots.green?.release?.digest === sealed.release);
});

test('starts a killed store again within a second, and a killed component', async () => {
  const before = (await cluster.postmaster())!.pid;
  process.kill(before, 'SIGKILL');
  const killedAt = performance.now();
  await eventually(async () => {
    const now = await cluster.postmaster();
    return now !== undefined && now.pid !== before && now.ready;
  });
  expect(performance.now() - killedAt).toBeLessThan(3_000);
  const web = await answer();
  process.kill(Number(web), 'SIGKILL');
  await eventually(async () => ![web, undefined].includes(await answer()));
});

test('killed -9, it leaves everything running, and the next one adopts it', async () => {
  const web = await answer();
  const postmaster = (await cluster.postmaster())!.pid;
  await ended(agent, 'SIGKILL');
  expect(await answer()).toBe(web);
  const told = server.observed.length;
  agent = start();
  await eventually(() => server.observed.length > told, 20_000);
  expect(server.observed.at(-1)?.slots.green?.release?.digest).toBe(sealed.release);
  expect(await answer()).toBe(web);
  expect((await cluster.postmaster())!.pid).toBe(postmaster);
});

test('stays small', async () => {
  const status = await readFile(`/proc/${agent!.pid}/status`, 'utf8');
  expect(Number(/VmRSS:\s+(\d+)/.exec(status)![1])).toBeLessThan(180 * 1024);
});

test('stops gracefully and leaves everything running; its log names no secret', async () => {
  const web = await answer();
  expect(await ended(agent, 'SIGTERM')).toBe(0);
  expect(await answer()).toBe(web);
  const password = (await readFile(join(dir, 'secret-store'), 'utf8')).trim();
  const router = (await readFile(join(dir, 'secret-router'), 'utf8')).trim();
  for (const secret of ['test-token', password, router]) expect(output).not.toContain(secret);
  const lines = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines).toContainEqual(
    expect.objectContaining({ rollout: 'prm_1.shared', promotion: 'prm_1', msg: 'step ended' }),
  );
});

test('the way back that the agent hasn’t answered for is under way, though it rests: nothing is ended', async () => {
  const standing = join(dir, 'data', 'standing.json');
  const before = await readFile(standing, 'utf8');
  const stored = JSON.parse(before);
  stored.shared = { last: { ...stored.shared.last, course: 'undo' }, answered: false };
  await writeFile(standing, JSON.stringify(stored));
  const told = server.observed.length;
  agent = start();
  await eventually(() => server.observed.length > told, 20_000);
  expect((await stop()).err).toMatch(/the way back of promotion prm_1, step w1\.deploy, wasn't answered for/);
  expect([agent.exitCode, agent.signalCode]).toEqual([null, null]);
  expect(await ended(agent, 'SIGTERM')).toBe(0);
  await writeFile(standing, before);
});

test('a server that moved: status names the address that it asks, the one that is known, and the field that mends it', async () => {
  const file = join(dir, 'agent.yaml');
  const status = async () => {
    const child = spawn(process.execPath, [MAIN, 'status', '--config', file]);
    let out = '';
    child.stdout.on('data', (data: Buffer) => {
      out += data.toString();
    });
    return { code: await new Promise<number | null>((resolve) => child.once('close', resolve)), out };
  };
  const moved = `write server: http://127.0.0.1:7002 into ${file}, then: headgate-agent stop --config ${file} --agent-only && headgate-agent run --config ${file}\n`;
  expect((await status()).out, 'nothing says that it moved').not.toContain('server:');
  await writeFile(join(dir, 'server.json'), '{"url":"http://127.0.0.1:7002","pid":1}');
  expect((await status()).out).toContain(
    `it would ask ${server.url}; by ${join(dir, 'server.json')} the server is at http`,
  );
  server.away = true;
  agent = start();
  try {
    await eventually(async () => (await status()).code === 3, 30_000);
    const { out } = await status();
    expect(out).toContain(`server ${server.url}: AWAY`);
    expect(out).toContain(moved);
    await rm(join(dir, 'server.json'));
    expect((await status()).out).toContain('if the server has another address now: write it as server: into');
  } finally {
    server.away = false;
    expect(await ended(agent, 'SIGTERM')).toBe(0);
  }
});

test('told to stop in the middle of a step, it hands the step back, and exits with 0', async () => {
  agent = start();
  const told = server.observed.length;
  await eventually(() => server.observed.length > told, 20_000);
  const before = server.settled.length;
  offerDeploy(2, SILENT);
  await eventually(() => server.renewed.includes(2), 20_000);
  // Whoever would end all of it is told what is under way, and nothing is ended.
  const refused = await stop();
  expect(refused).toMatchObject({
    code: 1,
    err: expect.stringMatching(/a step is under way: a wave of promotion prm_1/),
  });
  expect(agent.exitCode).toBeNull();
  expect(await ended(agent, 'SIGTERM')).toBe(0);
  expect(server.settled.slice(before)).toEqual([
    { n: 2, outcome: { kind: 'waiting', reason: 'the agent stops', untilMs: expect.any(Number) } },
  ]);
});

test('with the agent gone, what it wrote down says that a wave is under way, and nothing is ended', async () => {
  const refused = await stop();
  expect(refused.code).toBe(1);
  expect(refused.err).toMatch(
    /cell shared: a step is under way: a wave of promotion prm_1, last w1\.deploy \(1 of \d+/,
  );
  expect((await cluster.postmaster())?.ready).toBe(true);
});
