/**
 * Everything that a run needs, started in the order in which a company would: the control plane, the system that runs
 * already, the agent beside it. Server and agent are processes of their own; what they started outlives them.
 */
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { makeFolder } from '@headgate/adapters/machine/make-folder';
import { type Client, createClient } from '@headgate/contract';
import type { SigningKey } from '@headgate/documents';
import type { ReleaseManifest } from '@headgate/domain';
import { bringUp, type Example } from '../bring-up.ts';
import { exampleDocuments } from '../documents.ts';
import { Child } from './child.ts';
import { endLeftovers, noteProcess } from './own-processes.ts';
import { pinsOf } from './pins.ts';
import { releaseKey, writeTrust } from './trust.ts';
import { Hopeless, until } from './until.ts';

const packageFile = (path: string): string => fileURLToPath(new URL(`../../../packages/${path}`, import.meta.url));

/** The mains that are shipped. Kill tests start decorated ones of their own. */
export const SHIPPED = { server: packageFile('server/src/main.ts'), agent: packageFile('agent/src/main.ts') } as const;

/** Little room for young objects: server and agent wait most of the time, and are small then (20 MB less each). */
const NODE_FLAGS = ['--max-semi-space-size=4'] as const;

export type LocalRole = 'admin' | 'developer' | 'release-manager' | 'approver' | 'operator' | 'auditor';

export interface WorldOptions {
  readonly dataDir: string;
  readonly port?: number | undefined;
  readonly databaseUrl?: string | undefined;
  readonly mains?: { readonly server: string; readonly agent: string };
  /** How much smaller or larger than the example's own its stores are made; 1 unless said. */
  readonly scale?: number;
  /** What will be declared, if not the example's own: the agent pins its policies. */
  readonly documents?: ReturnType<typeof exampleDocuments>;
  readonly report: (line: string) => void;
  /** Aborted by who doesn't want it any more, while it is being started. */
  readonly signal?: AbortSignal;
}

/** A system as it runs before Headgate comes. */
export interface RunningSystem {
  readonly cells: readonly {
    readonly cell: { readonly cell: string; readonly environment: string };
    /** What the agent is told about the cell. */
    readonly configFile: string;
  }[];
  /** What runs there, as an adoption is given it. */
  readonly baseline: { readonly manifest: ReleaseManifest };
  /** Stops every process of it. Data stays. */
  stop(): Promise<void>;
}

/** Another system than this example's own, with all that a world must know of it. */
export interface Setting<S extends RunningSystem> {
  /** The agent's name, `agt_…`. */
  readonly agent: string;
  readonly documents: ReturnType<typeof exampleDocuments>;
  bringUp(): Promise<S>;
}

export class World<S extends RunningSystem = Example> {
  readonly dataDir: string;
  readonly example: S;
  readonly key: SigningKey;
  readonly #options: WorldOptions;
  readonly #setting: Setting<S>;
  #server: Child;
  #agent: Child | undefined;
  #address: string;

  private constructor(
    options: WorldOptions,
    setting: Setting<S>,
    parts: { example: S; key: SigningKey; server: Child; address: string },
  ) {
    this.#options = options;
    this.#setting = setting;
    this.dataDir = options.dataDir;
    this.example = parts.example;
    this.key = parts.key;
    this.#server = parts.server;
    this.#address = parts.address;
  }

  static start(given: WorldOptions): Promise<World> {
    const { report, scale = 1, documents = exampleDocuments() } = given;
    const dataDir = resolve(given.dataDir);
    return World.around(given, { agent: 'agt_psa', documents, bringUp: () => bringUp({ dataDir, report, scale }) });
  }

  /** The same around another system. */
  static async around<S extends RunningSystem>(given: WorldOptions, setting: Setting<S>): Promise<World<S>> {
    const options = { ...given, dataDir: resolve(given.dataDir) };
    await makeFolder(options.dataDir, 0o755);
    await endLeftovers(options.dataDir, options.report);
    options.signal?.throwIfAborted();
    const server = await startServer(options);
    let example: S | undefined;
    try {
      // The server first: it holds the folder, or says who else does. What runs there is another's then, and not ours to
      // bring up or to stop.
      const address = await serverAddress(options, server);
      options.report(`the server answers at ${address}`);
      options.signal?.throwIfAborted();
      example = await setting.bringUp();
      options.signal?.throwIfAborted();
      const key = await releaseKey(join(options.dataDir, 'ci'));
      await writeTrust(join(options.dataDir, 'trust.yaml'), key, join(options.dataDir, 'log.pub'));
      const world = new World(options, setting, { example, key, server, address });
      await world.#enrolAgent();
      await world.startAgent();
      return world;
    } catch (error) {
      await server.stop();
      await example?.stop().catch(() => {});
      throw error;
    }
  }

