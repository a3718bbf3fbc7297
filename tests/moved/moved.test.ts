/** From two places of a real database to the gate: an agent's rounds compare them, a real server hears of it, and a plan is judged by it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCellConfig } from '@headgate/adapters/execution/cell-config';
import {
  BIN,
  type RealServer as Postgres,
  RealServers,
} from '@headgate/adapters/execution/standby/testing/real-servers';
import { ControlPlane } from '@headgate/agent/control-plane/control-plane';
import { MovedFile } from '@headgate/agent/moved/moved-file';
import { MovedRounds } from '@headgate/agent/moved/moved-rounds';
import { type Client, createClient } from '@headgate/contract';
import type { CellState } from '@headgate/domain';
import { placedEntries } from '@headgate/server/testing/placed-entries';
import { RealServer } from '@headgate/server/testing/real-server';
import { refused, SmallCompany } from '@headgate/server/testing/small-company';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

if (BIN === undefined && process.env.HEADGATE_REQUIRE_REAL === '1')
  throw new Error('PostgreSQL 15 isn’t installed: apt-get install postgresql-15');

const POLICY = `apiVersion: headgate/v1
kind: Policy
metadata: {name: free, owner: team-shop}
spec:
  gates: [{gate: signature}, {gate: moved-data-agrees, params: {moves: [invoice-net], maxAgeMs: 60000}}]
  rollbackScope: all
  limits: {latestFinishMs: 3600000, approvalMs: 3600000}
`;

let server: RealServer;
let company: SmallCompany;
let manager: Client;
let databases: RealServers;
let database: Postgres;
let rounds: MovedRounds | undefined;
let dir: string;
let token = '';
let runs: readonly string[] = [];
let atWork = false;
const logged: string[] = [];
let release: Awaited<ReturnType<SmallCompany['release']>>;

async function verdict() {
  const { verdicts } = await manager.call('planPromotion', { body: { release, environment: 'staging' } });
  return (verdicts as { gate: string; verdict: string; because: string; unblock: string }[]).find(
    ({ gate }) => gate === 'moved-data-agrees',
  ) as { verdict: string; because: string; unblock: string };
}
const becomes = (said: string, because: RegExp | string) =>
  expect.poll(verdict, { timeout: 12_000 }).toMatchObject({
    verdict: said,
    because: typeof because === 'string' ? expect.stringContaining(because) : expect.stringMatching(because),
  });
const cellState = (): CellState =>
  ({
    ...{ cell: 'stage', application: 'shop', environment: 'staging', tenants: {}, stores: {} },
    slots: Object.fromEntries(
      runs.map((version, i) => [`slot${i}`, { release: { version, digest: `sha256:${version}` } }]),
    ),
  }) as unknown as CellState;

/** An agent's rounds over the two places; its folder stays the same. */
async function compareEvery(everyMs: number, more: object = {}): Promise<void> {
  await rounds?.stop();
  const config = parseCellConfig({
    ...{ cell: 'stage', environment: 'staging', application: 'shop', dir },
    slots: { blue: { web: 1_001 }, green: { web: 1_002 } },
    externalStores: {
      main: {
        url: await databases.urlFile('url', database.url('app')),
        adminUrl: await databases.urlFile('admin-url', database.url()),
        restorePointsDir: dir,
        moves: {
          'invoice-net': {
            old: 'select tenant, id, net from public.invoice',
            new: 'select tenant, invoice as id, net from public.amount',
            ...{ key: ['tenant', 'id'], compare: ['net'], tenant: 'tenant', amounts: ['net'] },
            ...{ writtenBy: ['1.0.0', '1.1.0'], readBy: ['2.0.0'], everyMs, batchRows: 100, ...more },
          },
        },
      },
    },
    tenants: {},
    router: { listenPort: 1_003, adminPort: 1_004, tokenFile: dir },
  });
  rounds = new MovedRounds({
    cells: [config],
    everyMs: 100,
    file: await MovedFile.open(dir),
    plane: new ControlPlane(createClient({ baseUrl: server.url, token })),
    log: pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) }),
    seen: cellState,
    busy: () => atWork,
  });
  rounds.start();
}

