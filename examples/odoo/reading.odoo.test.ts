/**
 * Held for writes alone: who reads is served while the restore point is taken, whoever writes is told to come again, and
 * what tries to write below the router meets a login that may not.
 */
import { mkdtemp, readFile, readlink, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CellPorts } from '@headgate/adapters/execution/cell';
import { DatabaseDoor } from '@headgate/adapters/execution/odoo/index';
import { openOdooCell } from '@headgate/adapters/execution/odoo/odoo-cell';
import { ComponentProcess } from '@headgate/adapters/execution/process/component-process';
import { readSlot, slotDir } from '@headgate/adapters/execution/process/slot-record';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import type { StepContext } from '@headgate/execution';
import { hold, open } from '@headgate/execution/steps/holder';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stepContext } from '../../packages/testkit/src/execution/step-context.ts';
import { bringUpOdoo, type OdooExample } from './bring-up.ts';
import { type OdooRequest, odooRequest } from './load/odoo-client.ts';
import { peopleIn, Session } from './load/session.ts';
import { odooMissing } from './testing/required.ts';

const missing = await odooMissing();
const TENANT = 'birch';

describe.skipIf(missing)('a tenant that is held for writes alone', () => {
  let dataDir: string;
  let example: OdooExample;
  let cell: CellPorts;
  let to: Omit<OdooRequest, 'method' | 'path'>;
  const agent = new http.Agent({ keepAlive: true });
  const production = () => example.cells.find((each) => each.cell.environment === 'production')!;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'headgate-odoo-reading-'));
    example = await bringUpOdoo({ dataDir, failing: 'first', report: (line) => console.error(line) });
    const { config, url, host, tokensFile } = production();
    cell = await openOdooCell(config);
    const keys = JSON.parse(await readFile(tokensFile, 'utf8')) as Record<string, string>;
    to = { url, host: host(TENANT), key: keys[TENANT]!, timeLimitMs: 20_000 };
  });
  afterAll(async () => {
    agent.destroy();
    await cell?.close();
    await example?.stop();
    const home = await readlink(join(dataDir, 'system')).catch(() => undefined);
    if (home !== undefined) await rm(home, { recursive: true, force: true });
    await rm(dataDir, { recursive: true, force: true });
  });

  let n = 0;
  const step = (): StepContext => {
    n++;
    return stepContext({ cell: 'odoo-production', step: `s${n}`, idempotencyKey: `r1/s${n}`, fence: { epoch: 1, n } });
  };
  const page = () => odooRequest(agent, { ...to, method: 'GET', path: '/web/login' });
  const call = (model: string, method: string, body: unknown) =>
    odooRequest(agent, { ...to, method: 'POST', path: `/json/2/${model}/${method}`, body });
  const search = () => call('res.partner', 'search_read', { domain: [], fields: ['name'], limit: 3 });
  const create = () => call('res.partner', 'create', { vals_list: [{ name: 'Somebody' }] });
  const kinds = async (asked: readonly (() => Promise<{ kind: string }>)[]) => {
    const answers = [];
    for (const ask of asked) answers.push((await ask()).kind);
    return answers;
  };

  const held = async () => (await cell.traffic.read()).find(({ tenant }) => tenant === TENANT);
  const loggedIn = async () => {
    const session = new Session(agent, to);
    const person = peopleIn(join(production().stores.dir, 'tenant-access.json'))[TENANT]!;
    expect(await session.logIn(person)).toMatchObject({ kind: 'ok' });
    expect(await session.openClient()).toMatchObject({ kind: 'ok' });
    return session;
  };
  /** As a crash of it would. */
  const killServing = async () => {
    const dir = slotDir(production().config.dir, 'blue');
    for (const each of (await readSlot(dir))!.components) await new ComponentProcess(dir, each).stop(0);
  };
  const restarted = async () => {
    await expect
      .poll(
        async () => {
          await cell.supervise();
          return (await fetch(`http://127.0.0.1:${production().config.slots.blue}/web/health`).catch(() => undefined))
            ?.ok;
        },
        { timeout: 60_000, interval: 200 },
      )
      .toBe(true);
  };

  test('reads and writes before', async () => {
    expect(await kinds([page, search, create])).toEqual(['ok', 'ok', 'ok']);
  });

  test('reads on without an error while its restore point is taken, and writes nothing', async () => {
    // Somebody who reads all the time, from before the hold until after the restore point.
    const met = new Map<string, number>();
    const over = new AbortController();
    const reader = (async () => {
      while (!over.signal.aborted)
        for (const ask of [page, search]) {
          const answer = await ask();
          const what = answer.kind === 'failed' ? answer.why : answer.kind;
          met.set(what, (met.get(what) ?? 0) + 1);
        }
    })();
    expect(await hold({ kind: 'hold', tenants: [TENANT], reads: true }, step(), cell)).toMatchObject({ kind: 'done' });
    const route = (await cell.traffic.read()).find(({ tenant }) => tenant === TENANT);
    expect(route).toMatchObject({ held: true, reads: true, workers: undefined });
    expect(await create()).toEqual({ kind: 'turned-away', afterS: 30 });
    const point = await cell.restorePoints.take(TENANT, step());
    expect(point).toMatchObject({ ok: true });
    over.abort();
    await reader;
    expect([...met.keys()]).toEqual(['ok']);
    expect(met.get('ok')).toBeGreaterThan(10);
  }, 120_000);

  test('has no session left that may write, whatever asks for it', async () => {
    const { stores } = production();
    const door = new DatabaseDoor(stores);
    const login = await door.slotLogin('blue');
    const config = { ...(await stores.cluster.connection(TENANT)), user: login.user, password: login.password };
    const writing = withClient(config, (client) => client.query("insert into res_partner(name) values ('sneaked in')"));
    await expect(writing).rejects.toThrow(/permission denied/);
    expect(await door.admitted(stores.byName.get(TENANT)!)).toEqual([]);
  });

  test('held as a whole it serves nobody; opened it reads and writes again at once', async () => {
    expect(await hold({ kind: 'hold', tenants: [TENANT] }, step(), cell)).toMatchObject({ kind: 'done' });
    expect(await kinds([page, search, create])).toEqual(['turned-away', 'turned-away', 'turned-away']);
    expect(await hold({ kind: 'hold', tenants: [TENANT], reads: true }, step(), cell)).toMatchObject({ kind: 'done' });
    expect(await kinds([page])).toEqual(['turned-away']);
    expect(await open({ kind: 'open', tenants: [TENANT] }, step(), cell)).toMatchObject({ kind: 'done' });
    expect(await kinds([page, search, create])).toEqual(['ok', 'ok', 'ok']);
  }, 120_000);

  test('opened without having been held as a whole it writes again at once', async () => {
    expect(await hold({ kind: 'hold', tenants: [TENANT], reads: true }, step(), cell)).toMatchObject({ kind: 'done' });
    expect(await kinds([page, search, create])).toEqual(['ok', 'ok', 'turned-away']);
    expect(await open({ kind: 'open', tenants: [TENANT] }, step(), cell)).toMatchObject({ kind: 'done' });
    expect(await kinds([create, page, search, create])).toEqual(['ok', 'ok', 'ok', 'ok']);
  }, 120_000);

  test('is read by who had logged in before, also in a process that was started anew since', async () => {
    const session = await loggedIn();
    await killServing();
    await restarted();
    expect(await hold({ kind: 'hold', tenants: [TENANT], reads: true }, step(), cell)).toMatchObject({ kind: 'done' });
    expect(await held()).toMatchObject({ held: true, reads: true });
    expect(await kinds([() => session.openClient(), page, search, create])).toEqual(['ok', 'ok', 'ok', 'turned-away']);
    expect(await kinds([() => session.openClient(), search])).toEqual(['ok', 'ok']);
    expect(await open({ kind: 'open', tenants: [TENANT] }, step(), cell)).toMatchObject({ kind: 'done' });
    expect(await kinds([() => session.openClient(), create])).toEqual(['ok', 'ok']);
  }, 120_000);

  test('is held as a whole where nothing can serve who reads, and logs nobody out', async () => {
    const session = await loggedIn();
    await killServing();
    expect(await hold({ kind: 'hold', tenants: [TENANT], reads: true }, step(), cell)).toMatchObject({ kind: 'done' });
    expect(await held()).not.toHaveProperty('reads');
    await restarted();
    expect(await kinds([() => session.openClient(), page, search])).toEqual([
      'turned-away',
      'turned-away',
      'turned-away',
    ]);
    expect(await open({ kind: 'open', tenants: [TENANT] }, step(), cell)).toMatchObject({ kind: 'done' });
    expect(await kinds([() => session.openClient(), search, create])).toEqual(['ok', 'ok', 'ok']);
  }, 120_000);

  test('is held as a whole where several processes serve, of which one may not have loaded its modules', async () => {
    const { config } = production();
    await cell.close();
    cell = await openOdooCell({ ...config, odoo: { ...config.odoo, workers: 2 } });
    expect(await hold({ kind: 'hold', tenants: [TENANT], reads: true }, step(), cell)).toMatchObject({ kind: 'done' });
    expect(await held()).not.toHaveProperty('reads');
    expect(await kinds([page, search])).toEqual(['turned-away', 'turned-away']);
    expect(await open({ kind: 'open', tenants: [TENANT] }, step(), cell)).toMatchObject({ kind: 'done' });
    await cell.close();
    cell = await openOdooCell(config);
  }, 120_000);

  test('isn’t opened while an upgrade of its database is half done', async () => {
    const { stores } = production();
    const records = async (sql: string) =>
      withClient(await stores.cluster.connection('headgate'), (client) => client.query(sql, [TENANT]));
    expect(await hold({ kind: 'hold', tenants: [TENANT] }, step(), cell)).toMatchObject({ kind: 'done' });
    await records(`insert into headgate.pending(store, key, version_from, version_to) values ($1, 'r0/s0', 1, 2)`);
    expect(await open({ kind: 'open', tenants: [TENANT] }, step(), cell)).toMatchObject({
      kind: 'failed',
      why: expect.stringContaining("from version 1 to 2 was begun and didn't end"),
    });
    expect(await kinds([page, search])).toEqual(['turned-away', 'turned-away']);
    await records('delete from headgate.pending where store = $1');
    expect(await open({ kind: 'open', tenants: [TENANT] }, step(), cell)).toMatchObject({ kind: 'done' });
    expect(await kinds([page, create])).toEqual(['ok', 'ok']);
  }, 120_000);
});
