import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trafficSuite } from '@headgate/testkit/execution/traffic-suite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePorts } from '../../machine/free-port.ts';
import { runAs } from '../../machine/run-as.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { CellTraffic } from './cell-traffic.ts';
import { checkPass } from './check-pass.ts';
import { RouterProcess } from './router-process.ts';
import { slotAt } from './routing-table.ts';

/** A slot's web server that ends as a good one does: no new connections, running requests finish. */
class SlotServer {
  private server: http.Server | undefined;
  private readonly port: number;
  private readonly slot: string;
  constructor(slot: string, port: number) {
    this.slot = slot;
    this.port = port;
  }
  async start(): Promise<void> {
    if (this.server) return;
    this.server = http.createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () =>
        setTimeout(
          () => {
            response.setHeader('x-slot', this.slot);
            response.setHeader('x-said', Object.keys(request.headers).join(' '));
            response.setHeader('x-database', request.headers['x-database'] ?? 'none');
            response.end(`${request.method} ${request.url} ${Buffer.concat(chunks)}`);
          },
          request.url?.includes('slow') ? 300 : 1,
        ),
      );
    });
    await new Promise<void>((resolve) => this.server!.listen(this.port, '127.0.0.1', resolve));
  }
  async stop(): Promise<void> {
    const server = this.server;
    this.server = undefined;
    if (server) await new Promise((resolve) => server.close(resolve));
  }
}

let dir: string;
let router: RouterProcess;
let base: string;
let adminPort: number;
let slots: Record<'blue' | 'green', SlotServer>;
let upstreams: Record<'blue' | 'green', number>;
let n = 0;
const fence = () => ({ epoch: 1, n: ++n });
const all = (slot: string, ...tenants: string[]) =>
  Object.fromEntries(tenants.map((tenant) => [tenant, { [slot]: 100 }]));

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-router-'));
  await chmod(dir, 0o755);
  const [listenPort, admin, blue, green] = (await freePorts(4)) as [number, number, number, number];
  adminPort = admin;
  base = `http://127.0.0.1:${listenPort}`;
  upstreams = { blue, green };
  slots = { blue: new SlotServer('blue', blue), green: new SlotServer('green', green) };
  await Promise.all(Object.values(slots).map((slot) => slot.start()));
  router = new RouterProcess({
    cellDir: dir,
    listenPort,
    adminPort,
    tokenFile: join(dir, 'router.token'),
    maxBodyBytes: 4_096,
    upstreams,
    tenantBy: 'path',
    readingCalls: [{ under: '/t/', calls: ['search_read'] }],
    retryAfterS: 17,
    user: runAs(),
  });
  await router.start();
});
afterAll(async () => {
  await router?.stop();
  await Promise.all(Object.values(slots ?? {}).map((slot) => slot.stop()));
  await rm(dir, { recursive: true, force: true });
});

async function ask(path: string, init?: RequestInit): Promise<{ status: number; slot: string | null; text: string }> {
  const response = await fetch(base + path, init);
  return { status: response.status, slot: response.headers.get('x-slot'), text: await response.text() };
}

test('a tenant that is held for writes alone serves those who only read, and tells the others to come again', async () => {
  await router.client.change(fence(), all('blue', 'acme'), { acme: 'writes' });
  expect(await router.client.table()).toMatchObject({ held: ['acme'], reads: ['acme'] });
  const post = (path: string) => ask(path, { method: 'POST', body: '{}' });
  expect((await ask('/t/acme/page')).slot).toBe('blue');
  expect((await post('/t/acme/json/2/res.partner/search_read?x=/create')).slot).toBe('blue');
  for (const path of ['/t/acme/page', '/t/acme/json/2/res.partner/create', '/t/acme/search_read/create']) {
    const { status, slot, text } = await post(path);
    expect({ path, status, slot }).toEqual({ path, status: 503, slot: null });
    expect(JSON.parse(text)).toMatchObject({
      title: 'Read-only for now',
      detail: expect.stringContaining('17 seconds'),
    });
  }
  for (const method of ['PUT', 'PATCH', 'DELETE'])
    expect((await ask('/t/acme/search_read', { method })).status).toBe(503);
  await router.client.change(fence(), {}, { acme: true });
  expect(await router.client.table()).toMatchObject({ held: ['acme'], reads: [] });
  expect((await ask('/t/acme/page')).status).toBe(503);
  // While it changes from one to the other, who reads waits and who writes doesn't.
  await router.client.change(fence(), {}, { acme: 'pause' });
  const waiting = ask('/t/acme/page');
  expect((await post('/t/acme/page')).status).toBe(503);
  await router.client.change(fence(), {}, { acme: 'writes' });
  expect((await waiting).slot).toBe('blue');
  await router.client.change(fence(), {}, { acme: 'pause' });
  expect((await ask('/t/acme/page')).status).toBe(503);
  await router.client.change(fence(), {}, { acme: false });
  expect((await post('/t/acme/page')).slot).toBe('blue');
});

