/** A plan that is carried out where no agent runs: the command does the agent's work, in a real cell, and stops it again. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type JsonServer, jsonServer } from '@headgate/adapters/execution/testing/json-server';
import { type RealStore, realStore } from '@headgate/adapters/execution/testing/real-store';
import { freePorts } from '@headgate/adapters/machine/free-port';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sealedPlan } from '../testing/sealed-plan.ts';

const DOCUMENT = `
apiVersion: headgate/v1
kind: Reconciliation
metadata: {name: invoices, owner: team-billing}
spec:
  left: {sql: "SELECT tenant, tenant || '/' || number AS key, number, total, state FROM invoice WHERE tenant = ANY($1)"}
  right: {connection: ledger, path: "/entries?tenant={tenant}", items: /items}
  key: {left: key, right: key}
  tenant: {left: tenant, right: tenant}
  compare: [{name: total, left: total, right: total, as: number}]
  money: {field: total, minorDigits: 2}
  rules:
    - name: not-acknowledged
      when: {side: both-agree, left: {state: created}}
      do: {effect: acknowledge, sql: "UPDATE invoice SET state = 'acknowledged' WHERE tenant = $1 AND number = $2 AND state = 'created'", params: [$tenant, $left.number]}
`;

let real: RealStore;
let ledger: JsonServer;
/** How often the ledger still answers. */
let answers = Number.POSITIVE_INFINITY;

beforeAll(async () => {
  real = await realStore();
  ledger = await jsonServer(() =>
    answers-- > 0 ? { body: { items: [{ key: 'acme/1', tenant: 'acme', total: 11_900 }] } } : { status: 503 },
  );
  const at = (name: string): string => join(real.dir, name);
  const [blue, green, listen, admin, nobody] = await freePorts(5);
  const { config: cluster } = real.store.cluster;
  const main = {
    ...{ clusterDir: cluster.dir, port: cluster.port, database: 'app', user: 'app' },
    ...{ passwordFile: real.store.passwordFile, archiveDir: real.archiveDir, restorePointsDir: at('points') },
  };
  const cell = {
    ...{ cell: 'shared', environment: 'production', application: 'psa', dir: at('cell') },
    slots: { blue: { web: blue }, green: { web: green } },
    stores: { main },
    tenants: { acme: { store: 'main', ring: 'pilot' } },
    router: { listenPort: listen, adminPort: admin, tokenFile: at('router-token') },
    ledger: { url: ledger.url, tokenFile: at('ledger-token') },
  };
  const config = {
    ...{ version: 1, server: `http://127.0.0.1:${nobody}`, name: 'agt_test', tokenFile: at('token') },
    ...{ dataDir: at('agent'), trustFile: at('trust.yaml'), environments: [{ name: 'production' }], cells: [cell] },
  };
  await mkdir(at('agent'), { mode: 0o700 });
  for (const name of ['ledger-token', 'token']) await writeFile(at(name), 'test-token\n', { mode: 0o600 });
  await writeFile(at('trust.yaml'), sealedPlan().trustText);
  await writeFile(at('agent.yaml'), JSON.stringify(config));
  await writeFile(at('invoices.yaml'), DOCUMENT);
  await query(
    `set role app; create table invoice(tenant text, number int, total bigint, state text, primary key (tenant, number));
     insert into invoice values ('acme', 1, 11900, 'created')`,
  );
});
afterAll(async () => {
  const file = join(real.dir, 'cell', 'router', 'router.pid.json');
  const router = JSON.parse(await readFile(file, 'utf8').catch(() => '{"pid":0}'));
  if (router.pid > 0) process.kill(router.pid, 'SIGKILL');
  await ledger?.close();
  await real?.remove();
});

const query = async (sql: string) =>
  withClient(await real.store.cluster.connection('app'), async (client) => (await client.query(sql)).rows);

