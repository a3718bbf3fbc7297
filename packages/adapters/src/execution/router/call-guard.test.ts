import { chmod, mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts } from '../../machine/free-port.ts';
import { runAs } from '../../machine/run-as.ts';
import { RouterProcess } from './router-process.ts';

/** What reached the slot. */
const reached: string[] = [];
const slot = http.createServer((request, response) => {
  reached.push(request.url as string);
  request.resume().on('end', () => response.end('done'));
});

let cellDir: string;
let router: RouterProcess;
let port: number;

beforeAll(async () => {
  cellDir = await mkdtemp(join(tmpdir(), 'headgate-call-guard-'));
  await chmod(cellDir, 0o755);
  const [blue, listenPort, adminPort] = (await freePorts(3)) as [number, number, number];
  port = listenPort;
  await new Promise<void>((done) => slot.listen(blue, '127.0.0.1', done));
  router = new RouterProcess({
    cellDir,
    listenPort,
    adminPort,
    tokenFile: join(cellDir, 'token'),
    maxBodyBytes: 4_096,
    upstreams: { blue, green: blue },
    tenantBy: 'host',
    tenantHeader: { name: 'x-database', values: { ada: 'first' } },
    callGuard: 'odoo-rpc',
    retryAfterS: 30,
    user: runAs(),
  });
  await router.start();
  await router.client.change({ epoch: 1, n: 1 }, { ada: { blue: 100 }, bob: { blue: 100 } });
});
afterAll(async () => {
  await router?.stop();
  slot.closeAllConnections();
  await new Promise((done) => slot.close(done));
  await rm(cellDir, { recursive: true, force: true });
});

const call = (database: string) =>
  `<?xml version='1.0'?><methodCall><methodName>execute_kw</methodName><params><param><value><string>${database}</string></value></param></params></methodCall>`;

async function post(tenant: string, path: string, body: string, headers: http.OutgoingHttpHeaders = {}) {
  reached.length = 0;
  const status = await new Promise<readonly [number | undefined, string]>((resolve, reject) => {
    const options = { hostname: '127.0.0.1', port, path, method: 'POST' };
    const request = http.request({ ...options, headers: { host: `${tenant}.localhost`, ...headers } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve([response.statusCode, Buffer.concat(chunks).toString()]));
    });
    request.on('error', reject);
    request.end(body);
  });
  return { status: status[0], text: status[1], reached: [...reached] };
}

test('a call that names its host’s own database inside arrives, and so does whatever isn’t such a call', async () => {
  expect(await post('ada', '/xmlrpc/2/object', call('first'))).toMatchObject({ status: 200 });
  expect(await post('ada', '/json/2/x/y', call('second'))).toMatchObject({ status: 200, reached: ['/json/2/x/y'] });
});

test('a call that names another is refused before it is sent anywhere', async () => {
  const foreign = await post('ada', '/xmlrpc/2/object', call('second'));
  expect(foreign).toMatchObject({ status: 403, reached: [] });
  expect(JSON.parse(foreign.text)).toMatchObject({ title: 'Another database', status: 403 });
});

test.each([
  ['asks for databases themselves', '/xmlrpc/2/db', {}],
  ['is compressed', '/xmlrpc/2/object', { 'content-encoding': 'gzip' }],
  ['isn’t what its path says', '/jsonrpc', { 'content-type': 'application/json' }],
])('a call that %s is refused before it is sent anywhere', async (_, path, headers) => {
  expect(await post('ada', path, call('first'), headers)).toMatchObject({ status: 403, reached: [] });
});

test('of a tenant whose database isn’t known none is the right one', async () => {
  expect(await post('bob', '/xmlrpc/2/object', call('first'))).toMatchObject({ status: 403, reached: [] });
});