test('requests go unchanged to the slot of their tenant', async () => {
  expect(await router.client.change(fence(), { ...all('blue', 'acme'), ...all('green', 'globex') })).toEqual({
    ok: true,
  });
  const body = '{ "b": 1,  "a": "ü" }';
  const answer = await ask('/t/acme/x%20y?q=1&q=2', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
  expect(answer).toEqual({ status: 200, slot: 'blue', text: `POST /t/acme/x%20y?q=1&q=2 ${body}` });
  expect((await ask('/t/globex')).slot).toBe('green');
  expect((await ask('/t/globex/y', { method: 'DELETE' })).slot).toBe('green');
  expect(await ask('/t/nobody/x')).toMatchObject({ status: 404, text: expect.stringContaining('No such tenant') });
  expect((await ask('/elsewhere')).status).toBe(404);
  expect((await ask('/t/constructor/x')).status).toBe(404);
});

test('a body that is too large, and a path that leaves the tenant, are refused with a problem', async () => {
  const large = await fetch(`${base}/t/acme/x`, { method: 'POST', body: 'x'.repeat(5_000) });
  expect(large.status).toBe(413);
  expect(large.headers.get('content-type')).toContain('application/problem+json');
  expect((await ask('/t/acme/%2e%2e%2fglobex')).status).toBe(400);
  // As no browser would send them: the way to the slot resolves such parts, and would come out at another tenant.
  for (const path of [
    '/t/acme/../globex',
    '/t/acme/./../globex/x',
    '/t/acme/..\\globex',
    '/t/acme/x\\..\\..\\globex/invoices',
    '/t/acme\\..\\globex',
    '\\t\\acme\\x',
    '/t/acme/%2e%2E/globex',
    '/t/acme/%2e/x',
    '/t/acme/x/.%2e\\..\\globex',
    '/t/acme/x?y=\\..',
    '/t/acme/x#/../globex',
    '/t/acme/ü{x}',
    '/t/acme/%zz',
    'http://globex.example.org/t/acme/x',
    't/acme/x',
    '*',
  ])
    for (const method of ['GET', 'POST'])
      expect({ path, method, ...(await askRaw(base, method, path)) }).toEqual({ path, method, ...REFUSED });
  expect(await askRaw(base, 'GET', 'http://127.0.0.1/t/acme/x')).toEqual(REFUSED);
  expect(await askRaw(base, 'OPTIONS', '*')).toEqual(REFUSED);
});

test('a path that is unusual and allowed arrives as it was asked', async () => {
  for (const path of [
    "/t/acme/a%5Cb/%2F/x...y/;v=1/~(!$&'*+,=:@)//x",
    "/t/acme/x?q='a'|{b}\"<>^`&r=../..//",
    '/t/acme//x/',
    '/t/acme/%C3%BC',
  ])
    expect({ path, said: (await askRaw(base, 'GET', path)).said }).toEqual({ path, said: `GET ${path} ` });
});

test('a body that its sender first asks leave for is asked for, and passed on', async () => {
  const { port } = new URL(base);
  const answer = await new Promise<{ status: number | undefined; continued: boolean; text: string }>(
    (resolve, reject) => {
      let continued = false;
      const headers = { expect: '100-continue', 'content-length': 3 };
      const request = http.request({ hostname: '127.0.0.1', port, path: '/t/acme/x', method: 'POST', headers });
      request.on('error', reject).on('response', async (response) => {
        let text = '';
        for await (const chunk of response) text += chunk;
        resolve({ status: response.statusCode, continued, text });
      });
      request.once('continue', () => {
        continued = true;
        request.end('abc');
      });
      request.flushHeaders();
    },
  );
  expect(answer).toEqual({ status: 200, continued: true, text: 'POST /t/acme/x abc' });
});

const REFUSED = { status: 400, type: 'application/problem+json', slot: undefined };

/** Asks for a request target as it is written, which no library would. */
function askRaw(
  at: string,
  method: string,
  target: string,
  host = 'x',
): Promise<{ status: number; type: string | undefined; slot: string | undefined; said?: string }> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(new URL(at).port), '127.0.0.1', () =>
      socket.write(`${method} ${target} HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`),
    );
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', reject).on('close', () => {
      const said = (name: string) => answer.match(new RegExp(`^${name}: ([^;\\r]*)`, 'im'))?.[1];
      const slot = said('x-slot');
      const body = slot === undefined ? {} : { said: answer.slice(answer.indexOf('\r\n\r\n') + 4) };
      resolve({ status: Number(answer.slice(9, 12)), type: said('content-type'), slot, ...body });
    });
  });
}

