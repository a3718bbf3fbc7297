/** Connections without a request on them: how many stay, whose, and that none outlives its answer. On sockets of this machine. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import { RealServer, until } from '../testing/real-server.ts';
import { networkOf, trustedProxies } from './client-address.ts';
import { boundConnections, connectionBounds } from './connections.ts';
import { answerNoRequest } from './no-request.ts';

const HALF = 'GET /v1/cells HTTP/1.1\r\nhost: x\r\nx-a: y';
const WHOLE = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';
const file = (name: string) => readFileSync(new URL(`../testing/tls/${name}`, import.meta.url));

/** A caller that never hangs up by itself. */
class Caller {
  heard = '';
  closed = false;
  readonly socket: net.Socket;
  constructor(port: number, text: string, secure = false) {
    const raw = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.socket = secure ? tls.connect({ socket: raw, rejectUnauthorized: false }) : raw;
    raw.on('error', () => {});
    this.socket.on('error', () => {});
    for (const over of ['end', 'close'])
      raw.on(over, () => {
        this.closed = true;
      });
    this.socket.on('data', (chunk) => {
      this.heard += chunk;
    });
    this.socket.write(text);
    callers.push(this);
  }
}
const callers: Caller[] = [];
afterEach(() => {
  for (const { socket } of callers.splice(0)) socket.destroy();
});
const closed = (some: readonly Caller[]) => some.flatMap((each, i) => (each.closed ? [i] : []));

describe('a server with room for three of one network without a request, and ten in all', () => {
  let app: FastifyInstance;
  let port: number;
  async function start({ proxies = [] as string[], secure = false, headersTimeout = 60_000 } = {}) {
    const times = { headersTimeout, connectionsCheckingInterval: 20 };
    app = Fastify({
      clientErrorHandler: (error, socket) => answerNoRequest(error, socket),
      ...(secure ? { https: { key: file('server.key'), cert: file('server.pem'), ...times } } : { http: times }),
    }) as unknown as FastifyInstance;
    app.get('/', async () => 'answered');
    boundConnections(app, trustedProxies(proxies), { most: 10, waitingOfOne: 3 });
    await app.listen({ port: 0, host: '127.0.0.1' });
    ({ port } = app.server.address() as AddressInfo);
  }
  afterEach(async () => {
    app.server.closeAllConnections();
    await app.close();
  });
  const connected = async (count: number) =>
    until(`${count} are connected`, async () => {
      const now = await new Promise((resolve) => app.server.getConnections((_, n) => resolve(n)));
      return now === count;
    });
  async function open(count: number, text: string, secure = false): Promise<Caller[]> {
    const all: Caller[] = [];
    for (let i = 0; i < count; i++) {
      all.push(new Caller(port, text, secure));
      await until('it was taken', async () => (all[i]?.socket.bytesWritten ?? 0) > 0);
    }
    return all;
  }

  it.each([false, true])(
    'closes those that have waited longest, and answers who sends a request; with TLS: %s',
    async (secure) => {
      await start({ secure });
      const answered = await open(2, WHOLE, secure);
      await until('they are answered', async () => answered.every(({ heard }) => heard.includes('answered')));
      const half = await open(5, secure ? WHOLE.slice(0, 10) : HALF, secure);
      await until('two are closed', async () => closed(half).length === 2);
      expect(closed(half)).toEqual([0, 1]);
      const [late] = await open(1, WHOLE, secure);
      await until('it is answered', async () => late?.heard.includes('answered') === true);
      expect(closed(answered)).toEqual([]);
    },
  );

  it('lets a trusted proxy have more, and nobody more than all may', async () => {
    await start({ proxies: ['127.0.0.1'] });
    const half = await open(14, HALF);
    await until('four are closed', async () => closed(half).length === 4);
    expect(closed(half)).toEqual([10, 11, 12, 13]);
  });

  it('ends what is no request, or comes too slowly, also with a caller that keeps its half open', async () => {
    await start({ headersTimeout: 50 });
    const [slow] = await open(1, HALF);
    const [wrong] = await open(1, 'nonsense\r\n\r\n');
    await until('they are answered', async () => /408/.test(slow?.heard ?? '') && /400/.test(wrong?.heard ?? ''));
    await connected(0);
  });
});

test.each([
  ['198.51.100.1', '198.51.100.1'],
  ['::ffff:198.51.100.1', '198.51.100.1'],
  ['2001:db8:1:2:ffff::1', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:0db8:0000:0002:3:4:5:6', '2001:db8:0:2::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b::198.51.100.1', '64:ff9b:0:0::/64'],
])('%s belongs to %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test('there are no more connections than descriptors, less those that the server itself needs', () => {
  expect(connectionBounds(1_024).most).toBe(768);
  expect(connectionBounds(Number.POSITIVE_INFINITY).most).toBe(4_096);
  expect(connectionBounds(100).most).toBeGreaterThan(0);
});

describe('a real server', () => {
  let server: RealServer;
  let port: number;
  beforeAll(async () => {
    server = await RealServer.start();
    port = Number(new URL(server.url).port);
  });
  afterAll(() => server?.remove());
  const ready = async () => (await fetch(`${server.url}/readyz`)).ok;
  const descriptors = () => readdirSync(`/proc/${server.pid}/fd`).length;

  it('goes on with every descriptor in use, and is whole when there are some again', async () => {
    const limit = (files: number) => execFileSync('prlimit', ['--pid', `${server.pid}`, `--nofile=${files}:`]);
    const usual = Number(/^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${server.pid}/limits`, 'utf8'))?.[1]);
    limit(descriptors() + 20);
    for (let i = 0; i < 60; i++) new Caller(port, HALF);
    await until('it could not look', async () => server.errors.includes('EMFILE'));
    for (const { socket } of callers.splice(0)) socket.destroy();
    limit(usual);
    await until('it is ready', ready);
  });

  it('keeps 128 half heads of one address, and answers it', async () => {
    const before = descriptors();
    const half = Array.from({ length: 300 }, () => new Caller(port, HALF));
    await until('the others are closed', async () => closed(half).length >= 172);
    expect(await ready()).toBe(true);
    expect(descriptors() - before).toBeLessThan(150);
  });
});
