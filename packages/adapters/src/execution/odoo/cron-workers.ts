import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readIfThere, writeDurably } from '../../machine/durable-file.ts';
import { KeptReading } from '../../machine/kept-reading.ts';
import { niceSession, STEP_NICENESS } from '../../machine/session-niceness.ts';
import { yieldProcessor } from '../../machine/yielding-group.ts';
import { ComponentProcess } from '../process/component-process.ts';
import { cronCommand, odooEnvironment } from './command.ts';
import type { DatabaseDoor } from './database-door.ts';
import type { OdooStores } from './store.ts';

const Serving = z.strictObject({ databases: z.array(z.string()), addons: z.array(z.string()) });

/** How long a scheduled job may take to end when its process is asked to. Milliseconds. */
const DRAIN_MS = 20_000;

/**
 * The processes that run Odoo's scheduled jobs: one a slot, for exactly the databases that are routed to it. The rule: the
 * serving processes never run jobs; before a tenant is held its database leaves the list, and it joins the list of its
 * new slot after it was opened there. What slips through meets the database's door.
 */
export class CronWorkers {
  private readonly stores: OdooStores;
  private readonly door: DatabaseDoor;

  constructor(stores: OdooStores, door: DatabaseDoor) {
    this.stores = stores;
    this.door = door;
  }

  /** Makes the slot's process run the jobs of these databases and no others; without any there is no process. */
  async ensure(slot: string, addons: readonly string[], databases: readonly string[]): Promise<void> {
    const wanted = { databases: [...databases].sort(), addons: [...addons] };
    const dir = join(this.stores.dir, 'scheduler', slot);
    const serving = await readServing(dir);
    const process = new ComponentProcess(dir, { name: 'scheduler' });
    const running = await process.running();
    if (wanted.databases.length === 0) {
      if (running) await process.stop(DRAIN_MS);
      return;
    }
    if (running && JSON.stringify(serving) === JSON.stringify(wanted)) return;
    if (running) await process.stop(DRAIN_MS);
    await mkdir(dir, { recursive: true, mode: 0o755 });
    await writeDurably(join(dir, 'serving.json'), `${JSON.stringify(wanted)}\n`);
    const { odoo } = this.stores;
    // It starts anew with every tenant that comes or goes, just when their neighbours are to feel nothing of it.
    const command = [
      '/usr/bin/nice',
      '-n',
      String(STEP_NICENESS),
      ...cronCommand(odoo, wanted.addons, wanted.databases),
    ];
    const environment = odooEnvironment(odoo, await this.door.slotLogin(slot));
    const started = await new ComponentProcess(dir, { name: 'scheduler', command }).start('', environment, odoo.user);
    await niceSession(started.pid, STEP_NICENESS);
    await yieldProcessor(started.pid, true);
  }

  /** The databases whose jobs the slot's living process runs. */
  async serving(slot: string): Promise<readonly string[]> {
    const dir = join(this.stores.dir, 'scheduler', slot);
    if (!(await new ComponentProcess(dir, { name: 'scheduler' }).running())) return [];
    return (await readServing(dir))?.databases ?? [];
  }
}

const readServing = (dir: string) => serving.of(join(dir, 'serving.json'));

const serving = new KeptReading(
  (file) => [file],
  async (file): Promise<z.output<typeof Serving> | undefined> => {
    const text = await readIfThere(file);
    return text === undefined ? undefined : Serving.parse(JSON.parse(text));
  },
);