  get address(): string {
    return this.#address;
  }

  get server(): Child {
    return this.#server;
  }

  get agent(): Child {
    if (this.#agent === undefined) throw new Error('the agent was not started');
    return this.#agent;
  }

  /** Where the agent keeps the newest tree head that it verified. */
  get headFile(): string {
    return join(this.dataDir, 'agent', 'tree-head.note');
  }

  /** A client with the token of one of the local users. */
  async client(role: LocalRole): Promise<Client> {
    const token = (await readFile(join(this.dataDir, 'secrets', `${role}.token`), 'utf8')).trim();
    return createClient({ baseUrl: this.#address, token });
  }

  async startServer(): Promise<void> {
    this.#server = await startServer(this.#options);
    this.#address = await serverAddress(this.#options, this.#server);
  }

  async startAgent(): Promise<void> {
    const { agent } = this.#options.mains ?? SHIPPED;
    const folder = join(this.dataDir, 'agent');
    this.#agent = await Child.start(
      'agent',
      [...NODE_FLAGS, agent, 'run', '--config', join(folder, 'agent.yaml')],
      join(this.dataDir, 'agent.log'),
    );
    await noteProcess(this.dataDir, 'agent', this.#agent.pid);
  }

  /** Stops the agent, the server and the example, in this order. Data stays. */
  async stop(): Promise<void> {
    await this.#agent?.stop();
    await this.#server.stop();
    await this.example.stop();
  }

  /** The agent gets a token of its own, the trust file from our hand, and its cells' configuration. */
  async #enrolAgent(): Promise<void> {
    const folder = join(this.dataDir, 'agent');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    const tokenFile = join(folder, 'token');
    const environments = [...new Set(this.example.cells.map((c) => c.cell.environment))];
    if ((await readIfThere(tokenFile)) === undefined) {
      const admin = await this.client('admin');
      const id = this.#setting.agent;
      const { items } = await admin.call('listPrincipals', { prefix: id, limit: 1 });
      // A start that was cut short may have enrolled it and not come to write the token down: it gets another one.
      const known = items.some((each) => each.id === id);
      const { token } = known
        ? await admin.call('rotateToken', { id })
        : await admin.call('enrolAgent', { body: { id, environments } });
      await writeDurably(tokenFile, `${token}\n`, 0o600);
    }
    const trustFile = join(folder, 'trust.yaml');
    if ((await readIfThere(trustFile)) === undefined) {
      await writeTrust(trustFile, this.key, join(this.dataDir, 'log.pub'));
    }
    const pins = pinsOf(this.#setting.documents);
    const config = {
      server: this.#address,
      name: this.#setting.agent,
      tokenFile,
      dataDir: folder,
      trustFile,
      observeEveryMs: 2_000,
      headEveryMs: 1_000,
      environments: environments.map((name) => ({ name, ...pins.get(name) })),
      cellFiles: this.example.cells.map((c) => c.configFile),
    };
    // JSON is YAML.
    await writeDurably(join(folder, 'agent.yaml'), `${JSON.stringify(config, null, 2)}\n`, 0o600);
  }
}

async function startServer({ dataDir, port, databaseUrl, mains = SHIPPED }: WorldOptions): Promise<Child> {
  const args = [...NODE_FLAGS, mains.server, '--data', dataDir];
  if (port !== undefined) args.push('--port', String(port));
  // In the environment, not on the command line: a password there would be in everybody's process list.
  const env = databaseUrl === undefined ? process.env : { ...process.env, HEADGATE_DATABASE_URL: databaseUrl };
  const server = await Child.start('server', args, join(dataDir, 'server.log'), env);
  // At once, lest it outlives us unnoted if we are killed before it is ready.
  await noteProcess(dataDir, 'server', server.pid, { sure: false });
  return server;
}

/** Waits until the server that we started is ready, and so has the folder; answers its address. */
async function serverAddress({ dataDir }: WorldOptions, server: Child): Promise<string> {
  const address = await until(`the server (see ${server.logFile})`, 60_000, async () => {
    if (!server.running)
      throw new Hopeless(`the server ended with ${await server.ended()}: ${await server.lastWords()}`);
    const text = await readIfThere(join(dataDir, 'server.json'));
    if (text === undefined) return undefined;
    const { url, pid } = JSON.parse(text) as { url: string; pid: number };
    if (pid !== server.pid) return undefined;
    return (await fetch(`${url}/readyz`)).ok ? url : undefined;
  });
  await noteProcess(dataDir, 'server', server.pid);
  return address;
}
