import { type CellConfig, type CellConfigInput, parseCellConfig } from '@headgate/adapters/execution/cell-config';
import { holdCell } from '@headgate/adapters/execution/process/cell-hold';
import { ComponentProcess } from '@headgate/adapters/execution/process/component-process';
import { FenceFile } from '@headgate/adapters/execution/process/fence-file';
import { ProcessTarget } from '@headgate/adapters/execution/process/process-target';
import { readSlot, slotDir } from '@headgate/adapters/execution/process/slot-record';
import { CellTraffic } from '@headgate/adapters/execution/router/cell-traffic';
import { RouterProcess } from '@headgate/adapters/execution/router/router-process';
import { SqlMigrator } from '@headgate/adapters/execution/sql-migrator/sql-migrator';
import { prepareStore, type Store } from '@headgate/adapters/execution/store/store-session';
import { readSecret, writeDurably } from '@headgate/adapters/machine/durable-file';
import { Cluster, ensureDatabase, type Programs, withClient } from '@headgate/adapters/postgres-cluster/index';
import { digestOfJson } from '@headgate/documents/digest';
import type { Digest, ReleaseManifest } from '@headgate/domain';
import type { Answer, StepContext } from '@headgate/execution';
import type pg from 'pg';
import type { Database } from '../app/core/database.ts';
import { seedLedger, seedStore } from '../seed.ts';
import type { ExampleCell } from '../tenants.ts';
import { componentEnvironment } from './component-environment.ts';
import { bringUpContext } from './context.ts';
import { SLOTS } from './layout.ts';

/** The slot that the baseline runs in. */
const FIRST_SLOT = SLOTS[0];

/** The baseline release with the bytes of its files. */
export interface Baseline {
  readonly manifest: ReleaseManifest;
  readonly files: ReadonlyMap<Digest, Uint8Array>;
}

/** One cell of the example: its store, its baseline release, its router. Made with the agent's own adapters. */
export class BroughtUpCell {
  readonly cell: ExampleCell;
  readonly config: CellConfig;
  /** The configuration as a file: what the agent is given. */
  readonly configFile: string;
  /** Customers' address: the cell's router. */
  readonly url: string;
  readonly tokensFile: string;
  private readonly input: CellConfigInput;
  private readonly store: Store & { readonly cluster: Cluster };
  private readonly migrator: SqlMigrator;
  private readonly target: ProcessTarget;
  private readonly router: RouterProcess;
  private readonly traffic: CellTraffic;

  constructor(cell: ExampleCell, input: CellConfigInput, programs: Programs) {
    const config = parseCellConfig(input);
    const { clusterDir, port, archiveDir, database, user, passwordFile } = config.stores[cell.store]!;
    this.cell = cell;
    this.input = input;
    this.config = config;
    this.configFile = `${config.dir}.json`;
    this.url = `http://127.0.0.1:${config.router.listenPort}`;
    this.tokensFile = config.tenantTokensFile!;
    const cluster = new Cluster({ dir: clusterDir, port, archiveDir }, programs);
    this.store = { name: cell.store, cluster, database, user, passwordFile };
    const stores = new Map([[cell.store, this.store]]);
    this.migrator = new SqlMigrator(stores);
    this.target = new ProcessTarget(
      {
        cellDir: config.dir,
        slots: config.slots,
        node: config.node,
        user: programs.user,
        drainMs: config.drainMs,
        environment: (slot) => componentEnvironment(config, slot, programs.user),
      },
      new FenceFile(config.dir),
    );
    this.router = new RouterProcess({
      cellDir: config.dir,
      ...config.router,
      upstreams: Object.fromEntries(SLOTS.map((slot) => [slot, config.slots[slot]!.web!])),
      user: programs.user,
    });
    this.traffic = new CellTraffic(
      this.router.client,
      stores,
      new Map(cell.tenants.map((tenant) => [tenant.id, cell.store])),
    );
  }

  /** A superuser's connection to the cell's store, for whoever audits it. */
  connection(): Promise<pg.ClientConfig> {
    return this.store.cluster.connection(this.store.database);
  }

  /** The tenants' bearer tokens. */
  async tokens(): Promise<Readonly<Record<string, string>>> {
    return JSON.parse(await readSecret(this.tokensFile)) as Record<string, string>;
  }

