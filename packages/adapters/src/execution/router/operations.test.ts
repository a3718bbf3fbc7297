import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Operation } from '@headgate/domain/model/operation';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts } from '../../machine/free-port.ts';
import { runAs } from '../../machine/run-as.ts';
import { CHECK_HEADER, checkPass } from './check-pass.ts';
import { RouterOperations } from './router-operations.ts';
import { RouterProcess } from './router-process.ts';

const POST: Operation = {
  name: 'post-invoice',
  says: 'Invoices can’t be posted at the moment <b>&</b>.',
  requests: [{ methods: ['POST'], path: '/invoices/*/post' }],
};
const PAY: Operation = {
  name: 'pay',
  says: 'Nothing can be paid at the moment.',
  requests: [{ methods: ['POST', 'DELETE'], path: '/payments/**' }],
};

let dir: string;
let router: RouterProcess;
let operations: RouterOperations;
let base: string;
let n = 0;
/** What arrived at a slot, and requests that wait there until they are let go. */
const arrived: string[] = [];
const waiting: (() => void)[] = [];
const servers: http.Server[] = [];
const at = (epoch = 1) => stepContext({ fence: { epoch, n: ++n } });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-operations-'));
  await chmod(dir, 0o755);
  const [listenPort, adminPort, blue, green] = (await freePorts(4)) as [number, number, number, number];
  base = `http://127.0.0.1:${listenPort}`;
  for (const port of [blue, green]) {
    const server = http.createServer((request, response) => {
      arrived.push(`${request.method} ${request.url}`);
      const answer = () => response.end('done');
      if (request.url?.includes('wait')) waiting.push(answer);
      else answer();
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    servers.push(server);
  }
  router = new RouterProcess({
    ...{ cellDir: dir, listenPort, adminPort, tokenFile: join(dir, 'router.token'), maxBodyBytes: 4_096 },
    ...{ upstreams: { blue, green }, tenantBy: 'path', retryAfterS: 17, user: runAs() },
  });
  await router.start();
  operations = new RouterOperations(router.client);
  const routes = { acme: { blue: 100 }, globex: { blue: 100 } };
  await router.client.change({ epoch: 1, n: ++n }, routes);
});
afterAll(async () => {
  await router?.stop();
  for (const server of servers) server.close();
  await rm(dir, { recursive: true, force: true });
});

