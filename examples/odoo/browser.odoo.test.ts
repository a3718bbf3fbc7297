/** People with browsers, and API clients, at the router of a cell whose Odoo serves two tenants. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CellPorts } from '@headgate/adapters/execution/cell';
import { DatabaseDoor } from '@headgate/adapters/execution/odoo/index';
import { openOdooCell } from '@headgate/adapters/execution/odoo/odoo-cell';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { encodeCall } from '@headgate/documents/xml-rpc/index';
import { hold, open } from '@headgate/execution/steps/holder';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stepContext } from '../../packages/testkit/src/execution/step-context.ts';
import { BroughtUpCell } from './bring-up/cell.ts';
import type { ExampleCell } from './bring-up/example-cells.ts';
import { cellConfigOf, openLayout } from './bring-up/layout.ts';
import { odooRelease } from './build.ts';
import { odooRequest } from './load/odoo-client.ts';
import { type Person, peopleIn, Session } from './load/session.ts';
import { odooParts } from './parts/index.ts';
import { OWN, verificationIn } from './testing/business.ts';
import { logIn } from './testing/log-in.ts';
import { odooMissing } from './testing/required.ts';

const missing = await odooMissing();
const CELL: ExampleCell = {
  cell: 'odoo-browsers',
  environment: 'production',
  tenants: ['aspen', 'birch'].map((id) => ({
    id,
    ring: 'broad',
    name: id,
    referencePattern: '{year}-{month}/{project}',
  })),
};

describe.skipIf(missing)('at the router of an Odoo', () => {
  let dataDir: string;
  let root: string;
  let up: BroughtUpCell;
  let cell: CellPorts;
  let people: Readonly<Record<string, Person>>;
  let keys: Readonly<Record<string, string>>;
  const agent = new http.Agent({ keepAlive: true });

  beforeAll(async () => {
    const parts = await odooParts();
    dataDir = await mkdtemp(join(tmpdir(), 'headgate-browser-'));
    const layout = await openLayout(dataDir, [CELL]);
    root = layout.root;
    up = new BroughtUpCell(CELL, cellConfigOf(layout, CELL, parts));
    await up.bringUp(await odooRelease('19.0.1'), parts.odoo.sha256);
    cell = await openOdooCell(up.config);
    people = peopleIn(join(up.stores.dir, 'tenant-access.json'));
    keys = JSON.parse(await readFile(up.tokensFile, 'utf8'));
  });
  afterAll(async () => {
    agent.destroy();
    await cell?.close();
    await up?.stop();
    for (const dir of [root && join(root, '..'), dataDir]) if (dir) await rm(dir, { recursive: true, force: true });
  });

  let n = 0;
  const step = () => {
    n++;
    return stepContext({ cell: CELL.cell, step: `s${n}`, idempotencyKey: `r1/s${n}`, fence: { epoch: 1, n } });
  };
  const at = (tenant: string) => ({ url: up.url, host: up.host(tenant), timeLimitMs: 20_000 });
  test('a person logs in by the form, sees the client, and reads with the cookie', async () => {
    for (const tenant of ['aspen', 'birch']) {
      const session = new Session(agent, at(tenant));
      expect(await session.logIn(people[tenant]!)).toMatchObject({
        kind: 'ok',
        status: 303,
        location: expect.stringMatching(/\/odoo$/),
      });
      expect(session.loggedInWith).toMatch(/^session_id=./);
      const page = await session.openClient();
      expect(page).toMatchObject({ kind: 'ok', status: 200 });
      expect(page.kind === 'ok' && page.text).toContain(`"db": "${tenant}"`);
      expect(await logIn(up, tenant)).toBe('api');
    }
  });

  test('what is made for the customer points to the host that the customer asked for, whatever else is claimed', async () => {
    const session = new Session(agent, at('birch'));
    const claims = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', forwarded: 'host=evil.example' };
    const page = await session.send('GET', '/odoo', { headers: claims });
    const led = page.kind === 'ok' ? String(page.location) : '';
    expect(led).not.toContain('evil.example');
    expect(new URL(led, 'http://birch.localhost')).toMatchObject({ protocol: 'http:', hostname: 'birch.localhost' });
    const other = await new Session(agent, at('birch')).send('GET', '/web/login', {
      headers: { 'x-odoo-database': 'aspen' },
    });
    expect(other).toMatchObject({ kind: 'ok', status: 200 });
    expect(other.kind === 'ok' && other.cookie).toMatch(/^session_id=/);
  });

  test('a client gets a session by authenticate, and calls with its cookie', async () => {
    const session = new Session(agent, at('birch'));
    const { login, password } = people.birch!;
    const body = { jsonrpc: '2.0', params: { db: 'birch', login, password } };
    const answer = await session.send('POST', '/web/session/authenticate', { body });
    expect(answer).toMatchObject({ kind: 'ok', cookie: expect.stringMatching(/^session_id=/) });
    const read = await session.call('res.partner', 'search_read', [[], ['name']], { limit: 1 });
    expect(read.kind === 'ok' && JSON.parse(read.text).result).toHaveLength(1);
    const foreign = await new Session(agent, at('aspen')).send('POST', '/web/session/authenticate', { body });
    expect(foreign.kind === 'ok' && JSON.parse(foreign.text)).toHaveProperty('error');
  });

  test('a session of one tenant is of no use at another’s host', async () => {
    const own = new Session(agent, at('birch'));
    expect(await own.logIn(people.birch!)).toMatchObject({ kind: 'ok' });
    expect(await own.openClient()).toMatchObject({ kind: 'ok', status: 200 });
    const cookie = own.loggedInWith!;
    const there = new Session(agent, at('aspen'));
    expect(await there.send('GET', '/odoo', { headers: { cookie } })).toMatchObject({
      status: 303,
      location: expect.stringContaining('/web/login'),
    });
    const call = { body: { jsonrpc: '2.0', params: { model: 'res.users', method: 'search', args: [[]], kwargs: {} } } };
    const asked = await there.send('POST', '/web/dataset/call_kw/res.users/search', { ...call, headers: { cookie } });
    expect(asked.kind === 'ok' && asked.text).toContain('Session Expired');
  });

  test('JSON-2 with a key goes to the host’s database, whichever a header names', async () => {
    const ask = (tenant: string, key: string) =>
      odooRequest(agent, {
        ...at(tenant),
        key,
        method: 'POST',
        path: '/json/2/res.users/context_get',
        body: {},
        headers: { 'x-odoo-database': 'aspen' },
      });
    expect(await ask('birch', keys.birch!)).toMatchObject({ kind: 'ok' });
    expect(await ask('birch', keys.aspen!)).toMatchObject({ kind: 'failed' });
  });

  test('nobody writes to a tenant that is held and checked by way of a neighbour’s host', async () => {
    const post = (path: string, body: string) => {
      const headers = { 'content-type': path === '/jsonrpc' ? 'application/json' : 'text/xml' };
      return new Promise<{ status: number; text: string }>((resolve, reject) => {
        const options = { method: 'POST', agent, headers: { ...headers, host: up.host('aspen') } };
        const request = http.request(`${up.url}${path}`, options, async (response) => {
          let text = '';
          for await (const chunk of response) text += String(chunk);
          resolve({ status: response.statusCode!, text });
        });
        request.on('error', reject);
        request.end(body);
      });
    };
    const logInTo = (tenant: string) => [tenant, 'api', keys[tenant]!, {}];
    const own = await post('/xmlrpc/2/common', encodeCall('authenticate', logInTo('aspen')));
    const uid = Number(/<int>(\d+)<\/int>/.exec(own.text)?.[1]);
    expect(uid).toBeGreaterThan(0);
    const create = (tenant: string) => [tenant, uid, keys[tenant]!, 'res.partner', 'create', [{ name: 'Sneaked in' }]];
    const json = (service: string, method: string, args: unknown) =>
      JSON.stringify({ jsonrpc: '2.0', method: 'call', params: { service, method, args } });
    expect(await hold({ kind: 'hold', tenants: ['birch'] }, step(), cell)).toMatchObject({ kind: 'done' });
    const birch = up.stores.byName.get('birch')!;
    const door = new DatabaseDoor(up.stores);
    // As while checks of the held tenant run.
    await door.open(birch, 'blue');
    try {
      for (const [path, body] of [
        ['/xmlrpc/2/object', encodeCall('execute_kw', create('birch'))],
        ['/xmlrpc/object', encodeCall('execute_kw', create('birch'))],
        ['/de/xmlrpc/2/object', encodeCall('execute_kw', create('birch'))],
        ['/%78mlrpc/2/object', encodeCall('execute_kw', create('birch'))],
        ['/xmlrpc/2/common', encodeCall('authenticate', logInTo('birch'))],
        ['/jsonrpc', json('object', 'execute_kw', create('birch'))],
        ['/xmlrpc/2/db', encodeCall('db_exist', ['birch'])],
        ['/jsonrpc', json('db', 'db_exist', ['birch'])],
      ] as const)
        expect({ path, ...(await post(path, body)) }).toMatchObject({ path, status: 403 });
    } finally {
      await door.close(birch);
    }
    const rows = await withClient(await up.stores.cluster.connection('birch'), async (client) => {
      return (await client.query(`select 1 from res_partner where name = 'Sneaked in'`)).rows;
    });
    expect(rows).toEqual([]);
    expect(await open({ kind: 'open', tenants: ['birch'] }, step(), cell)).toMatchObject({ kind: 'done' });
    // Its own host takes the same calls.
    for (const [path, body] of [
      ['/xmlrpc/2/object', encodeCall('execute_kw', create('aspen'))],
      ['/jsonrpc', json('object', 'execute_kw', create('aspen'))],
      ['/jsonrpc', json('common', 'version', [])],
      ['/xmlrpc/2/common', encodeCall('version', [])],
    ] as const) {
      const answer = await post(path, body);
      expect(answer.status).toBe(200);
      expect(answer.text).not.toMatch(/<fault>|"error"/);
    }
  });

  test('the whole verification passes', async () => {
    expect(await cell.checks.run(await verificationIn(OWN), 'birch', 'blue', step())).toEqual({ ok: true, passed: 3 });
  });
});
