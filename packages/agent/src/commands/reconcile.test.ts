import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type JsonServer, jsonServer } from '@headgate/adapters/execution/testing/json-server';
import { type RealStore, realStore } from '@headgate/adapters/execution/testing/real-store';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { digestOfJson } from '@headgate/documents';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

let real: RealStore;
let ledger: JsonServer;
let entries: { key: string; tenant: string; total: number; currency: string }[];

const query = async (sql: string) =>
  withClient(await real.store.cluster.connection('app'), async (client) => (await client.query(sql)).rows);

beforeAll(async () => {
  real = await realStore();
  ledger = await jsonServer(({ url, headers }) =>
    headers.authorization === 'Bearer ledger-token'
      ? { body: { items: entries.filter(({ tenant }) => tenant === url.searchParams.get('tenant')) } }
      : { status: 401 },
  );
  const tokenFile = join(real.dir, 'ledger-token');
  await writeFile(tokenFile, 'ledger-token\n', { mode: 0o600 });
  const { port } = real.store.cluster.config;
  const store = {
    clusterDir: real.store.cluster.config.dir,
    port,
    database: 'app',
    user: 'app',
    passwordFile: real.store.passwordFile,
    archiveDir: real.archiveDir,
    restorePointsDir: join(real.dir, 'restore-points'),
  };
  const cell = {
    cell: 'shared',
    environment: 'production',
    application: 'psa',
    dir: join(real.dir, 'cell'),
    slots: { blue: { web: 20_001 }, green: { web: 20_002 } },
    stores: { main: store },
    tenants: { acme: { store: 'main', ring: 'pilot' }, globex: { store: 'main', ring: 'broad' } },
    router: { listenPort: 20_003, adminPort: 20_004, tokenFile: join(real.dir, 'router-token') },
    ledger: { url: ledger.url, tokenFile },
  };
  const config = {
    version: 1,
    server: 'http://127.0.0.1:20005',
    name: 'agent-production',
    tokenFile: join(real.dir, 'token'),
    dataDir: join(real.dir, 'agent'),
    trustFile: join(real.dir, 'trust.yaml'),
    environments: [{ name: 'production' }],
    cells: [cell],
  };
  await writeFile(join(real.dir, 'agent.yaml'), JSON.stringify(config));
  await writeFile(join(real.dir, 'invoices.yaml'), DOCUMENT);
  await query(
    'set role app; create table invoice(tenant text, number int, total bigint, state text, primary key (tenant, number))',
  );
});
beforeEach(async () => {
  await query('truncate invoice');
  entries = [];
});
afterAll(async () => {
  await ledger?.close();
  await real?.remove();
});

const DOCUMENT = `
apiVersion: headgate/v1
kind: Reconciliation
metadata: {name: invoices, owner: team-billing}
spec:
  left: {sql: "SELECT tenant, tenant || '/' || number AS key, total, 'EUR' AS currency, state FROM invoice WHERE tenant = ANY($1)"}
  right: {connection: ledger, path: "/entries?tenant={tenant}", items: /items}
  key: {left: key, right: key}
  tenant: {left: tenant, right: tenant}
  compare: [{name: total, left: total, right: total, as: number}]
  money: {field: total, minorDigits: 2, currency: {left: currency, right: currency}}
  rules:
    - name: not-posted
      when: {side: left-only, left: {state: created}}
      do: {effect: replay, sql: "UPDATE invoice SET state = 'queued' WHERE tenant = $1", params: [$tenant]}
`;

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `headgate-agent reconcile …`, as a person types it. */
function reconcile(...args: string[]): Promise<Ran> {
  const main = join(import.meta.dirname, '..', 'main.ts');
  return new Promise((done) => {
    execFile(process.execPath, [main, 'reconcile', ...args], { cwd: real.dir }, (error, out, err) => {
      expect(`${out}${err}`).not.toContain('ledger-token\n');
      done({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

const LOOK = ['invoices.yaml', '--config', 'agent.yaml', '--store', 'main'];

test('sides that agree are said to, with equal sums, and the exit code is 0', async () => {
  await query(`insert into invoice values ('acme', 1, 11900, 'acknowledged'), ('globex', 1, 100000, 'acknowledged')`);
  entries = [
    { key: 'acme/1', tenant: 'acme', total: 11_900, currency: 'EUR' },
    { key: 'globex/1', tenant: 'globex', total: 100_000, currency: 'EUR' },
  ];
  const { code, out } = await reconcile(...LOOK);
  expect({ code, out }).toMatchObject({ code: 0 });
  expect(out).toContain('2 tenants, 2 transactions compared');
  expect(out).toMatch(/total EUR +1,119\.00 +1,119\.00 +equal/);
  expect(out).toContain('Both sides agree. There is nothing to do.');
});

test('what differs is classified and planned, nothing is changed, and the exit code is 1', async () => {
  await query(
    `insert into invoice values ('acme', 1, 11900, 'created'), ('acme', 2, 5000, 'acknowledged'), ('globex', 1, 7, 'created')`,
  );
  entries = [{ key: 'acme/2', tenant: 'acme', total: 5_001, currency: 'EUR' }];
  const before = await query('select * from invoice order by tenant, number');
  const { code, out } = await reconcile(...LOOK, '--tenants', 'acme');
  expect({ code, out }).toMatchObject({ code: 1 });
  for (const words of [
    '1 tenant, 2 transactions compared',
    'The sums are NOT equal.',
    'half done',
    'in doubt',
    '1. Send again, under its own key, so that it happens once: 1 transaction of acme.',
    'acme/1  half done, EUR 119.00 in the store alone [not-posted]',
    'acme/2  in doubt, EUR 50.00 in the store and EUR 50.01 on the other side: the two sides differ in total',
    'Risk: high: no rule decides 1 transaction: a person must',
    'Nothing was changed.',
  ])
    expect(out).toContain(words);
  expect(out).not.toContain('globex');
  expect(await query('select * from invoice order by tenant, number')).toEqual(before);

  const json = JSON.parse((await reconcile(...LOOK, '--json')).out);
  expect(json).toMatchObject({
    agrees: false,
    classes: { 'half-done': 2, 'in-doubt': 1 },
    sums: [{ field: 'total', unit: 'EUR', left: '16907', right: '5001' }],
    plan: { tenants: 2, atStake: [{ unit: 'EUR', amount: '11908' }] },
  });
  expect(json.digest).toBe(digestOfJson(json.plan));
});

test.each<[string, readonly string[], number, string]>([
  [
    'no store',
    ['invoices.yaml', '--config', 'agent.yaml'],
    64,
    'it needs a document’s file, --config and --store'.replace('’', "'"),
  ],
  [
    'another store',
    ['invoices.yaml', '--config', 'agent.yaml', '--store', 'other'],
    78,
    'has a store other; there are main in ',
  ],
  ['a strange tenant', [...LOOK, '--tenants', 'acme,nobody'], 78, 'the store main has no tenant nobody'],
  ['a document that is none', ['agent.yaml', '--config', 'agent.yaml', '--store', 'main'], 78, 'agent.yaml'],
])('with %s it says so', async (_what, args, code, words) => {
  expect(await reconcile(...args)).toMatchObject({ code, err: expect.stringContaining(words) });
});

test('a side that can’t be read is no disagreement, and no agreement either', async () => {
  await query(`alter table invoice rename to gone`);
  expect(await reconcile(...LOOK)).toMatchObject({ code: 69, err: expect.stringContaining('left side') });
  await query(`alter table gone rename to invoice`);
});