  /** Starts the store's cluster, or adopts it, and fills a new store. */
  async bringUpStore(baseline: Baseline): Promise<void> {
    await writeDurably(this.configFile, `${JSON.stringify(this.input, null, 2)}\n`, 0o600);
    const { cluster, database, user } = this.store;
    await cluster.init();
    await cluster.start();
    const { passwordFile } = this.config.stores[this.store.name]!;
    await ensureDatabase(cluster, { database, user, passwordFile });
    await prepareStore(this.store);
    if ((await this.migrator.version(this.store.name)) === 0) await this.createSchema(baseline);
    await this.asOwner(async (client) => {
      const { rows } = await client.query('SELECT 1 FROM customer LIMIT 1');
      if (rows.length === 0)
        await seedStore({ client, tenants: this.cell.tenants, timeEntries: this.cell.timeEntries });
    });
  }

  /**
   * Starts the baseline in the first slot of a cell that never ran anything, and the router. In a cell that did, starts
   * what has died and leaves the rest as it is; a cell that an agent holds is the agent's.
   */
  async bringUpCode(baseline: Baseline, ledger: pg.ClientConfig): Promise<'started' | 'adopted' | 'held'> {
    const hold = await holdCell(this.config.dir).catch(() => undefined);
    if (hold === undefined) return 'held';
    try {
      const slots = await Promise.all(SLOTS.map((slot) => this.target.observe(slot)));
      if (slots.some((slot) => slot.phase === 'running')) {
        for (const slot of SLOTS) await this.target.restartDead(slot, () => true);
        await this.router.start();
        // A first start that was cut short may have ended between the baseline's start and its customers' routes.
        const nowhere = (await this.traffic.read()).filter(({ router }) => router === undefined);
        if (nowhere.length === this.cell.tenants.length)
          granted(
            await this.traffic.route(
              nowhere.map(({ tenant }) => tenant),
              FIRST_SLOT,
              this.context(baseline),
            ),
          );
        return 'adopted';
      }
      // Nothing runs yet, so every invoice that was not posted is one of the seed's.
      await withClient(ledger, (erp) =>
        this.asOwner((store) => seedLedger({ store, ledger: erp as unknown as Database })),
      );
      const context = this.context(baseline);
      const { manifest } = baseline;
      const release = { digest: digestOfJson(manifest), version: manifest.version };
      granted(await this.target.deploy(FIRST_SLOT, release, manifest, context));
      await this.router.start();
      const tenants = this.cell.tenants.map((tenant) => tenant.id);
      granted(await this.traffic.route(tenants, FIRST_SLOT, context));
      return 'started';
    } finally {
      await hold.release();
    }
  }

  /** Stops everything of the cell: router, both slots, cluster. Data stays, and so does what the slots hold. */
  async stop(): Promise<void> {
    await this.router.stop();
    for (const slot of SLOTS) {
      const dir = slotDir(this.config.dir, slot);
      const components = (await readSlot(dir))?.components ?? [];
      await Promise.all(components.map((each) => new ComponentProcess(dir, each).stop(this.config.drainMs)));
    }
    await this.store.cluster.stop();
  }

  private async createSchema(baseline: Baseline): Promise<void> {
    const migration = baseline.manifest.migrations[0]!;
    const sql = Buffer.from(baseline.files.get(migration.up.digest)!).toString('utf8');
    const up = { ...migration, file: migration.up };
    granted(await this.migrator.up(this.store.name, up, sql, this.context(baseline)));
  }

  private context(baseline: Baseline): StepContext {
    const { cell, environment } = this.cell;
    return bringUpContext({ cell, environment, files: baseline.files });
  }

  private async asOwner<T>(work: (client: Database) => Promise<T>): Promise<T> {
    return withClient(await this.connection(), async (client) => {
      // The tables are the system's own login's, and so is what is put into them.
      await client.query(`SET ROLE ${client.escapeIdentifier(this.store.user)}`);
      return work(client as unknown as Database);
    });
  }
}

function granted<T>(answer: Answer<T>): T {
  if (!answer.ok) throw new Error(answer.why);
  return answer.value;
}
