/** One cell of the small systems, on the agent's own adapters: taken up as something that ran before, and stopped at the end. */
import { join } from 'node:path';
import { type CellConfig, type CellConfigInput, parseCellConfig } from '@headgate/adapters/execution/cell-config';
import { ComponentProcess } from '@headgate/adapters/execution/process/component-process';
import { readSlot, slotDir } from '@headgate/adapters/execution/process/slot-record';
import { takeUp } from '@headgate/adapters/execution/take-up';
import { writeDurably } from '@headgate/adapters/machine/durable-file';
import { freePorts } from '@headgate/adapters/machine/free-port';
import { Cluster, findPrograms } from '@headgate/adapters/postgres-cluster/index';
import type pg from 'pg';
import { environmentOf, type MadeRelease, type Stage, tenantsOf } from './systems.ts';

const SLOTS = ['blue', 'green'];
const DATABASE = 'work';

export class LightCell {
  /** As audits name it. */
  readonly cell: { readonly cell: string; readonly environment: string; readonly store: string };
  readonly config: CellConfig;
  readonly configFile: string;
  readonly #cluster: Cluster;

  private constructor(config: CellConfig, store: string, cluster: Cluster) {
    this.config = config;
    this.cell = { cell: config.cell, environment: config.environment, store };
    this.configFile = `${config.dir}.json`;
    this.#cluster = cluster;
  }

  /** Brings one up below a folder that any user may pass, with the baseline in its first slot. */
  static async bringUp(folder: string, application: string, stage: Stage, baseline: MadeRelease): Promise<LightCell> {
    const name = environmentOf(application, stage);
    const dir = join(folder, name);
    const store = `${name}-store`;
    const [listenPort, adminPort, blue, green, port] = (await freePorts(5)) as [number, number, number, number, number];
    const input: CellConfigInput = {
      cell: name,
      environment: name,
      application,
      dir,
      slots: { blue: { web: blue }, green: { web: green } },
      slotHeader: 'x-slot',
      env: { CELL: name },
      storeEnv: { DATABASE_URL: store },
      stores: {
        [store]: {
          clusterDir: `${dir}-store`,
          port,
          database: DATABASE,
          user: 'work',
          passwordFile: `${dir}-store-password`,
          archiveDir: `${dir}-archive`,
          restorePointsDir: `${dir}-restore-points`,
          keepRestorePoints: 2,
        },
      },
      tenants: Object.fromEntries(Object.entries(tenantsOf(stage)).map(([tenant, ring]) => [tenant, { store, ring }])),
      router: { listenPort, adminPort, tokenFile: `${dir}-router-token` },
      drainMs: 1_000,
    };
    const config = parseCellConfig(input);
    const programs = await findPrograms(15, dir);
    const cluster = new Cluster({ dir: `${dir}-store`, port, archiveDir: `${dir}-archive` }, programs);
    const cell = new LightCell(config, store, cluster);
    await writeDurably(cell.configFile, `${JSON.stringify(input, null, 2)}\n`, 0o600);
    await takeUp(config, baseline, () => {});
    return cell;
  }

  /** A superuser's connection to the store. */
  connection(): Promise<pg.ClientConfig> {
    return this.#cluster.connection(DATABASE);
  }

  /** The version that answers a tenant, by its own word, behind the router. */
  async versionServed(tenant: string): Promise<string> {
    const url = `http://127.0.0.1:${this.config.router.listenPort}/t/${tenant}/version`;
    return ((await (await fetch(url)).json()) as { version: string }).version;
  }

  /** Stops every process of it; nobody may hold it any more. */
  async stop(): Promise<void> {
    await new ComponentProcess(join(this.config.dir, 'router'), { name: 'router' }).stop(2_000);
    for (const slot of SLOTS) {
      const dir = slotDir(this.config.dir, slot);
      for (const component of (await readSlot(dir))?.components ?? [])
        await new ComponentProcess(dir, component).stop(2_000);
    }
    await this.#cluster.stop();
  }
}
