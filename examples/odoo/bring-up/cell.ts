import { join } from 'node:path';
import { DatabaseDoor, declareBaseline, type OdooStores } from '@headgate/adapters/execution/odoo/index';
import { odooStores, openOdooCell, tenantHost } from '@headgate/adapters/execution/odoo/odoo-cell';
import {
  type OdooCellConfig,
  type OdooCellConfigInput,
  parseOdooCellConfig,
} from '@headgate/adapters/execution/odoo/odoo-cell-config';
import { ComponentProcess } from '@headgate/adapters/execution/process/component-process';
import { componentDir } from '@headgate/adapters/execution/process/slot-files';
import { readSlot, slotDir } from '@headgate/adapters/execution/process/slot-record';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { digestOfJson } from '@headgate/documents/digest';
import { bringUpContext } from '@headgate/example-psa/bring-up/context.ts';
import type { Answer, StepContext } from '@headgate/execution';
import { BASELINE, type BuiltRelease, MODULE, schemaOf } from '../build.ts';
import type { ExampleCell } from './example-cells.ts';
import { SLOTS } from './layout.ts';
import { ensureTemplate } from './template.ts';
import { ensureTenants, SETUP_SLOT } from './tenants.ts';

const FIRST_SLOT = SLOTS[0];

/** One cell of the example, brought up with the agent's own adapters. */
export class BroughtUpCell {
  readonly cell: ExampleCell;
  readonly config: OdooCellConfig;
  /** The configuration as a file: what the agent is given. */
  readonly configFile: string;
  /** The cell's router; a tenant is asked for by its host. */
  readonly url: string;
  readonly tokensFile: string;
  readonly stores: OdooStores;
  private readonly input: OdooCellConfigInput;

  constructor(cell: ExampleCell, input: OdooCellConfigInput) {
    this.cell = cell;
    this.input = input;
    this.config = parseOdooCellConfig(input);
    this.configFile = `${this.config.dir}.json`;
    this.url = `http://127.0.0.1:${this.config.router.listenPort}`;
    this.tokensFile = this.config.tenantTokensFile!;
    this.stores = odooStores(this.config);
  }

  host(tenant: string): string {
    return tenantHost(tenant);
  }

  /**
   * Starts the baseline in the first slot of a cell that never ran anything, with its tenants' databases made out of the
   * template. In a cell that did, starts what has died and leaves the rest as it is.
   */
  async bringUp(baseline: BuiltRelease, odooDigest: string): Promise<'started' | 'adopted'> {
    await writeDurably(this.configFile, `${JSON.stringify(this.input, null, 2)}\n`, 0o600);
    const cell = await openOdooCell(this.config);
    try {
      const seen = await Promise.all(SLOTS.map((slot) => cell.target.observe(slot)));
      const made = (await readIfThere(join(this.config.dir, MADE))) !== undefined;
      if (made && seen.some(({ phase }) => phase === 'running')) {
        await cell.supervise();
        return 'adopted';
      }
      const { manifest } = baseline;
      const release = { digest: digestOfJson(manifest), version: manifest.version };
      granted(await cell.target.deploy(FIRST_SLOT, release, manifest, this.context(baseline)));
      await this.makeTenants(odooDigest);
      granted(
        await cell.traffic.route(
          this.cell.tenants.map(({ id }) => id),
          FIRST_SLOT,
          this.context(baseline),
        ),
      );
      await writeDurably(join(this.config.dir, MADE), `${BASELINE}\n`);
      return 'started';
    } finally {
      await cell.close();
    }
  }

  /** Stops everything of the cell: router, slots, schedulers, cluster. Data stays. */
  async stop(): Promise<void> {
    const { dir, drainMs } = this.config;
    await new ComponentProcess(join(dir, 'router'), { name: 'router' }).stop(5_000);
    await Promise.all(
      SLOTS.flatMap((slot) => [
        new ComponentProcess(join(this.stores.dir, 'scheduler', slot), { name: 'scheduler' }).stop(drainMs),
        this.stopSlot(slotDir(dir, slot), drainMs),
      ]),
    );
    await this.stores.cluster.stop();
  }

  private async stopSlot(dir: string, drainMs: number): Promise<void> {
    const components = (await readSlot(dir))?.components ?? [];
    await Promise.all(components.map((each) => new ComponentProcess(dir, each).stop(drainMs)));
  }

  private async makeTenants(odooDigest: string): Promise<void> {
    const { stores } = this;
    const door = new DatabaseDoor(stores);
    await door.prepare([...SLOTS, SETUP_SLOT]);
    const addons = componentDir(slotDir(this.config.dir, FIRST_SLOT), 'web');
    await ensureTemplate(stores, door, addons, odooDigest);
    const tenants = this.cell.tenants.map(({ id, name, referencePattern }) => ({
      store: { name: id, database: id },
      name,
      referencePattern,
    }));
    const access = await ensureTenants(stores, door, addons, tenants);
    const keys = Object.fromEntries([...access].map(([tenant, { key }]) => [tenant, key]));
    await writeDurably(this.tokensFile, `${JSON.stringify(keys)}\n`, 0o600);
    const { schema, module } = schemaOf(BASELINE);
    await declareBaseline(stores, schema, { [MODULE]: module });
  }

  private context(baseline: BuiltRelease): StepContext {
    const { cell, environment } = this.cell;
    return bringUpContext({ application: 'odoo', cell, environment, files: baseline.files });
  }
}

/** Says that the cell's tenants were made to the end. */
const MADE = 'brought-up';

function granted<T>(answer: Answer<T>): T {
  if (!answer.ok) throw new Error(answer.why);
  return answer.value;
}
