import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReleaseRef } from '@headgate/domain';
import { readLog } from '@headgate/example-psa/demo/log.ts';
import { agentHoldsHead } from '@headgate/example-psa/demo/measure.ts';
import { adopt, type Telling } from '@headgate/example-psa/demo/story.ts';
import type { Failing } from '../bring-up/example-cells.ts';
import type { OdooExample } from '../bring-up.ts';
import { odooDocuments } from '../documents.ts';
import { startCustomers } from './customers.ts';
import { closing, type OdooClosing, type Snapshot } from './figures.ts';
import { linesByTenant } from './journal-figures.ts';
import { lostWrites } from './lost-writes.ts';
import { type OdooPromotion, promote, release } from './story.ts';
import { numbersWrong, postInvoice, tenantState } from './tenant-state.ts';

/** How long customers are watched before anything changes: what their latency is compared with. */
const QUIET_MS = 20_000;

/** Tells the story to its end and measures what came of it. `started` gets what must be stopped should it be cut short. */
export async function tellOdoo(
  telling: Telling<OdooExample>,
  failing: Failing,
  started: (stop: () => Promise<void>) => void,
): Promise<OdooClosing> {
  const { world, say } = telling;
  const { cells } = world.example;
  const production = cells.find(({ cell }) => cell.environment === 'production')!;
  const tenants = production.cell.tenants.map(({ id }) => id);
  await adopt(telling, odooDocuments());
  const good = await release(telling, '19.0.2');
  const bad = await release(telling, '19.0.3');
  const before = await snapshot();
  const load = await startCustomers(cells, join(world.dataDir, 'demo'), { readsPerSecond: 2, writesPerSecond: 0.5 });
  started(async () => {
    if (load.running) await load.stop();
  });
  const quiet = { from: Date.now() + 5_000, to: Date.now() + 5_000 + QUIET_MS };
  say(`customers read and write; ${QUIET_MS / 1000} s of it before anything changes`);
  await sleep(quiet.to - Date.now());
  const promotions = [await arrives(good, 'staging'), await arrives(good, 'production')];
  const between = await snapshot();
  const first = await invoices();
  promotions.push(await arrives(bad, 'staging'));
  promotions.push(await promote(telling, bad, 'production'));
  say('the customers go home; measuring …');
  await load.stop();
  const after = await snapshot();
  const second = await invoices();
  await agentHoldsHead(world);
  const log = await readLog(await world.client('auditor'), {
    head: world.headFile,
    trust: join(world.dataDir, 'agent', 'trust.yaml'),
  });
  const lines = await linesByTenant(load.journalFile);
  return closing({
    failing,
    tenants,
    quiet,
    promotions,
    states: { before, between, after },
    invoices: { first, second },
    numbersWrong: (await Promise.all(tenants.map((tenant) => numbersWrong(production, tenant)))).flat(),
    lines,
    writes: await lostWrites(cells, lines),
    log: { ok: log.ok, entries: log.entries, why: log.why ?? '' },
  });

  async function arrives(ref: ReleaseRef, environment: string): Promise<OdooPromotion> {
    const end = await promote(telling, ref, environment);
    if (end.result !== 'promoted') throw new Error(`${ref.version} → ${environment} ended ${end.result}`);
    return end;
  }

  async function snapshot(): Promise<Snapshot> {
    const states = new Map<string, Awaited<ReturnType<typeof tenantState>>>();
    for (const tenant of tenants) states.set(tenant, await tenantState(production, tenant));
    return states;
  }

  async function invoices(): Promise<ReadonlyMap<string, string>> {
    const names = new Map<string, string>();
    for (const tenant of tenants) names.set(tenant, await postInvoice(production, tenant));
    return names;
  }
}