async function ask(method: string, path: string, headers: Record<string, string> = {}) {
  const response = await fetch(base + path, { method, headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
}
const status = async (method: string, path: string, headers = {}) => (await ask(method, path, headers)).status;
const until = async (done: () => boolean | Promise<boolean>) => {
  for (const end = Date.now() + 10_000; !(await done()); ) {
    if (Date.now() > end) throw new Error('it never came to it');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

/** The router dies in the midst, and the agent starts it anew. */
async function killed(): Promise<void> {
  const { pid } = JSON.parse(await readFile(join(dir, 'router/router.pid.json'), 'utf8')) as { pid: number };
  process.kill(pid, 'SIGKILL');
  await until(async () => !(await router.running()));
  await router.start();
}

test('a closed operation is refused with its sentence and when to come again; everything else is served', async () => {
  expect(await operations.close(['acme'], [POST], at())).toMatchObject({ ok: true });
  const before = arrived.length;
  const refused = await ask('POST', '/t/acme/invoices/7/post');
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('17');
  expect(refused.headers.get('content-type')).toContain('application/problem+json');
  expect(JSON.parse(refused.text)).toEqual({
    ...{ type: 'about:blank', title: 'Closed for now', status: 503, operation: 'post-invoice' },
    detail: `${POST.says} Nothing was carried out; please try again in 17 seconds.`,
  });
  const page = await ask('POST', '/t/acme/invoices/7/post', { accept: 'text/html' });
  expect([page.status, page.headers.get('content-type')]).toEqual([503, 'text/html; charset=utf-8']);
  expect(page.text).toContain('Invoices can’t be posted at the moment &lt;b&gt;&amp;&lt;/b&gt;.');
  expect(arrived).toHaveLength(before);
  expect(await status('GET', '/t/acme/invoices/7/post')).toBe(200);
  expect(await status('POST', '/t/acme/invoices/7')).toBe(200);
  expect(await status('POST', '/t/globex/invoices/7/post')).toBe(200);
});

test('nobody comes by it: by another way of writing it, by another method that is asked for, or with our checks’ pass', async () => {
  expect(await operations.close(['acme'], [PAY], at())).toMatchObject({ ok: true });
  const ways = [
    'Invoices/7/post/',
    '/invoices/7/p%6fst',
    'invoices;x=1/7/post',
    'invoices/7/post.json',
    'invoices/7/%2570ost',
  ];
  for (const path of ways.map((way) => `/t/acme/${way}`))
    expect({ path, status: await status('POST', path) }).toEqual({ path, status: 503 });
  const pass = checkPass((await readFile(join(dir, 'router.token'), 'utf8')).trim());
  expect(await status('POST', '/t/acme/invoices/7/post', { [CHECK_HEADER]: pass })).toBe(503);
  expect(await status('PUT', '/t/acme/payments/7')).toBe(200);
  expect(await status('PUT', '/t/acme/payments/7', { 'x-http-method-override': 'DELETE' })).toBe(503);
  expect(await status('PUT', '/t/acme/payments/7', { 'x-http-method-override': 'DELETE, DELETE' })).toBe(503);
  expect(await status('PUT', '/t/acme/payments/7', { X_HTTP_Method_Override: 'DELETE' })).toBe(503);
  expect(await status('PUT', '/t/acme/payments/7?_method=delete')).toBe(503);
  expect(await status('PUT', '/t/acme/payments/7?%5Fmethod=delete')).toBe(503);
  await operations.reopen(['acme'], ['pay', 'post-invoice'], at());
  expect(await status('POST', '/t/acme/invoices/7/post')).toBe(200);
});

test('requests of it that run already are counted until their slot is through, also when their client has gone', async () => {
  const gone = new AbortController();
  const left = fetch(`${base}/t/acme/invoices/wait/post`, { method: 'POST', signal: gone.signal }).catch(() => {});
  await until(() => waiting.length === 1);
  expect(await operations.inFlight(['acme', 'globex'])).toBe(0);
  await operations.close(['acme'], [POST], at());
  expect([await operations.inFlight(['acme']), await operations.inFlight(['globex'])]).toEqual([1, 0]);
  gone.abort();
  await left;
  expect(await operations.inFlight(['acme'])).toBe(1);
  waiting.pop()?.();
  await until(async () => (await operations.inFlight(['acme'])) === 0);
});

test('a lower fence neither closes nor opens', async () => {
  const old = stepContext({ fence: { epoch: 1, n: 1 } });
  expect(await operations.reopen(['acme'], ['post-invoice'], old)).toMatchObject({ ok: false, code: 'fenced' });
  expect(await operations.close(['globex'], [POST], old)).toMatchObject({ ok: false, code: 'fenced' });
  expect(await operations.closed()).toEqual([
    { operation: 'post-invoice', says: POST.says, tenants: ['acme'], since: expect.any(Number) },
  ]);
});

test('a router that is killed comes back with what it had closed, and still says since when', async () => {
  const [before] = await operations.closed();
  await killed();
  expect(await operations.closed()).toEqual([before]);
  expect(await status('POST', '/t/acme/invoices/7/post')).toBe(503);
  await operations.reopen(['acme'], ['post-invoice'], at());
  expect(await status('POST', '/t/acme/invoices/7/post')).toBe(200);
});

test('what is closed for a time opens by itself, also in a router that was killed meanwhile', async () => {
  await operations.close(['acme'], [POST], at(), { forMs: 60_000 });
  await operations.close(['acme', 'globex'], [POST], at(), { forMs: 2_000 });
  const [closed] = await operations.closed();
  expect(closed).toMatchObject({ tenants: ['acme', 'globex'], until: expect.any(Number) });
  await killed();
  await until(async () => (await status('POST', '/t/acme/invoices/7/post')) === 200);
  expect(await status('POST', '/t/globex/invoices/7/post')).toBe(200);
  expect(await operations.closed()).toEqual([]);
});

test('what is closed on one slot is served on another one, and opened there alone', async () => {
  expect(await operations.close(['acme'], [POST], at(), { slot: 'yellow' })).toMatchObject({ ok: false });
  await operations.close(['acme'], [POST], at(), { slot: 'green' });
  expect(await status('POST', '/t/acme/invoices/7/post')).toBe(200);
  await router.client.change({ epoch: 1, n: ++n }, { acme: { green: 100 } });
  expect(await status('POST', '/t/acme/invoices/7/post')).toBe(503);
  await operations.reopen(['acme'], ['post-invoice'], at());
  expect(await status('POST', '/t/acme/invoices/7/post')).toBe(503);
  await operations.reopen(['acme'], ['post-invoice'], at(), 'green');
  expect(await status('POST', '/t/acme/invoices/7/post')).toBe(200);
});
