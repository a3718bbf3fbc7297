import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BroughtUpCell } from '../bring-up/cell.ts';
import { type Pace, startCustomers } from '../demo/customers.ts';
import { linesByTenant } from '../demo/journal-figures.ts';

/** As in real life: four look for one who writes. */
const READS_PER_WRITE = 4;
/** Asked of each tenant, one after the other, until the machine doesn't keep up. Reads a second. */
const PACES = [2, 4, 8, 12, 16, 24, 32, 48, 64];
const STEP_MS = 8_000;
/** The first requests of a step meet a machine that isn't warm. */
const WARM_MS = 4_000;
/** So many steps in a row in which it doesn't keep up end the search: one alone may have met something else. */
const BEHIND = 2;
/** Less than this share of what was asked: it doesn't keep up. */
const KEEPS_UP = 0.9;

export interface Capacity {
  /** Requests a second that were acknowledged, of all tenants together, at most. */
  readonly perSecond: number;
  readonly tenants: number;
}

/** How much a cell serves at most: asks more and more of it until it doesn't keep up. */
export async function capacityOf(cell: BroughtUpCell, folder: string, say: (line: string) => void): Promise<Capacity> {
  const tenants = cell.cell.tenants.length;
  let perSecond = 0;
  let behind = 0;
  for (const reads of PACES) {
    const asked = tenants * reads * (1 + 1 / READS_PER_WRITE);
    const load = await startCustomers([cell], join(folder, `pace-${reads}`), paceOf(reads));
    const from = Date.now() + WARM_MS;
    const to = from + STEP_MS;
    await sleep(to - Date.now());
    await load.stop();
    const lines = [...(await linesByTenant(load.journalFile)).values()].flat();
    const served = lines.filter(({ at, ms, outcome }) => outcome === 'acknowledged' && at + ms >= from && at + ms < to);
    const rate = (served.length * 1_000) / STEP_MS;
    say(`asked for ${asked.toFixed(0)}/s, served ${rate.toFixed(1)}/s`);
    perSecond = Math.max(perSecond, rate);
    behind = rate < KEEPS_UP * asked ? behind + 1 : 0;
    if (behind === BEHIND) break;
  }
  return { perSecond, tenants };
}

/** The pace of each tenant's customers at a share of what the cell serves at most. */
export function paceAt({ perSecond, tenants }: Capacity, share: number): Pace {
  return paceOf((perSecond * share) / tenants / (1 + 1 / READS_PER_WRITE));
}

function paceOf(readsPerSecond: number): Pace {
  return { readsPerSecond, writesPerSecond: readsPerSecond / READS_PER_WRITE };
}