function agent(...args: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const main = join(import.meta.dirname, '..', 'main.ts');
  return new Promise((done) => {
    execFile(process.execPath, [main, ...args], { cwd: real.dir }, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}
const OF = ['reconcile', 'invoices.yaml', '--config', 'agent.yaml'];

test('a plan of low risk takes nobody’s approval, is carried out without agent and server, and kept until it is told', async () => {
  const planned = await agent(...OF, '--store', 'main', '--plan', 'plan.json');
  expect(planned).toMatchObject({ code: 1, out: expect.stringContaining('in plan.json, and needs no approval') });
  expect(planned.out).toContain('headgate-agent reconcile invoices.yaml --config agent.yaml --carry-out plan.json\n');
  const ran = await agent(...OF, '--carry-out', 'plan.json', '--statement', 'statement.json');
  expect(ran.err).toContain('No agent runs here: this command does its work');
  expect(ran.out).toMatch(
    /risk low, no approval was needed; run by uid-\d+[\s\S]*1 {2}acknowledged[\s\S]*Both sides agree\./,
  );
  expect(ran.out).toContain('The server is away: the agent keeps the signed statement');
  expect(ran.code).toBe(0);
  expect(await query('select state from invoice')).toEqual([{ state: 'acknowledged' }]);
  const kept = JSON.parse(await readFile(join(real.dir, 'agent', 'reconciliations.json'), 'utf8'));
  expect(kept.untold).toEqual([JSON.parse(await readFile(join(real.dir, 'statement.json'), 'utf8'))]);
  const again = await agent(...OF, '--carry-out', 'plan.json', '--json');
  expect(JSON.parse(again.out)).toMatchObject({ begun: 2, agrees: true, told: null, done: { acknowledged: 0 } });
});

test('a side that goes away once it was done: who ran it is told what was done, and so is the log, by who runs it again', async () => {
  await query(`update invoice set state = 'created'`);
  answers = 2;
  const ran = await agent(...OF, '--carry-out', 'plan.json');
  expect(ran.code).toBe(69);
  expect(ran.err).toMatch(/1 acknowledged already, and then both sides couldn’t be compared: ledger answered 503/);
  expect(await query('select state from invoice')).toEqual([{ state: 'acknowledged' }]);
  answers = Number.POSITIVE_INFINITY;
  const again = await agent(...OF, '--carry-out', 'plan.json', '--json');
  expect(JSON.parse(again.out)).toMatchObject({ agrees: true, done: { acknowledged: 1 }, lines: { gone: 1 } });
  // Once is once.
  const third = await agent(...OF, '--carry-out', 'plan.json', '--json');
  expect(JSON.parse(third.out)).toMatchObject({ agrees: true, done: { acknowledged: 0 } });
});

test('what was carried out for some tenants says nothing of the others', async () => {
  const config = JSON.parse(await readFile(join(real.dir, 'agent.yaml'), 'utf8'));
  config.cells[0].tenants.globex = { store: 'main', ring: 'broad' };
  await writeFile(join(real.dir, 'two.yaml'), JSON.stringify(config));
  await query(`update invoice set state = 'created'`);
  const two = [...OF.slice(0, 3), 'two.yaml'];
  const planned = await agent(...two, '--store', 'main', '--tenants', 'acme,acme', '--plan', 'some.json');
  expect(planned.out).toContain('1 tenant, 1 transaction compared');
  const ran = await agent(...two, '--carry-out', 'some.json');
  expect(ran.out).toContain('Of 1 of the store’s 2 tenants, nobody having looked at the others:\nBoth sides agree.');
});

test.each<[string, readonly string[], number, RegExp]>([
  [
    'a store beside the plan’s',
    [...OF, '--carry-out', 'plan.json', '--store', 'main'],
    64,
    /there is no --store: the plan says/,
  ],
  ['an approval of nothing', [...OF, '--store', 'main', '--approval', 'x'], 64, /--approval is for --carry-out alone/],
  ['a plan that isn’t there', [...OF, '--carry-out', 'none.json'], 78, /there is no file none\.json/],
  ['an approval that is none', [...OF, '--carry-out', 'plan.json', '--approval', 'agent.yaml'], 77, /bundle-malformed/],
  ['an id that is none', [...OF, '--carry-out', 'plan.json', '--as', 'no body'], 64, /--as takes an id/],
])('with %s it says so, and does nothing', async (_, args, code, words) => {
  const ran = await agent(...args);
  expect(ran).toMatchObject({ code, err: expect.stringMatching(words) });
});
