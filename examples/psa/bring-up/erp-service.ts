import { chmod, chown, copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { ComponentProcess } from '@headgate/adapters/execution/process/component-process';
import { answersHealthy } from '@headgate/adapters/execution/process/health';
import { componentDir } from '@headgate/adapters/execution/process/slot-files';
import type { RunAs } from '@headgate/adapters/machine/run-as';
import { Cluster, databaseUrl, ensureDatabase, type Programs } from '@headgate/adapters/postgres-cluster/index';
import type { Component } from '@headgate/domain';
import type pg from 'pg';
import { buildErp } from '../build.ts';
import type { Layout } from './layout.ts';
import { ensureToken } from './secrets.ts';

const COMPONENT: Component = {
  name: 'erp',
  role: 'web',
  recovery: 'system-of-record',
  files: [],
  command: ['${node}', '${dir}/erp.mjs'],
  healthPath: '/healthz',
};

/**
 * The ERP and its cluster, as detached processes that nobody's end takes along. It is not part of any cell: to Headgate
 * it is somebody else's system.
 */
export class ErpService {
  readonly url: string;
  readonly tokenFile: string;
  private readonly dir: string;
  private readonly port: number;
  private readonly cluster: Cluster;
  private readonly process: ComponentProcess;
  private readonly node: string;
  private readonly user: RunAs | undefined;

  constructor(layout: Layout, programs: Programs, node: string) {
    this.dir = path.join(layout.root, 'erp');
    this.port = layout.ports.erp.service;
    this.url = `http://127.0.0.1:${this.port}`;
    this.tokenFile = path.join(layout.root, 'secrets', 'erp-token');
    this.cluster = new Cluster({ dir: path.join(this.dir, 'cluster'), port: layout.ports.erp.cluster }, programs);
    this.process = new ComponentProcess(this.dir, COMPONENT);
    this.node = node;
    this.user = programs.user;
  }

  /** Makes sure that both run and answer; starts what died. Call it again at any time. */
  async ensure(): Promise<void> {
    await this.cluster.init();
    await this.cluster.start();
    if ((await this.process.running()) && (await answersHealthy(this.port, '/healthz'))) return;
    const login = { database: 'erp', user: 'erp', passwordFile: path.join(this.dir, 'password-erp') };
    await ensureDatabase(this.cluster, login);
    await ensureToken(this.tokenFile);
    await buildErp(componentDir(this.dir, COMPONENT.name));
    const environment = {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOST: '127.0.0.1',
      PORT: String(this.port),
      DATABASE_URL: await databaseUrl(this.cluster.config.port, login),
      ERP_TOKEN_FILE: await this.ownTokenFile(),
    };
    await this.process.start(this.node, environment, this.user);
    const until = performance.now() + 15_000;
    while (!(await answersHealthy(this.port, '/healthz'))) {
      if (performance.now() > until) throw new Error(`The ERP does not answer; see ${this.process.logFile}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** A superuser's connection to the ledger, for whoever audits it. */
  connection(): Promise<pg.ClientConfig> {
    return this.cluster.connection('erp');
  }

  /** Stops the service, then its cluster. */
  async stop(): Promise<void> {
    await this.process.stop(5_000);
    await this.cluster.stop();
  }

  /** A copy of the token that the service's own user can read. */
  private async ownTokenFile(): Promise<string> {
    const file = path.join(this.dir, 'token', 'erp-token');
    await mkdir(path.dirname(file), { recursive: true, mode: 0o755 });
    await copyFile(this.tokenFile, file);
    await chmod(file, 0o600);
    if (this.user) await chown(file, this.user.uid, this.user.gid);
    return file;
  }
}
