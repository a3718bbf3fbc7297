/** From a real standby to the gate: an agent's rounds look at it, a real server hears of it, and a plan is judged by it. */
import { createServer, type Server, type Socket } from 'node:net';
import { parseCellConfig } from '@headgate/adapters/execution/cell-config';
import {
  BIN,
  type RealServer as Postgres,
  RealServers,
} from '@headgate/adapters/execution/standby/testing/real-servers';
import { StandbyRounds } from '@headgate/agent/cells/standby-rounds';
import { ControlPlane } from '@headgate/agent/control-plane/control-plane';
import { type Client, createClient } from '@headgate/contract';
import { placedEntries } from '@headgate/server/testing/placed-entries';
import { RealServer } from '@headgate/server/testing/real-server';
import { SmallCompany } from '@headgate/server/testing/small-company';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

if (BIN === undefined && process.env.HEADGATE_REQUIRE_REAL === '1')
  throw new Error('PostgreSQL 15 with pg_basebackup isn’t installed: apt-get install postgresql-15');

const MAX_LAG_MS = 1_500;
const POLICY = `apiVersion: headgate/v1
kind: Policy
metadata: {name: free, owner: team-shop}
spec:
  gates: [{gate: signature}, {gate: standby-ready, params: {maxLagMs: ${MAX_LAG_MS}, maxAgeMs: 15000}}]
  rollbackScope: all
  limits: {latestFinishMs: 3600000, approvalMs: 3600000}
`;

let server: RealServer;
let company: SmallCompany;
let manager: Client;
let databases: RealServers;
let primary: Postgres;
let standby: Postgres;
let rounds: StandbyRounds;
let hung: Server;
const sockets = new Set<Socket>();
let release: Awaited<ReturnType<SmallCompany['release']>>;

async function verdict() {
  const { verdicts } = await manager.call('planPromotion', { body: { release, environment: 'staging' } });
  return (verdicts as { gate: string; verdict: string; because: string; unblock: string }[]).find(
    ({ gate }) => gate === 'standby-ready',
  ) as { verdict: string; because: string; unblock: string };
}
const becomes = (said: string, because: RegExp | string) =>
  expect.poll(verdict, { timeout: 30_000 }).toMatchObject({
    verdict: said,
    because: typeof because === 'string' ? expect.stringContaining(because) : expect.stringMatching(because),
  });
/** Rounds of an agent of its own over these standbys, in place of those before. */
async function watch(standbys: Record<string, string>): Promise<void> {
  await rounds?.stop();
  const files = Object.entries(standbys).map(
    async ([name, url]) => [name, await databases.urlFile(name, url)] as const,
  );
  const config = parseCellConfig({
    ...{ cell: 'stage', environment: 'staging', application: 'shop', dir: databases.dir },
    slots: { blue: { web: 1_001 }, green: { web: 1_002 } },
    externalStores: {
      main: {
        url: await databases.urlFile('url', primary.url()),
        adminUrl: await databases.urlFile('admin-url', primary.url()),
        restorePointsDir: databases.dir,
        standbys: Object.fromEntries(await Promise.all(files)),
      },
    },
    tenants: {},
    router: { listenPort: 1_003, adminPort: 1_004, tokenFile: databases.dir },
  });
  const plane = new ControlPlane(createClient({ baseUrl: server.url, token }));
  rounds = new StandbyRounds({ cells: [config], everyMs: 200, plane, log: pino({ level: 'silent' }) });
  rounds.start();
}
let token = '';