describe('a held tenant', () => {
  const pass = async () => checkPass((await readFile(join(dir, 'router.token'), 'utf8')).trim());

  test('is told when to come again, whatever it asks for; others are served', async () => {
    await router.client.change(fence(), all('blue', 'acme', 'globex'), { acme: true });
    for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
      const answer = await fetch(`${base}/t/acme/x`, { method });
      expect({ method, status: answer.status, again: answer.headers.get('retry-after') }).toEqual({
        method,
        status: 503,
        again: '17',
      });
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.headers.get('x-slot')).toBeNull();
    }
    expect((await ask('/t/globex/x')).slot).toBe('blue');
  });

  test('is held by a restarted router, too', async () => {
    await router.stop();
    await router.start();
    expect((await ask('/t/acme/x')).status).toBe(503);
  });

  test('is reached by our own checks, whose pass the application never sees; a wrong one opens nothing', async () => {
    const knock = (header: string) => fetch(`${base}/t/acme/headers`, { headers: { 'x-headgate-check': header } });
    expect((await knock('wrong')).status).toBe(503);
    const answer = await knock(await pass());
    expect({ status: answer.status, slot: answer.headers.get('x-slot') }).toEqual({ status: 200, slot: 'blue' });
    expect(answer.headers.get('x-said')).not.toContain('x-headgate-check');
    const token = (await readFile(join(dir, 'router.token'), 'utf8')).trim();
    expect((await knock(token)).status).toBe(503);
  });

  test('is served again once it is opened, where it is routed to by then', async () => {
    await router.client.change(fence(), all('green', 'acme'));
    expect((await ask('/t/acme/x')).status).toBe(503);
    await router.client.change(fence(), {}, { acme: false });
    expect((await ask('/t/acme/x')).slot).toBe('green');
  });
});

test('no request is lost in thousands, while traffic moves back and forth and the old slot is stopped each time', async () => {
  await router.client.change(fence(), all('blue', 'acme', 'globex'));
  let running = true;
  let sent = 0;
  const failures: string[] = [];
  const seen = new Map<string, number>();
  const load = Array.from({ length: 16 }, async (_, worker) => {
    while (running) {
      const tenant = worker % 2 === 0 ? 'acme' : 'globex';
      const marker = `m${sent++}`;
      try {
        const slow = sent % 97 === 0 ? '/slow' : '';
        const init = sent % 3 === 0 ? {} : { method: 'POST', body: marker };
        const answer = await ask(`/t/${tenant}/${marker}${slow}`, init);
        if (answer.status !== 200 || !answer.text.includes(marker)) failures.push(`${answer.status} ${answer.text}`);
        seen.set(answer.slot ?? 'none', (seen.get(answer.slot ?? 'none') ?? 0) + 1);
      } catch (error) {
        failures.push(String((error as Error).cause ?? error));
      }
    }
  });
  // As often as it takes for thousands of requests, on a busy machine too.
  const until = performance.now() + 45_000;
  for (let round = 0; round < 8 || (sent < 3_000 && performance.now() < until); round++) {
    const [from, to] = round % 2 === 0 ? (['blue', 'green'] as const) : (['green', 'blue'] as const);
    await slots[to].start();
    expect(await router.client.change(fence(), all(to, 'acme', 'globex'))).toEqual({ ok: true });
    await expect
      .poll(async () => Object.keys((await router.client.inFlight())[from] ?? {}).length, { interval: 10 })
      .toBe(0);
    await slots[from].stop();
    await new Promise((done) => setTimeout(done, 250));
  }
  running = false;
  await Promise.all(load);
  await slots.green.start();
  expect(failures).toEqual([]);
  expect(sent).toBeGreaterThanOrEqual(3_000);
  expect(Math.min(seen.get('blue') ?? 0, seen.get('green') ?? 0)).toBeGreaterThan(300);
}, 60_000);

