import { randomBytes } from 'node:crypto';
import { chown, mkdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readIfThere, writeDurably } from '../../machine/durable-file.ts';
import type { RunAs } from '../../machine/run-as.ts';
import { ComponentProcess } from '../process/component-process.ts';
import type { CallGuardName } from './call-guards.ts';
import type { RouterFileConfig } from './main.ts';
import type { ReadingCalls } from './reading.ts';
import { RouterClient } from './router-client.ts';
import type { TenantBy } from './tenant-of.ts';

export interface RouterConfig {
  readonly cellDir: string;
  readonly listenPort: number;
  readonly adminPort: number;
  readonly tokenFile: string;
  readonly maxBodyBytes: number;
  /** Port of the web component, by slot. */
  readonly upstreams: Readonly<Record<string, number>>;
  /** What takes the WebSockets at this path, where that isn't the web component: a port by slot. */
  readonly websockets?: { readonly path: string; readonly ports: Readonly<Record<string, number>> };
  readonly tenantBy: TenantBy;
  /** A header that tells the slot something of each tenant, by tenant. Lower-case. */
  readonly tenantHeader?: {
    readonly name: string;
    readonly values: Readonly<Record<string, string>>;
    /** Only for requests with a bearer token. */
    readonly withBearerOnly?: boolean;
  };
  /** Refuses requests for what they say inside. */
  readonly callGuard?: CallGuardName;
  /** Posted calls that only read. */
  readonly readingCalls?: readonly ReadingCalls[];
  /** When a request of a held tenant is told to come again. Seconds. */
  readonly retryAfterS: number;
  readonly user: RunAs | undefined;
}

/** The router of one cell as a process that outlives us: started once, adopted ever after. */
export class RouterProcess {
  readonly client: RouterClient;
  private readonly config: RouterConfig;
  private readonly dir: string;
  private readonly process: ComponentProcess;
  private starting: Promise<void> | undefined;

  constructor(config: RouterConfig) {
    this.config = config;
    this.dir = join(config.cellDir, 'router');
    this.client = new RouterClient(config.adminPort, config.tokenFile);
    this.process = new ComponentProcess(this.dir, {
      name: 'router',
      command: [process.execPath, ownMain(), join(this.dir, 'config.json')],
    });
  }

  /** Makes sure that a router with this configuration runs and answers. */
  async start(deadlineMs = 20_000): Promise<void> {
    this.starting ??= this.ensure(deadlineMs).finally(() => {
      this.starting = undefined;
    });
    return this.starting;
  }

  private async ensure(deadlineMs: number): Promise<void> {
    await this.process.boundLog();
    const changed = await this.writeConfig();
    if (!changed && (await this.process.running()) && (await this.client.healthy())) return;
    if (changed) await this.process.stop(5_000);
    const until = performance.now() + deadlineMs;
    // A living router that doesn't answer yet may just be starting.
    const patient = performance.now() + 5_000;
    while (!changed && (await this.process.running()) && performance.now() < patient) {
      if (await this.client.healthy()) return;
      await new Promise((done) => setTimeout(done, 50));
    }
    await this.process.start(process.execPath, { PATH: '/usr/local/bin:/usr/bin:/bin' }, undefined);
    while (performance.now() < until) {
      if (await this.client.healthy()) return;
      if (!(await this.process.running()))
        throw new Error(`The router ended while it started; see ${this.process.logFile}`);
      await new Promise((done) => setTimeout(done, 30));
    }
    throw new Error(`The router doesn't answer on port ${this.config.adminPort}; see ${this.process.logFile}`);
  }

  async running(): Promise<boolean> {
    return (await this.process.running()) !== undefined;
  }

  /** Stops the router, letting requests end. */
  async stop(drainMs = 5_000): Promise<void> {
    await this.process.stop(drainMs);
  }

  /** Writes what the process starts with. Returns whether it is another configuration than before. */
  private async writeConfig(): Promise<boolean> {
    const { user, listenPort, adminPort, tokenFile, maxBodyBytes, upstreams, tenantBy, retryAfterS, tenantHeader } =
      this.config;
    const { readingCalls = [], callGuard = null, websockets } = this.config;
    const state = join(this.dir, 'state');
    if (!(await stat(state).catch(() => undefined))) {
      await mkdir(this.dir, { recursive: true, mode: 0o755 });
      await mkdir(state, { recursive: true, mode: 0o700 });
      if (user) await chown(state, user.uid, user.gid);
    }
    if ((await readIfThere(tokenFile)) === undefined) {
      await writeDurably(tokenFile, `${randomBytes(32).toString('base64url')}\n`, 0o600);
    }
    const file: RouterFileConfig = {
      listenPort,
      adminPort,
      tokenFile,
      stateFile: join(state, 'routes.json'),
      upstreams: { ...upstreams },
      // Left out where it says nothing new: with another file than before the router is started anew.
      ...(websockets === undefined ? {} : { websockets: { ...websockets, ports: { ...websockets.ports } } }),
      maxBodyBytes,
      retryMs: 3_000,
      answerMs: 60_000,
      tenantBy,
      retryAfterS,
      readingCalls: [...readingCalls],
      tenantHeader:
        tenantHeader === undefined
          ? null
          : { withBearerOnly: false, ...tenantHeader, values: { ...tenantHeader.values } },
      callGuard,
      user: user ? { ...user } : null,
    };
    const text = `${JSON.stringify(file, null, 2)}\n`;
    const path = join(this.dir, 'config.json');
    const before = await readIfThere(path);
    if (before === text) return false;
    await writeDurably(path, text, 0o600);
    return before !== undefined;
  }
}

/** main.ts beside this file, or main.js where we run as emitted JavaScript. */
function ownMain(): string {
  const here = fileURLToPath(import.meta.url);
  return join(here, '..', `main${extname(here)}`);
}