describe.skipIf(BIN === undefined)('a promotion', () => {
  beforeAll(async () => {
    [server, databases] = await Promise.all([RealServer.start(), RealServers.make()]);
    company = await SmallCompany.found(server);
    manager = await server.client('release-manager');
    const admin = await server.client('admin');
    token = (await admin.call('enrolAgent', { body: { id: 'agt_dr', environments: ['staging'] } })).token;
    await manager.call('applyDocuments', { body: { files: [{ name: 'policy.yaml', text: POLICY }] } });
    release = await company.release('2.0.0');
    primary = await databases.primary();
    standby = await databases.standbyOf(primary);
    await primary.sql('insert into t values (1)');
    hung = createServer((socket) => void sockets.add(socket.on('error', () => {})));
    await new Promise<void>((ready) => hung.listen(0, '127.0.0.1', ready));
  }, 120_000);
  afterAll(async () => {
    await rounds?.stop();
    for (const socket of sockets) socket.destroy();
    hung?.close();
    await Promise.all([server?.remove(), databases?.remove()]);
  });

  it('has no data where nobody has told of a standby, and begins once one has caught up', async () => {
    await becomes('no-data', 'nobody has told of a standby of stage/main');
    await watch({ second: standby.url('watcher') });
    await becomes(
      'pass',
      /^standby of stage\/main: second (has all that was written|is .* behind \(.*\)), seen \d+ s ago$/,
    );
  }, 60_000);

  it('isn’t held up by a primary that has been idle for longer than a standby may be behind', async () => {
    const age = async () =>
      (
        await standby.sql<{ ms: number }>(
          'select extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 * 1000 as ms',
        )
      )[0]!.ms;
    await expect.poll(age, { timeout: 20_000 }).toBeGreaterThan(MAX_LAG_MS);
    await becomes('pass', 'second has all that was written');
  }, 60_000);

  it('waits while the replay is paused, and while what was written meanwhile isn’t replayed, and goes on by itself', async () => {
    await standby.sql('select pg_wal_replay_pause()');
    await primary.sql('insert into t select generate_series(1, 20000)');
    await becomes('fail', /second: its replay is paused; .* behind \(.*\), seen/);
    expect((await verdict()).unblock).toContain('pg_wal_replay_resume()');
    const lag = async () => (await manager.call('status')).standbys?.[0]?.lagMs ?? 0;
    await expect.poll(lag, { timeout: 20_000 }).toBeGreaterThan(MAX_LAG_MS);
    const { standbys = [] } = await manager.call('status');
    expect(standbys).toMatchObject([
      { ...{ cell: 'stage', store: 'main', name: 'second', standing: 'following', state: 'not-ready', paused: true } },
    ]);
    expect(standbys[0]?.lagBytes).toBeGreaterThan(1_000_000);
    expect(standbys[0]?.words).toMatch(/^its replay is paused; .* behind \(.* MiB\), seen \d+ s ago$/);

    const asked = await manager.call('requestPromotion', { body: { release, environment: 'staging' } });
    const stands = async () => await manager.call('showPromotion', { promotion: asked.id });
    await expect.poll(async () => (await stands()).reason, { timeout: 10_000 }).toContain('gate standby-ready is fail');
    const explained = await manager.call('explainPromotion', { promotion: asked.id });
    expect(JSON.stringify(explained.waits)).toContain('pg_wal_replay_resume()');
    await standby.sql('select pg_wal_replay_resume()');
    await becomes('pass', 'second');
    await company.carryOut(async () => (await stands()).phase === 'ended');
    expect(await stands()).toMatchObject({ result: 'promoted' });
    // What it went by stands on the log, in words; the looks themselves don't.
    const entries = await placedEntries(server);
    const opened = entries.filter(({ type, stream }) => type === 'promotion.wave-opened' && stream.includes(asked.id));
    expect(JSON.stringify(opened[0]?.data)).toMatch(/standby of stage\/main: second .*seen \d+ s ago/);
    expect(entries.filter(({ stream }) => stream.includes('standby'))).toEqual([]);
    release = await company.release('3.0.0');
  }, 90_000);

  it('has no data while the standby is stopped, says that nobody answers, and a hung one holds up nothing', async () => {
    const { port } = hung.address() as { port: number };
    await watch({ second: standby.url('watcher'), hung: `postgres://watcher:any@127.0.0.1:${port}/postgres` });
    // One is ready: that is enough, and the other one isn't waited for without end.
    await becomes('pass', 'second');
    await expect
      .poll(async () => (await manager.call('status')).standbys?.map(({ name, state }) => [name, state]), {
        timeout: 30_000,
      })
      .toEqual([
        ['hung', 'unseen'],
        ['second', 'ready'],
      ]);
    await standby.stop();
    await becomes('no-data', /second: it can’t be asked: .*ECONNREFUSED/);
    await standby.start();
    await becomes('pass', 'second');
  }, 120_000);

  it('has no data once nobody looks any more, however well it stood', async () => {
    await becomes('pass', 'second');
    await rounds.stop();
    await becomes('no-data', /second: seen \d+ s ago, 15 s are allowed/);
  }, 60_000);

  it('doesn’t begin on one that was promoted, nor on one of another cluster', async () => {
    const other = await databases.primary();
    await watch({ second: standby.url('watcher'), foreign: other.url('watcher') });
    await becomes('pass', 'second');
    await standby.promote();
    await becomes('fail', 'it was promoted: it takes writes of its own');
    const { because } = await verdict();
    expect(because).toContain('foreign: it is of another cluster');
  }, 120_000);
});
