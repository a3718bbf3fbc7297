/**
 * A release with a migration is promoted in staging and taken back under requests: a real server, a real agent, two databases
 * of a real PostgreSQL, and the tutorial's service. The gate of production lets the one by that went well, and not the other.
 */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findTools } from '@headgate/adapters/execution/external-store/postgres-tools';
import { ComponentProcess } from '@headgate/adapters/execution/process/component-process';
import { readSlot, slotDir } from '@headgate/adapters/execution/process/slot-record';
import { type RealStore, realStore } from '@headgate/adapters/execution/testing/real-store';
import { readSecret } from '@headgate/adapters/machine/durable-file';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { createClient } from '@headgate/contract';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Ran, Shell, writePrograms } from '../tutorial/programs.ts';
import { ORDERS, writeShop } from '../tutorial/shop.ts';

const DEADLINE_MS = 90_000;
const ENVIRONMENTS = ['shop-staging', 'shop-production'] as const;
const tools = await findTools(15, undefined);

const SERVICE = `apiVersion: headgate/v1
kind: Service
metadata: {name: shop, owner: team-shop}
spec:
  run: ["\${node}", "\${dir}/server.mjs"]
  files: [server.mjs, pg.mjs]
  health: /healthz
  migrations: migrations
  soakMs: 4000
  environments:
    - name: shop-staging
      database: {url: {variable: STAGING_URL}, adminUrl: {variable: ADMIN_URL}}
      approvals: 0
    - name: shop-production
      database: {url: {variable: PRODUCTION_URL}, adminUrl: {variable: ADMIN_URL}}
      gates:
        - gate: rollback-rehearsed
          params: {environment: shop-staging, maxAgeMs: 3600000, longestOutageMs: 1500}
`;

let real: RealStore;
let dir: string;
let control: Shell;
let shell: Shell;
let orders: string;

beforeAll(async () => {
  if (tools === undefined) return;
  dir = await mkdtemp(join(tmpdir(), 'headgate-rollback-'));
  await chmod(dir, 0o755);
  await writeShop(join(dir, 'shop'));
  await writeFile(join(dir, 'shop', 'headgate.yaml'), SERVICE);
  await writePrograms(join(dir, 'bin'));
  const { HEADGATE_SERVER: _s, HEADGATE_DATA: _d, HEADGATE_TOKEN_FILE: _t, ...rest } = process.env;
  const env = { ...rest, PATH: `${join(dir, 'bin')}:${rest.PATH}` };
  control = new Shell(dir, env);
  await control.run('headgate-server --data .headgate --port 0 &', DEADLINE_MS);
  const serving = control.run('headgate doctor --wait 60', DEADLINE_MS);
  real = await realStore();
  const { port } = real.store.cluster.config;
  await withClient(await real.store.cluster.connection(), async (client) => {
    await client.query(`create role shop login password 'plain'`);
    for (const name of ['staging', 'production']) await client.query(`create database ${name} owner shop`);
  });
  for (const name of ['staging', 'production'])
    await withClient(
      { ...(await real.store.cluster.connection(name)), user: 'shop', password: 'plain' },
      async (client) => {
        await client.query(ORDERS);
        await client.query(`insert into orders(item) values ('pencil')`);
      },
    );
  shell = new Shell(dir, {
    ...env,
    STAGING_URL: `postgres://shop:plain@127.0.0.1:${port}/staging`,
    PRODUCTION_URL: `postgres://shop:plain@127.0.0.1:${port}/production`,
    ADMIN_URL: `postgres://postgres:${await readSecret(real.store.cluster.passwordFile)}@127.0.0.1:${port}/postgres`,
  });
  await serving;
  await run('headgate setup shop');
  await run('headgate-agent enrol --handed .headgate/agent/handed.json --service shop/headgate.yaml');
  await run('headgate-agent take-up --config .headgate/agent/agent.yaml --service shop/headgate.yaml --version 1.0.0');
  await run('headgate-agent run --config .headgate/agent/agent.yaml &');
  await Promise.all(ENVIRONMENTS.map((environment) => run(`headgate adopt ${environment} --wait 60`)));
  const { router } = JSON.parse(await readFile(join(dir, '.headgate', 'cells', 'shop-staging.json'), 'utf8'));
  orders = `http://127.0.0.1:${router.listenPort}/orders`;
}, 120_000);

