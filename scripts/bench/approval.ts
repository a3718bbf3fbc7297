/**
 * From a person's approval to what follows from it: two shipped servers on one PostgreSQL, approvals sent to one or the
 * other, each for a promotion of its own that waits for nothing else. The clock runs from before the request is sent
 * until the opened wave is committed, seen from outside.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { type Client, createClient } from '@headgate/contract';
import type { Promotion } from '@headgate/domain';
import type pg from 'pg';
import { percentile } from './arithmetic.ts';
import { type Figure, figure } from './figure.ts';
import { seedFleet } from './fleet.ts';
import { type ScratchDatabase, say, withControlDatabase } from './scratch.ts';
import { withDeps } from './seeding.ts';
import { type ServerProcess, withServer } from './server-process.ts';

const SAMPLES = 80;
/** How often it is looked whether the wave opened. Milliseconds, and part of what is measured. */
const LOOK_MS = 2;
/** Pauses between approvals vary, so that they meet the servers' own looks at any phase. Milliseconds. */
const PAUSE_MS = 60;
const GIVE_UP_MS = 10_000;

export async function approvalFigure(): Promise<readonly Figure[]> {
  return withControlDatabase(async (database) => {
    const shape = { environments: SAMPLES, cellsEach: 1, approved: false };
    const { promotions } = await withDeps(database.databaseUrl, (deps) => seedFleet(deps, shape));
    const { dir, databaseUrl } = database;
    // One after the other: the first founds the installation and gets the users' tokens.
    return withServer(join(dir, 'a'), databaseUrl, (a) =>
      withServer(join(dir, 'b'), databaseUrl, async (b) => {
        const samples = await sampleApprovals(database, await approvers(database, [a, b]), promotions);
        const [middle, slow, longest] = [0.5, 0.95, 1].map((share) => percentile(samples, share).toFixed(0));
        say(`approval to handled: median ${middle} ms, p95 ${slow} ms, longest ${longest} ms`);
        return [figure('approval-to-handled', percentile(samples, 0.95))];
      }),
    );
  });
}

async function approvers({ dir }: ScratchDatabase, servers: readonly ServerProcess[]): Promise<readonly Client[]> {
  const token = (await readFile(join(dir, 'a', 'secrets', 'approver.token'), 'utf8')).trim();
  return servers.map(({ url }) => createClient({ baseUrl: url, token }));
}

async function sampleApprovals(
  { adminUrl }: ScratchDatabase,
  clients: readonly Client[],
  promotions: readonly Promotion[],
): Promise<readonly number[]> {
  return withClient({ connectionString: adminUrl }, async (admin) => {
    // Each has been looked at once, and waits for its approval.
    for (const { id } of promotions) await until(admin, id, "version >= 2 and state ->> 'phase' = 'awaiting'");
    const samples: number[] = [];
    for (const [i, { id, envelope }] of promotions.entries()) {
      await pause(PAUSE_MS * Math.random());
      const client = clients[i % clients.length] as Client;
      const began = performance.now();
      const approving = client.call('approvePromotion', { promotion: id, body: { envelope } });
      const [handledAt] = await Promise.all([until(admin, id, "(state ->> 'wave')::integer >= 1"), approving]);
      samples.push(handledAt - began);
    }
    return samples;
  });
}

/** When a promotion's row is first seen to fulfil a condition, by `performance.now()`. */
async function until(admin: pg.Client, id: string, condition: string): Promise<number> {
  const deadline = performance.now() + GIVE_UP_MS;
  for (;;) {
    const { rowCount } = await admin.query(`select 1 from headgate.stream where stream = $1 and ${condition}`, [
      `promotion/${id}`,
    ]);
    if (rowCount === 1) return performance.now();
    if (performance.now() > deadline) throw new Error(`promotion ${id} did not come to: ${condition}`);
    await pause(LOOK_MS);
  }
}