test('a request that a restarting slot refuses waits a moment, and goes where its tenant is routed by then', async () => {
  await router.client.change(fence(), all('blue', 'acme'));
  await slots.blue.stop();
  const waiting = ask('/t/acme/x', { method: 'POST', body: 'once' });
  await new Promise((done) => setTimeout(done, 150));
  await router.client.change(fence(), all('green', 'acme'));
  expect(await waiting).toMatchObject({ status: 200, slot: 'green' });
  await router.client.change(fence(), all('blue', 'acme'));
  expect(await ask('/t/acme/x')).toMatchObject({ status: 503, text: expect.stringContaining('was not carried out') });
  await slots.blue.start();
});

test('a lower fence is refused, the same again is welcome, a slot that is not there is refused', async () => {
  const high = { epoch: 3, n: 0 };
  expect(await router.client.change(high, all('blue', 'acme'))).toEqual({ ok: true });
  expect(await router.client.change(high, all('blue', 'acme'))).toEqual({ ok: true });
  expect(await router.client.change({ epoch: 2, n: 999 }, all('green', 'acme'))).toMatchObject({
    ok: false,
    code: 'fenced',
  });
  expect(await router.client.change(high, all('red', 'acme'))).toMatchObject({ ok: false, code: 'rejected' });
  expect(await router.client.change(high, { acme: { blue: 60, green: 30 } })).toMatchObject({
    ok: false,
    code: 'rejected',
    why: expect.stringContaining('100'),
  });
  expect((await router.client.routes()).acme).toEqual({ blue: 100 });
  n = 0;
});

test('a router that was killed is started again and routes the same', async () => {
  await router.client.change({ epoch: 4, n: 1 }, { ...all('green', 'acme'), globex: { blue: 30, green: 70 } });
  const { pid } = JSON.parse(await readFile(join(dir, 'router/router.pid.json'), 'utf8'));
  await router.start(); // adopts
  expect(JSON.parse(await readFile(join(dir, 'router/router.pid.json'), 'utf8')).pid).toBe(pid);
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => router.running()).toBe(false);
  await router.start();
  expect(await router.client.routes()).toMatchObject({ acme: { green: 100 }, globex: { blue: 30, green: 70 } });
  expect((await ask('/t/acme/x')).slot).toBe('green');
  expect(await router.client.change({ epoch: 4, n: 0 }, all('blue', 'acme'))).toMatchObject({
    ok: false,
    code: 'fenced',
  });
});

test('thousands of tenants move in one call, and a split tenant is split as told', async () => {
  const tenants = Array.from({ length: 5_000 }, (_, i) => `tenant-${i}`);
  expect(await router.client.change({ epoch: 5, n: 1 }, all('blue', ...tenants))).toEqual({ ok: true });
  expect(Object.keys(await router.client.routes()).length).toBeGreaterThanOrEqual(5_000);
  const counts = { blue: 0, green: 0 };
  for (let i = 0; i < 100; i++) counts[slotAt({ blue: 30, green: 70 }, i / 100) as 'blue' | 'green']++;
  expect(counts).toEqual({ blue: 30, green: 70 });
});

test('nobody reads or sets routes without the token', async () => {
  for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
    const answer = await fetch(`http://127.0.0.1:${adminPort}/routes`, { headers: headers as Record<string, string> });
    expect(answer.status).toBe(401);
  }
});

test.runIf(process.getuid?.() === 0)('as root the router gives up its rights', async () => {
  const { pid } = JSON.parse(await readFile(join(dir, 'router/router.pid.json'), 'utf8'));
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  expect(status).toMatch(new RegExp(`Uid:\\s+${runAs()!.uid}\\s+${runAs()!.uid}`));
});