afterAll(async () => {
  await shell?.close();
  await control?.close();
  if (dir !== undefined) for (const cell of ENVIRONMENTS) await endCell(join(dir, '.headgate', 'cells', cell));
  await real?.remove();
  if (dir !== undefined) await rm(dir, { recursive: true, force: true });
});

/** What an agent keeps lives on without it. */
async function endCell(cell: string): Promise<void> {
  await new ComponentProcess(join(cell, 'router'), { name: 'router' }).stop(2_000);
  for (const slot of ['blue', 'green'])
    for (const component of (await readSlot(slotDir(cell, slot)))?.components ?? [])
      await new ComponentProcess(slotDir(cell, slot), component).stop(2_000);
}

async function run(command: string): Promise<Ran> {
  const ran = await shell.run(command, DEADLINE_MS);
  if (ran.code !== 0) throw new Error(`${command}\nended with ${ran.code}:\n${ran.output}\n${await shell.said()}`);
  return ran;
}

async function release(version: string, change: string): Promise<void> {
  await run(change);
  await run(`headgate --as developer release create shop --key .headgate/ci/release.key --version ${version}`);
}

/** What the gate of production says of a release. */
async function gate(
  version: string,
): Promise<{ readonly verdict: string; readonly because: string; readonly unblock: string }> {
  const { output } = await run(`headgate --json plan ${version} --to shop-production`);
  const { verdicts } = JSON.parse(output.trim().split('\n').at(-1) ?? '') as { verdicts: { gate: string }[] };
  return verdicts.find((each) => each.gate === 'rollback-rehearsed') as never;
}

const rehearse = (version: string, more = '') =>
  `headgate --as release-manager rehearse ${version} --rollback --in shop-staging --traffic ${orders} --key .headgate/ci/release.key --attach --statement statement.json ${more}`;

const inReal = test.skipIf(tools === undefined);

