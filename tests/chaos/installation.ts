/**
 * Several servers on one PostgreSQL of their own, a balancer before them, and an agent for each of the small systems: all
 * of them real processes, kept as a service manager would.
 */
import { statSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { embeddedDatabase, type TestDatabase } from '@headgate/adapters/control/postgres/control-database.test-support';
import { writeDurably } from '@headgate/adapters/machine/durable-file';
import { freePorts } from '@headgate/adapters/machine/free-port';
import { type Client, createClient } from '@headgate/contract';
import type { SigningKey } from '@headgate/documents';
import { pinsOf } from '../../examples/psa/demo/pins.ts';
import { releaseKey, writeTrust } from '../../examples/psa/demo/trust.ts';
import { until } from '../../examples/psa/demo/until.ts';
import { type LocalRole, SHIPPED } from '../../examples/psa/demo/world.ts';
import { Front, isReady } from './front.ts';
import { KeptProcess } from './kept-process.ts';
import { LightCell } from './light-cell.ts';
import { agentOf, documentsOf, environmentOf, type MadeRelease, ReleaseLine, STAGES } from './systems.ts';

/** Little room for young objects, as in the examples: these processes wait most of the time. */
const NODE_FLAGS = ['--max-semi-space-size=4'] as const;

/** The programs of one build. */
export interface Build {
  readonly server: string;
  readonly agent: string;
}

export interface SmallSystem {
  readonly application: string;
  readonly line: ReleaseLine;
  readonly baseline: MadeRelease;
  readonly cells: readonly LightCell[];
  readonly agent: KeptProcess;
  readonly agentDir: string;
}

export interface Installation {
  readonly database: TestDatabase;
  readonly key: SigningKey;
  readonly servers: readonly KeptProcess[];
  /** Of the servers, in their order. */
  readonly urls: readonly string[];
  readonly systems: readonly SmallSystem[];
  /** A client of whichever server the balancer chooses. */
  client(role: LocalRole): Promise<Client>;
  /** The build that a process is started from next: exchanged in a rolling upgrade. */
  useBuild(process: KeptProcess, build: Build): void;
  /** Stops everything and removes it. */
  close(): Promise<void>;
}

export interface InstallationOptions {
  readonly servers: number;
  readonly applications: readonly string[];
  readonly say: (line: string) => void;
  readonly build?: Build;
}

export async function openInstallation(options: InstallationOptions): Promise<Installation> {
  const { servers: count, applications, say, build = SHIPPED } = options;
  const dir = await mkdtemp(join(tmpdir(), 'headgate-chaos-'));
  await chmod(dir, 0o755);
  const closing: (() => Promise<unknown>)[] = [() => rm(dir, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).reverse())
      await step().catch((error: Error) => say(`closing: ${error.message}`));
  };
  try {
    const database = await embeddedDatabase(18);
    closing.push(() => database.close());
    const [frontPort, ...ports] = (await freePorts(count + 1)) as [number, ...number[]];
    const urls = ports.map((port) => `http://127.0.0.1:${port}`);
    const builds = new Map<string, Build>();
    const buildOf = (name: string): Build => builds.get(name) ?? build;
    const servers = ports.map((port, i) =>
      keptServer({ name: `server-${i + 1}`, dir, port, database, main: () => buildOf(`server-${i + 1}`).server }),
    );
    closing.push(async () => Promise.all(servers.map((server) => server.stop())));
    const key = await releaseKey(join(dir, 'ci'));
    await startServers(dir, servers, key);
    const front = await Front.open(ports, frontPort);
    closing.push(() => front.close());
    const url = `http://127.0.0.1:${frontPort}`;
    const founder = join(dir, 'server-1');
    const client = async (role: LocalRole): Promise<Client> => {
      const token = (await readFile(join(founder, 'secrets', `${role}.token`), 'utf8')).trim();
      return createClient({ baseUrl: url, token });
    };
    await until('a server behind the balancer', 10_000, async () => (await isReady(url, 1_000)) || undefined);
    await declare(await client('release-manager'), applications);
    const systems: SmallSystem[] = [];
    for (const application of applications) {
      const main = (): string => buildOf(agentOf(application)).agent;
      const parts = { dir, application, url, key, logVerifier: join(founder, 'log.pub'), main };
      const system = await bringUp(parts, await client('admin'));
      closing.push(async () => {
        await system.agent.stop();
        await Promise.all(system.cells.map((cell) => cell.stop()));
      });
      systems.push(system);
    }
    await adopt(await client('operator'), systems);
    say(`${count} servers, ${applications.length} agents and ${applications.length * STAGES.length} cells are up`);
    return {
      database,
      key,
      servers,
      urls,
      systems,
      client,
      useBuild: (process, next) => void builds.set(process.name, next),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A server on a folder of its own. Its database's URLs stand in its environment: on a command line everybody reads them. */
function keptServer(given: {
  readonly name: string;
  readonly dir: string;
  readonly port: number;
  readonly database: TestDatabase;
  readonly main: () => string;
}): KeptProcess {
  const { name, dir, port, database, main } = given;
  const { databaseUrl, adminUrl } = database;
  return new KeptProcess({
    name,
    command: () => [...NODE_FLAGS, main(), '--data', join(dir, name), '--port', String(port)],
    logFile: join(dir, `${name}.log`),
    env: { ...process.env, HEADGATE_DATABASE_URL: databaseUrl, HEADGATE_DATABASE_ADMIN_URL: adminUrl },
    ready: async (child) => {
      while (child.running && !(await isReady(`http://127.0.0.1:${port}`, 1_000))) await sleep(50);
    },
  });
}

/** The first founds the installation; the others get the log's key and the trust file from our hand. */
async function startServers(dir: string, servers: readonly KeptProcess[], key: SigningKey): Promise<void> {
  const [first, ...others] = servers as [KeptProcess, ...KeptProcess[]];
  const founder = join(dir, first.name);
  await first.start();
  await writeTrust(join(founder, 'trust.yaml'), key, join(founder, 'log.pub'));
  for (const other of others) {
    const folder = join(dir, other.name);
    await mkdir(join(folder, 'secrets'), { recursive: true, mode: 0o700 });
    await chmod(folder, 0o755);
    await copyFile(join(founder, 'secrets', 'log.key'), join(folder, 'secrets', 'log.key'));
    await writeTrust(join(folder, 'trust.yaml'), key, join(founder, 'log.pub'));
  }
  await Promise.all(others.map((other) => other.start()));
}

async function declare(manager: Client, applications: readonly string[]): Promise<void> {
  const files = applications.map(documentsOf).map(({ file, text }) => ({ name: file, text }));
  await manager.call('applyDocuments', { body: { files } });
}

async function bringUp(
  given: {
    readonly dir: string;
    readonly application: string;
    readonly url: string;
    readonly key: SigningKey;
    readonly logVerifier: string;
    readonly main: () => string;
  },
  admin: Client,
): Promise<SmallSystem> {
  const { dir, application, url, key, logVerifier, main } = given;
  const line = new ReleaseLine(application);
  const baseline = line.next({ migrates: false, badIn: undefined });
  const cells = [];
  for (const stage of STAGES) cells.push(await LightCell.bringUp(dir, application, stage, baseline));
  const name = agentOf(application);
  const agentDir = join(dir, name);
  await mkdir(agentDir, { recursive: true, mode: 0o700 });
  const environments = STAGES.map((stage) => environmentOf(application, stage));
  const { token } = await admin.call('enrolAgent', { body: { id: name, environments } });
  const tokenFile = join(agentDir, 'token');
  await writeDurably(tokenFile, `${token}\n`, 0o600);
  const trustFile = join(agentDir, 'trust.yaml');
  await writeTrust(trustFile, key, logVerifier);
  const pins = pinsOf([documentsOf(application)]);
  const config = {
    server: url,
    name,
    tokenFile,
    dataDir: agentDir,
    trustFile,
    observeEveryMs: 2_000,
    headEveryMs: 1_000,
    environments: environments.map((each) => ({ name: each, ...pins.get(each) })),
    cellFiles: cells.map(({ configFile }) => configFile),
  };
  const configFile = join(agentDir, 'agent.yaml');
  await writeDurably(configFile, `${JSON.stringify(config, null, 2)}\n`, 0o600);
  const logFile = join(dir, `${name}.log`);
  let from = 0;
  const agent = new KeptProcess({
    name,
    command: () => {
      from = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
      return [...NODE_FLAGS, main(), 'run', '--config', configFile];
    },
    logFile,
    env: process.env,
    // Told to stop before that, it may end by the signal itself, as every program that is being loaded does.
    ready: async (child) => {
      while (child.running && !(await readFile(logFile)).subarray(from).includes('agent started')) await sleep(20);
    },
  });
  await agent.start();
  return { application, line, baseline, cells, agent, agentDir };
}

/** Takes all cells under control as their agents see them. */
async function adopt(operator: Client, systems: readonly SmallSystem[]): Promise<void> {
  for (const { cells, baseline } of systems)
    for (const { cell } of cells) {
      await until(`the observation of ${cell.cell}`, 30_000, async () => {
        const shown = await operator.call('showCell', { cell: cell.cell }).catch(() => undefined);
        return shown === undefined || shown.observed === null ? undefined : true;
      });
      const manifests = [baseline.manifest as unknown as Record<string, unknown>];
      await operator.call('adoptCell', { cell: cell.cell, body: { manifests } });
    }
}