describe('with the workers’ table', () => {
  let real: RealStore;
  let second: RouterProcess;
  let secondBase: string;
  let cellDir: string;
  afterAll(async () => {
    await second?.stop();
    await real?.remove();
    await rm(cellDir, { recursive: true, force: true });
  });
  const tenants = Array.from({ length: 2_000 }, (_, i) => `tenant-${String(i).padStart(4, '0')}`);

  trafficSuite('the router with the workers’ table', async () => {
    real = await realStore();
    cellDir = await mkdtemp(join(tmpdir(), 'headgate-traffic-'));
    await chmod(cellDir, 0o755);
    const [listenPort, admin] = (await freePorts(2)) as [number, number];
    secondBase = `http://127.0.0.1:${listenPort}`;
    second = new RouterProcess({
      cellDir,
      listenPort,
      adminPort: admin,
      tokenFile: join(cellDir, 'token'),
      maxBodyBytes: 4_096,
      upstreams,
      tenantBy: 'host',
      tenantHeader: { name: 'x-database', values: { [tenants[0]!]: 'first' } },
      retryAfterS: 30,
      user: runAs(),
    });
    await second.start();
    const storeOf = new Map(tenants.map((tenant) => [tenant, 'main']));
    return {
      traffic: new CellTraffic(second.client, new Map([['main', real.store]]), storeOf),
      tenants,
      slots: ['blue', 'green'],
    };
  });

  test('a tenant can be named by the first label of its host', async () => {
    const ask = (host: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const { port } = new URL(secondBase);
        http
          .get({ hostname: '127.0.0.1', port, path: '/web/health', headers: { host } }, (response) => {
            response.resume();
            resolve(response.statusCode);
          })
          .on('error', reject);
      });
    expect(await ask(`${tenants[0]}.localhost:1`)).toBe(200);
    for (const host of ['localhost', '127.0.0.1', 'nobody.localhost', '__proto__.localhost', `.${tenants[0]}`])
      expect({ host, status: await ask(host) }).toEqual({ host, status: 404 });
  });

  test('no header of the request passes for one of ours, also not by a name that applications take for the same', async () => {
    const headers = {
      host: `${tenants[0]}.localhost`,
      'X-Database': ['other', 'another'],
      x_database: 'other',
      X_DataBase: 'other',
      'x_headgate-check': 'x',
      x_database2: 'kept',
      'x-forwarded-host': 'evil.example',
      x_forwarded_for: '6.6.6.6',
      'X-Forwarded-Prefix': '/evil',
      forwarded: 'host=evil.example',
    };
    const told = (host: string) =>
      new Promise<http.IncomingHttpHeaders>((resolve, reject) => {
        const { port } = new URL(secondBase);
        http
          .get({ hostname: '127.0.0.1', port, path: '/x', headers: { ...headers, host } }, (response) => {
            response.resume();
            resolve(response.headers);
          })
          .on('error', reject);
      });
    const ours = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'];
    const names = ['x-database', ...ours, 'x_database2'];
    const said = (answer: http.IncomingHttpHeaders) =>
      String(answer['x-said'])
        .split(' ')
        .filter((name) => name.startsWith('x'))
        .sort();
    const first = await told(`${tenants[0]}.localhost`);
    expect({ database: first['x-database'], said: said(first) }).toEqual({ database: 'first', said: names });
    const second = await told(`${tenants[1]}.localhost`);
    expect({ database: second['x-database'], said: said(second) }).toEqual({
      database: 'none',
      said: [...ours, 'x_database2'],
    });
  });

  test('where hosts name tenants, too, a path arrives as it was asked or not at all', async () => {
    const host = `${tenants[0]}.localhost:1`;
    for (const target of [
      '/x\\..\\y',
      '\\x',
      '/a/../b',
      '/a/%2e%2e/b',
      '//evil.example.org/..',
      `http://${tenants[1]}.localhost/x`,
      `//${tenants[1]}.localhost\\x`,
      '*',
    ])
      expect({ target, ...(await askRaw(secondBase, 'POST', target, host)) }).toEqual({ target, ...REFUSED });
    for (const target of ['/', '/web/x?y=1', '//evil.example.org/x'])
      expect((await askRaw(secondBase, 'POST', target, host)).said).toBe(`POST ${target} `);
  });
});