inReal(
  'a release that went to staging and back under requests may go on to production',
  { timeout: 120_000 },
  async () => {
    await writeFile(join(dir, 'shop', 'migrations', '0002-note.sql'), 'alter table orders add column note text;\n');
    await release('1.1.0', "sed -i 's/select id, item from/select id, item, note from/' shop/server.mjs");
    const before = await gate('1.1.0');
    expect(before).toMatchObject({
      verdict: 'no-data',
      unblock: expect.stringMatching(
        /^headgate rehearse sha256:[0-9a-f]{64} --rollback --in shop-staging --traffic URL --key FILE --attach$/,
      ),
    });

    const { output } = await run(rehearse('1.1.0', '--outage 1.5'));
    expect(output).toMatch(
      /Rehearsal of shop 1\.1\.0 and its rollback in shop-staging\n {2}prm_\w+, on the log from place \d+ to \d+: 1 cell, 1 tenant, 1 of 1 wave\n/,
    );
    expect(output).toMatch(
      /\nForward: [\d.]+ \w+, to the soak of its last wave\n(.*\n)* {2}w1\.migrate\.shop-staging-db: .*\n/,
    );
    expect(output).toMatch(/\nBack: [\d.]+ \w+\n(.*\n)* {2}undo\.route: .*\n/);
    expect(output).toMatch(
      / {2}cell shop-staging: 1 tenant on 1\.0\.0; 1 check passed\n {2}store shop-staging-db: schema 1 to 2, then 2 \(kept, /,
    );
    expect(output).toMatch(/\nIt went well\.\n[\s\S]*attached sha256:\w+ to sha256:\w+/);
    expect(await gate('1.1.0')).toMatchObject({
      verdict: 'pass',
      because: expect.stringMatching(
        /^it went to shop-staging and back .* ago \(prm_\w+\): back within .*, at most .* without a good answer$/,
      ),
    });

    // Not what anybody says, but what is: the version before serves, on the schema that the plan's undo keeps.
    expect(await (await fetch(orders)).json()).toEqual([{ id: 1, item: 'pencil' }]);
    const columns = `select attname from pg_attribute where attrelid = 'orders'::regclass and attnum > 0 order by attnum`;
    const { rows } = await withClient(await real.store.cluster.connection('staging'), async (client) =>
      client.query(columns),
    );
    expect(rows.map(({ attname }) => attname)).toEqual(['id', 'item', 'note']);

    // Each step of the statement stands on the log, at the place that it names.
    const { dsseEnvelope } = JSON.parse(await readFile(join(dir, 'statement.json'), 'utf8'));
    const { predicateType, predicate } = JSON.parse(Buffer.from(dsseEnvelope.payload, 'base64').toString('utf8'));
    expect(predicateType).toBe('https://headgate.dev/rollback-rehearsal/v1');
    const { url } = JSON.parse(await readFile(join(dir, '.headgate', 'server.json'), 'utf8'));
    const token = await readSecret(join(dir, '.headgate', 'secrets', 'auditor.token'));
    const auditor = createClient({ baseUrl: url, token: token.trim() });
    const [cell] = predicate.cells;
    expect(cell.steps.length).toBeGreaterThan(5);
    for (const { step, place } of cell.steps) {
      const { entries } = await auditor.call('logEntries', { from: place, limit: 1 });
      expect(JSON.parse(Buffer.from(entries[0]?.bytes ?? '', 'base64').toString('utf8'))).toMatchObject({
        stream: `rollout/${predicate.promotion}.shop-staging`,
        type: 'rollout.step-done',
        data: { step },
      });
    }
    // Enough of them on the release, and after it on the version before, to know.
    expect(predicate.traffic.back.requests).toBeGreaterThanOrEqual(10);
    expect(predicate.traffic.forward.requests).toBeGreaterThan(predicate.traffic.back.requests);
    expect((await run('headgate release show 1.1.0')).output).toMatch(
      /evidence +rehearsal of its rollback in shop-staging at .*: it went well/,
    );
  },
);

inReal(
  'one that answered nobody meanwhile may not, although its checks were green and all went back',
  { timeout: 120_000 },
  async () => {
    await release('1.2.0', "sed -i 's/select id, item, note from/select id, item, nowhere from/' shop/server.mjs");
    const ran = await shell.run(rehearse('1.2.0'), DEADLINE_MS);
    expect(ran.output).toMatch(/requests were without a good answer for too long: .*, 1\.0 s are allowed \(--outage\)/);
    expect(ran.code).toBe(1);
    expect(await gate('1.2.0')).toMatchObject({
      verdict: 'fail',
      because: expect.stringMatching(/^requests went without a good answer for .* during .*, 1 s 500 ms are allowed$/),
    });
    expect((await fetch(orders)).status).toBe(200);
  },
);

inReal(
  'nothing is rehearsed where customers are, by who can’t take it back, or on what isn’t answered anyway',
  { timeout: 60_000 },
  async () => {
    const refused = async (command: string) => {
      const { code, output } = await shell.run(command, DEADLINE_MS);
      return { code, output };
    };
    const inProduction = 'headgate --as release-manager rehearse 1.1.0 --rollback --in shop-production';
    expect(await refused(inProduction)).toEqual({
      code: 1,
      output: expect.stringMatching(
        /shop-production is the last environment of shop \(shop-staging → shop-production\)[\s\S]*to unblock: rehearse it before: --in shop-staging/,
      ),
    });
    expect(await refused(rehearse('1.1.0').replace('release-manager', 'developer'))).toEqual({
      code: 4,
      output: expect.stringMatching(/rollback takes one of the roles/),
    });
    expect(await refused(rehearse('1.1.0').replace('/orders', '/nowhere'))).toEqual({
      code: 1,
      output: expect.stringMatching(/isn’t answered well before anything was begun: HTTP 404/),
    });
    expect((await run('headgate promotion list --open')).output).toBe('(none)\n');
  },
);
