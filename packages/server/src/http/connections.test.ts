/** Connections without a request on them, or without a token: how many stay, whose, and that none outlives its answer. On sockets of this machine. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
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
const SLOW = 'GET /slow HTTP/1.1\r\nhost: x\r\n\r\n';
const ADMITTED = SLOW.replace('host', 'authorization: Bearer x\r\nhost');
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
    for (const end of [raw, this.socket])
      for (const over of ['end', 'close'])
        end.on(over, () => {
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

describe('a server with room for three of one network without a request, three idle ones, six without a token, and ten in all', () => {
  let app: FastifyInstance;
  let port: number;
  let slow: Promise<void>;
  let go: () => void;
  async function start({ proxies = [] as string[], secure = false, headersTimeout = 60_000 } = {}) {
    const times = { headersTimeout, connectionsCheckingInterval: 20 };
    app = Fastify({
      clientErrorHandler: (error, socket) => answerNoRequest(error, socket),
      ...(secure ? { https: { key: file('server.key'), cert: file('server.pem'), ...times } } : { http: times }),
    }) as unknown as FastifyInstance;
    app.get('/', async () => 'answered');
    slow = new Promise((resolve) => {
      go = resolve;
    });
    const bounds = { most: 10, waitingOfOne: 3, idleOfOne: 3, strangeOfOne: 6 };
    const admitted = boundConnections(app, trustedProxies(proxies), bounds);
    app.get('/slow', async (request, reply) => {
      if (request.headers.authorization !== undefined) admitted(request.raw);
      await slow;
      return reply.send('at last');
    });
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

  it.each([false, true])('closes those that were answered and have been idle longest; with TLS: %s', async (secure) => {
    await start({ secure });
    const idle = await open(1, WHOLE, secure);
    const answered = async (times: number, ...all: (Caller | undefined)[]) =>
      until('it is answered', async () => all.every((each) => each?.heard.split('answered').length === times + 1));
    await answered(1, ...idle);
    for (let i = 1; i < 3; i++) {
      idle.push(...(await open(1, WHOLE, secure)));
      await answered(1, idle[i]);
    }
    // Who asks again isn't the longest idle any more.
    idle[0]?.socket.write(WHOLE);
    await answered(2, idle[0]);
    const [late] = await open(1, WHOLE, secure);
    await answered(1, late);
    await until('one is closed', async () => closed(idle).length === 1);
    expect(closed(idle)).toEqual([1]);
    await connected(3);
  });

  it('keeps what is being answered, of those without a token no more than six', async () => {
    await start();
    const known = await open(3, ADMITTED);
    const strange = await open(6, SLOW);
    await connected(9);
    const [late] = await open(1, WHOLE);
    await until('it is answered', async () => late?.heard.includes('answered') === true);
    await until('one is closed', async () => closed(strange).length === 1);
    expect(closed(strange)).toEqual([0]);
    go();
    const rest = [...known, ...strange.slice(1)];
    await until('they are answered', async () => rest.every(({ heard }) => heard.includes('at last')));
    await connected(3);
  });

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
  expect(connectionBounds(1_024)).toEqual({ most: 768, waitingOfOne: 128, idleOfOne: 128, strangeOfOne: 192 });
  expect(connectionBounds(Number.POSITIVE_INFINITY)).toEqual({
    most: 4_096,
    waitingOfOne: 128,
    idleOfOne: 128,
    strangeOfOne: 1_024,
  });
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
  // By a connection of its own each time: one that is kept from before is among those that the server may close.
  const ready = () =>
    new Promise<boolean>((answered, failed) => {
      const asked = get(`${server.url}/readyz`, { agent: false }, (answer) => {
        answer.resume();
        answered(answer.statusCode === 200);
      });
      asked.on('error', failed);
    });
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

  it('keeps 128 connections that stay open behind their answers of one address, and answers it', async () => {
    const before = descriptors();
    const probes = Array.from({ length: 300 }, () => new Caller(port, WHOLE.replace('/ ', '/healthz ')));
    await until('the others are closed', async () => closed(probes).length >= 172);
    expect(await ready()).toBe(true);
    expect(descriptors() - before).toBeLessThan(150);
    expect(probes.findLast(({ heard }) => heard.includes('200 OK'))?.heard).toMatch(/keep-alive: timeout=20/i);
    for (const { socket } of callers.splice(0)) socket.destroy();
    await until('they are gone', async () => descriptors() - before < 20);
  });

  it('keeps 128 half heads of one address, and answers it', async () => {
    const before = descriptors();
    const half = Array.from({ length: 300 }, () => new Caller(port, HALF));
    await until('the others are closed', async () => closed(half).length >= 172);
    expect(await ready()).toBe(true);
    expect(descriptors() - before).toBeLessThan(150);
  });
});
