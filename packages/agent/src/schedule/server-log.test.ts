/** The agent's rounds keep the log of an Odoo cell's PostgreSQL, and take the backups that it goes on from. */
import { readdir, rename } from 'node:fs/promises';
import { pgbackrestMissing } from '@headgate/adapters/execution/pgbackrest/testing/backed-up-store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CellWorker } from '../assignments/cell-worker.ts';
import { silent } from '../testing/bench-agent.ts';
import { type LoggedTenants, loggedTenants } from '../testing/logged-tenants.ts';
import { serverLog } from './server-log.ts';
import { WalRounds } from './wal-rounds.ts';
import { scheduleLines, withWal } from './words.ts';

const missing = await pgbackrestMissing();

describe.skipIf(missing !== undefined)('the log of an Odoo cell', { timeout: 180_000 }, () => {
  let world: LoggedTenants;
  const over = new AbortController();
  beforeAll(async () => {
    world = await loggedTenants();
  });
  afterAll(async () => {
    over.abort();
    await world?.remove();
  });

  test('says that nothing comes back until the first backup is there, takes it by itself, and one alone', async () => {
    const log = await serverLog(world.config, over.signal);
    expect((await log.ship()).why).toContain('no backup lies in the repository yet');
    await expect.poll(async () => (await log.ship()).why, { timeout: 120_000 }).toBeUndefined();
    const before = (await log.ship()).at;
    await world.invoice('ada', 'INV/1');
    expect((await log.ship()).at).toBeGreaterThan(before);
    const backups = await readdir(`${world.repositoryDir}/backup/erp`);
    expect(backups.filter((name) => /^\d{8}-\d{6}F$/.test(name))).toHaveLength(1);
  });

  test('is told by the agent’s status', async () => {
    const worker = { cell: {} } as unknown as CellWorker;
    const rounds = new WalRounds({ cells: [world.config], log: silent, worker: () => worker }).start();
    try {
      const lines = () => scheduleLines(withWal([], rounds.of('erp')), Date.now()).join('\n');
      await expect
        .poll(lines, { timeout: 60_000 })
        .toMatch(/^ {2}store PostgreSQL: WAL in the repository up to \d+ (ms|s) ago$/);
    } finally {
      await rounds.stop();
    }
  });

  test('whose repository is away is told, and what was written meanwhile is there when it is back', async () => {
    const log = await serverLog(world.config, over.signal);
    await rename(world.repositoryDir, `${world.repositoryDir}.away`);
    await expect(log.ship()).rejects.toThrow('is the disk mounted?');
    await world.invoice('ada', 'INV/2');
    await rename(`${world.repositoryDir}.away`, world.repositoryDir);
    await expect.poll(async () => (await log.ship().catch(() => undefined))?.at, { timeout: 120_000 }).toBeDefined();
  });
});