describe.skipIf(BIN === undefined)('a release that reads the new place', () => {
  beforeAll(async () => {
    [server, databases] = await Promise.all([RealServer.start(), RealServers.make()]);
    dir = await mkdtemp(join(tmpdir(), 'headgate-moved-'));
    company = await SmallCompany.found(server);
    manager = await server.client('release-manager');
    const admin = await server.client('admin');
    token = (await admin.call('enrolAgent', { body: { id: 'agt_move', environments: ['staging'] } })).token;
    await manager.call('applyDocuments', { body: { files: [{ name: 'policy.yaml', text: POLICY }] } });
    release = await company.release('2.0.0');
    database = await databases.primary();
    await database.sql(`create role app login;
      create table invoice (tenant text, id int, net numeric(12,2), primary key (tenant, id));
      create table amount (tenant text, invoice int, net numeric(12,2));
      create index on amount (tenant, invoice);
      grant all on invoice, amount to app;
      insert into invoice select 'acme', n, n / 7.0 from generate_series(1, 1500) n`);
    runs = ['1.0.0'];
  }, 120_000);
  afterAll(async () => {
    await rounds?.stop();
    await Promise.all([server?.remove(), databases?.remove()]);
    await rm(dir, { recursive: true, force: true });
  });

  it('has no data where nobody has told of it, and none but the cell’s own agent may', async () => {
    await becomes('no-data', 'no agent has told of the move invoice-net in stage');
    const moves: never[] = [];
    expect(await refused(manager.call('tellMoves', { cell: 'stage', body: { moves } }))).toMatchObject({ status: 403 });
    const { token: lab } = await (await server.client('admin')).call('enrolAgent', {
      body: { id: 'agt_lab', environments: ['production'] },
    });
    const other = createClient({ baseUrl: server.url, token: lab });
    expect(await refused(other.call('tellMoves', { cell: 'stage', body: { moves } }))).toMatchObject({
      code: 'not-yours',
    });
  });

  it('waits for the backfill, then for a write that was forgotten, doubled or of another value, and goes on by itself', async () => {
    await compareEvery(1_000);
    await becomes(
      'fail',
      /^2\.0\.0 reads its new place, .* differ, compared .* 1,500 missing in the new place \(acme 1,500\)/,
    );
    // The backfill, and what is written to both places meanwhile.
    await database.sql(`insert into amount select tenant, id, net from invoice`);
    await becomes('pass', 'invoice-net of stage/main: 1,500 rows agree in both places');
    await database.sql(`insert into invoice values ('secretive', 900001, 7)`);
    await becomes('fail', '1 missing in the new place (secretive 1)');
    await database.sql(`insert into amount values ('secretive', 900001, 7), ('secretive', 900001, 7)`);
    await becomes('fail', '1 there more than once (secretive 1)');
    await database.sql(`truncate amount; insert into amount select tenant, id, net from invoice`);
    await becomes('pass', '1,501 rows agree');
    await database.sql(`update amount set net = net + 0.01 where invoice = 900001`);
    await becomes('fail', /1 with different values \(secretive 1\); net adds up to 160828\.43 and 160828\.44/);
    await database.sql(`update amount set net = net - 0.01 where invoice = 900001; delete from invoice where id = 3`);
    await becomes('fail', '1 missing in the old place (acme 1)');
    // A backfill that comes late writes what was changed since over again.
    await database.sql(`delete from amount where invoice = 3; update invoice set net = 5 where id = 4`);
    await becomes('fail', '1 with different values (acme 1)');
    await database.sql(`update amount set net = 5 where invoice = 4`);
    await becomes('pass', '1,500 rows agree');
  }, 90_000);

  it('leaves every key on the agent’s machine: none is told, kept or logged', async () => {
    const status = JSON.stringify(await manager.call('status'));
    expect(status).toContain('invoice-net');
    const kept = await readFile(join(dir, 'moved-data.json'), 'utf8');
    expect(logged.join('')).toContain('both places of moved data differ');
    for (const text of [status, kept, logged.join('')]) expect(text).not.toContain('900001');
  });

  it('has no data while something runs that doesn’t write both, nor from what was compared before that', async () => {
    runs = ['1.0.0', '0.9.0'];
    await becomes('no-data', '0.9.0 runs, which neither writes both places nor is known to read the new one');
    runs = ['1.1.0'];
    await becomes('pass', /compared .* while 1\.1\.0 ran/);
    runs = ['1.0.0'];
    await becomes('pass', /compared .* while 1\.0\.0 ran/);
  }, 60_000);

  it('has no data where it can’t be compared, and says why', async () => {
    await compareEvery(1_000, { new: 'select tenant, invoice as id, net from public.amounts' });
    await becomes('no-data', 'were not compared yet: relation "public.amounts" does not exist');
    await compareEvery(1_000);
    await becomes('pass', '1,500 rows agree');
  }, 60_000);

  it('is compared no longer, and holds no lock, once a step of a promotion begins', async () => {
    const locks = `select count(*)::int as n from pg_locks where relation = 'public.invoice'::regclass and pid <> pg_backend_pid()`;
    const held = async () => (await database.sql<{ n: number }>(locks))[0]!.n;
    await compareEvery(1_000, {
      old: 'select tenant, id, net + (select 0 from pg_sleep(50)) as net from public.invoice',
    });
    await expect.poll(held, { timeout: 10_000 }).toBeGreaterThan(0);
    atWork = true;
    await rounds?.yields('stage');
    // The statement itself would have slept on; while the step is at work none is begun.
    await expect.poll(held, { timeout: 10_000 }).toBe(0);
    await database.sql(`set lock_timeout = '5s'; lock table public.invoice in access exclusive mode`);
    atWork = false;
    await compareEvery(1_000);
    await becomes('pass', '1,500 rows agree');
  }, 60_000);

  it('goes through, and what it went by stands on the log, in words', async () => {
    const asked = await manager.call('requestPromotion', { body: { release, environment: 'staging' } });
    const stands = async () => await manager.call('showPromotion', { promotion: asked.id });
    await company.carryOut(async () => (await stands()).phase === 'ended');
    expect(await stands()).toMatchObject({ result: 'promoted' });
    const opened = (await placedEntries(server)).filter(
      ({ type, stream }) => type === 'promotion.wave-opened' && stream.includes(asked.id),
    );
    expect(JSON.stringify(opened[0]?.data)).toContain('1,500 rows agree in both places');
    const { moves = [] } = await manager.call('status');
    expect(moves).toMatchObject([{ cell: 'stage', name: 'invoice-net', state: 'agrees' }]);
  }, 60_000);

  it('lets the next one pass by what was compared until the new place alone was written', async () => {
    release = await company.release('3.0.0');
    runs = ['2.0.0'];
    await becomes('pass', /both places agreed \(1,500 rows\), .* before 2\.0\.0 ran, which writes one of them alone/);
    // What is in the old place by now is nobody's business any more; over a restart, too.
    await database.sql(`insert into amount values ('acme', 1600, 1)`);
    await compareEvery(1_000);
    await becomes('pass', 'both places agreed (1,500 rows)');
  }, 60_000);

  it('has no data by it once something in between wrote the old place alone, whatever ran first and runs by now', async () => {
    runs = ['0.9.0'];
    await becomes('no-data', '0.9.0 runs, which neither writes both places nor is known to read the new one');
    runs = ['2.0.0'];
    await becomes('no-data', '0.9.0 ran, which neither writes both places nor is known to read the new one');
    await compareEvery(1_000);
    await becomes('no-data', '0.9.0 ran');
  }, 60_000);

  it('has no data by it either once what writes both runs again, until both were compared anew', async () => {
    await database.sql('revoke all on amount from app');
    runs = ['1.1.0'];
    await becomes('no-data', 'what runs changed since invoice-net of stage/main was compared');
    await database.sql('grant all on amount to app');
    await becomes('fail', '1 missing in the old place (acme 1)');
    await database.sql(`insert into invoice values ('acme', 1600, 1)`);
    await becomes('pass', /1,501 rows agree in both places, compared .* while 1\.1\.0 ran/);
  }, 60_000);
});
