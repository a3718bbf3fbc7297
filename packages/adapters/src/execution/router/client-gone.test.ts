import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts } from '../../machine/free-port.ts';
import { InFlight } from './in-flight.ts';
import { buildProxy } from './proxy.ts';
import { RoutingTable } from './routing-table.ts';

const WRITES_AFTER_MS = 400;

/** An application that doesn't care whether anybody still listens: it writes, by path, some time after it was asked. */
const written = new Set<string>();
const cutOff = new Set<string>();
const application = http.createServer((request, response) => {
  const path = request.url as string;
  response.on('close', () => response.writableFinished || cutOff.add(path));
  request.resume().on('end', () => {
    if (path.includes('begins')) response.write('some');
    if (path.includes('endless')) setInterval(() => response.write('more'), 20).unref();
    else if (path.includes('fails')) setTimeout(() => response.socket?.destroy(), WRITES_AFTER_MS);
    else
      setTimeout(() => {
        written.add(path);
        response.end('x'.repeat(path.includes('large') ? 3_000_000 : 3));
      }, WRITES_AFTER_MS);
  });
});

let dir: string;
let proxy: FastifyInstance;
let port: number;
const inFlight = new InFlight();
const running = () => inFlight.read().blue?.ada ?? 0;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-client-gone-'));
  const [blue, listenPort] = (await freePorts(2)) as [number, number];
  port = listenPort;
  await new Promise<void>((done) => application.listen(blue, '127.0.0.1', done));
  const table = await RoutingTable.open(join(dir, 'routes.json'), ['blue']);
  await table.change({ fence: { epoch: 1, n: 1 }, routes: { ada: { blue: 100 } }, held: {} });
  const config = {
    maxBodyBytes: 4_096,
    retryMs: 300,
    answerMs: 1_500,
    retryAfterS: 17,
    checkPass: 'x',
    readingCalls: [],
  };
  proxy = await buildProxy(
    { ...config, upstreams: { blue }, tenantBy: 'path', tenantHeader: null, callGuard: null },
    table,
    inFlight,
  );
  await proxy.listen({ host: '127.0.0.1', port });
});
afterAll(async () => {
  await proxy?.close();
  application.closeAllConnections();
  await new Promise((done) => application.close(done));
  await rm(dir, { recursive: true, force: true });
});

/** Sends a request and goes once it runs: at once, or when the answer has begun. */
async function askAndGo(method: string, path: string, body: string): Promise<void> {
  const length = body === '' && method === 'GET' ? '' : `content-length: ${body.length}\r\n`;
  const socket = net.connect(port, '127.0.0.1');
  const begun = new Promise((done) => socket.once('data', done));
  socket.write(`${method} ${path} HTTP/1.1\r\nhost: a\r\n${length}\r\n${body}`);
  await expect.poll(running, { interval: 5 }).toBe(1);
  if (path.includes('begins')) await begun;
  socket.destroy();
}

test.each([
  ['POST', 'hi', ''],
  ['POST', '', ''],
  ['PUT', 'hi', 'large'],
  ['DELETE', '', 'begins'],
  ['POST', 'hi', 'begins-large'],
  ['GET', '', ''],
])(
  'a request (%s, body "%s", answer %s) counts until the application wrote, though its client has gone',
  async (method, body, answer) => {
    const path = `/t/ada/${method}-${body}-${answer}`;
    await askAndGo(method, path, body);
    const until = performance.now() + 5_000;
    let looks = 0;
    while (performance.now() < until) {
      const counted = running();
      if (written.has(path)) break;
      expect(counted).toBe(1);
      looks++;
      await new Promise((done) => setTimeout(done, 5));
    }
    expect(written).toContain(path);
    expect(looks).toBeGreaterThan(0);
    await expect.poll(running, { interval: 5 }).toBe(0);
  },
);

test('a request whose application fails after its client has gone is counted until then', async () => {
  await askAndGo('POST', '/t/ada/fails', 'hi');
  await new Promise((done) => setTimeout(done, WRITES_AFTER_MS / 4));
  expect(running()).toBe(1);
  await expect.poll(running, { interval: 5 }).toBe(0);
});

test('an answer without end that nobody reads is cut off: at once when nothing was to change, else after a time', async () => {
  await askAndGo('GET', '/t/ada/begins-endless-get', '');
  await expect.poll(() => cutOff.has('/t/ada/begins-endless-get'), { interval: 5, timeout: 1_000 }).toBe(true);
  expect(running()).toBe(0);
  await askAndGo('POST', '/t/ada/begins-endless-post', 'hi');
  await new Promise((done) => setTimeout(done, 300));
  expect({ running: running(), cut: cutOff.has('/t/ada/begins-endless-post') }).toEqual({ running: 1, cut: false });
  await expect.poll(() => cutOff.has('/t/ada/begins-endless-post'), { interval: 5, timeout: 3_000 }).toBe(true);
  expect(running()).toBe(0);
});

test('a request that its client broke off while we read it never ran and isn’t counted', async () => {
  for (const method of ['POST', 'GET']) {
    const socket = net.connect(port, '127.0.0.1');
    socket.write(`${method} /t/ada/broken-${method} HTTP/1.1\r\nhost: a\r\ncontent-length: 900\r\n\r\nhi`);
    await new Promise((done) => setTimeout(done, 100));
    socket.destroy();
    await expect.poll(running, { interval: 5 }).toBe(0);
  }
  expect(written).not.toContain('/t/ada/broken-POST');
});
