import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http, { type IncomingHttpHeaders } from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { freePorts } from '../../machine/free-port.ts';
import { InFlight } from './in-flight.ts';
import { buildProxy } from './proxy.ts';
import { RoutingTable } from './routing-table.ts';

/** RFC 6455, section 1.3. */
const accept = (key: string): string =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

/** A slot: agrees to WebSockets below /socket (after a while below /socket-late), and says back what it gets. */
class Slot {
  readonly name: string;
  readonly seen: IncomingHttpHeaders[] = [];
  readonly open = new Set<net.Socket>();
  readonly server = http.createServer((request, response) => response.end(`${this.name} ${request.url}`));
  constructor(name: string) {
    this.name = name;
    this.server.on('upgrade', (request, socket: net.Socket, head) => {
      this.seen.push(request.headers);
      socket.on('error', () => {});
      if (!request.url?.includes('/socket')) {
        socket.end('HTTP/1.1 418 No\r\ncontent-length: 6\r\nx-why: tea\r\n\r\nteapot');
        return;
      }
      const agree = (): void => {
        const key = accept(String(request.headers['sec-websocket-key']));
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${key}\r\n\r\n${this.name}:`,
        );
        if (head.length > 0) socket.write(head);
        socket.pipe(socket);
      };
      this.open.add(socket);
      socket.once('close', () => this.open.delete(socket));
      if (request.url.includes('-late')) setTimeout(agree, 150);
      else agree();
    });
  }
}

class Client {
  readonly socket: net.Socket;
  text = '';
  private constructor(port: number) {
    this.socket = net.connect(port, '127.0.0.1');
    this.socket
      .on('error', () => {})
      .on('data', (bytes: Buffer) => {
        this.text += bytes.toString();
      });
  }
  static ask(port: number, path: string, more = '', upgrade = 'websocket', first = ''): Client {
    const client = new Client(port);
    client.socket.write(`${HANDSHAKE(path, more, upgrade)}${first}`);
    clients.push(client);
    return client;
  }
  says(text: string): Promise<void> {
    return expect.poll(() => this.text, { interval: 5, timeout: 5_000 }).toContain(text);
  }
  closed(): Promise<void> {
    return expect.poll(() => this.socket.closed, { interval: 5, timeout: 5_000 }).toBe(true);
  }
}
const clients: Client[] = [];
const HANDSHAKE = (path: string, more = '', upgrade = 'websocket'): string =>
  `GET ${path} HTTP/1.1\r\nhost: Shop.example\r\nconnection: Upgrade\r\nupgrade: ${upgrade}\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`;

let dir: string;
let port: number;
let proxy: FastifyInstance;
let table: RoutingTable;
const inFlight = new InFlight();
const [blue, green, aside] = [new Slot('blue'), new Slot('green'), new Slot('aside')];
let n = 0;
const change = (routes: Record<string, string>, held: Record<string, boolean | 'writes' | 'pause'> = {}) =>
  table.change({
    fence: { epoch: 1, n: ++n },
    routes: Object.fromEntries(Object.entries(routes).map(([tenant, slot]) => [tenant, { [slot]: 100 }])),
    held,
  });
const CHECK = 'x-headgate-check: pass\r\n';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-websockets-'));
  const ports = (await freePorts(6)) as [number, number, number, number, number, number];
  port = ports[0];
  for (const [slot, at] of [
    [blue, ports[1]],
    [green, ports[2]],
    [aside, ports[3]],
  ] as const)
    await new Promise<void>((done) => slot.server.listen(at, '127.0.0.1', done));
  table = await RoutingTable.open(join(dir, 'routes.json'), ['blue', 'green', 'own', 'dead']);
  proxy = await buildProxy(
    {
      upstreams: { blue: ports[1], green: ports[2], own: ports[1], dead: ports[4] },
      websockets: {
        path: '/t/ada/socket-apart',
        ports: { blue: ports[1], green: ports[2], own: ports[3], dead: ports[4] },
      },
      maxBodyBytes: 4_096,
      retryMs: 300,
      answerMs: 1_000,
      retryAfterS: 17,
      checkPass: 'pass',
      readingCalls: [],
      tenantBy: 'path',
      tenantHeader: { name: 'x-database', values: { ada: 'db_ada' }, withBearerOnly: false },
      callGuard: ({ target }) =>
        target.includes('?db=') ? { title: 'Not yours', detail: 'Another database.' } : undefined,
    },
    table,
    inFlight,
  );
  await proxy.listen({ host: '127.0.0.1', port });
});
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  await expect.poll(() => blue.open.size + green.open.size + aside.open.size, { interval: 5 }).toBe(0);
  const running = () => Object.values(inFlight.read()).flatMap((tenants) => Object.keys(tenants));
  await expect.poll(running, { interval: 5, timeout: 6_000 }).toEqual([]);
});
afterAll(async () => {
  await proxy?.close();
  for (const { server } of [blue, green, aside]) {
    server.closeAllConnections();
    server.close();
  }
  await rm(dir, { recursive: true, force: true });
});

describe('a WebSocket', () => {
  test('is joined to its tenant’s slot, what was sent with the handshake and before the answer included', async () => {
    await change({ ada: 'blue' });
    const client = Client.ask(
      port,
      '/t/ada/socket',
      'x-forwarded-for: 9.9.9.9\r\nx-database: other\r\n',
      'websocket',
      'early',
    );
    await client.says(`sec-websocket-accept: ${accept('dGhlIHNhbXBsZSBub25jZQ==')}`);
    await client.says('blue:early');
    client.socket.write(' and later');
    await client.says('early and later');
    expect(blue.seen.at(-1)).toMatchObject({
      host: 'Shop.example',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'shop.example',
      'x-database': 'db_ada',
    });
    // Who waits for a slot to be through with its requests doesn't wait for hours.
    expect(inFlight.read().blue ?? {}).toEqual({});
    client.socket.end();
    await client.closed();
  });

  test('goes to where the slot takes WebSockets, where that is another port than its pages', async () => {
    await change({ ada: 'own' });
    await Client.ask(port, '/t/ada/socket-apart').says('aside:');
    await Client.ask(port, '/t/ada/socket').says('blue:');
    expect(await (await fetch(`http://127.0.0.1:${port}/t/ada/page`)).text()).toBe('blue /t/ada/page');
  });

  test('is closed when its tenant leads elsewhere, its neighbours’ are not, and the next one goes there', async () => {
    await change({ ada: 'blue', bob: 'blue' });
    const [ada, bob] = [Client.ask(port, '/t/ada/socket'), Client.ask(port, '/t/bob/socket')];
    await Promise.all([ada.says('blue:'), bob.says('blue:')]);
    await change({ ada: 'green' });
    await ada.closed();
    await Client.ask(port, '/t/ada/socket').says('green:');
    bob.socket.write('still here');
    await bob.says('still here');
  });

  test.each([[true], ['writes'], ['pause']] as const)(
    'is closed when its tenant is held (%s), and is refused until it is open again; our own checks come through',
    async (hold) => {
      await change({ ada: 'blue' });
      const client = Client.ask(port, '/t/ada/socket');
      const check = Client.ask(port, '/t/ada/socket', CHECK);
      await Promise.all([client.says('blue:'), check.says('blue:')]);
      await change({}, { ada: hold });
      await client.closed();
      check.socket.write('checked');
      await check.says('checked');
      expect(blue.seen.at(-1)).not.toHaveProperty('x-headgate-check');
      const refused = Client.ask(port, '/t/ada/socket');
      await refused.closed();
      expect(refused.text).toMatch(/^HTTP\/1\.1 503 Under maintenance\r\n.*retry-after: 17\r\n.*in 17 seconds/s);
      await change({}, { ada: false });
      await Client.ask(port, '/t/ada/socket').says('blue:');
    },
  );

  test('is never joined when its tenant is held while the slot thinks about it', async () => {
    await change({ ada: 'blue' });
    const client = Client.ask(port, '/t/ada/socket-late');
    await expect.poll(() => inFlight.read().blue?.ada, { interval: 5 }).toBe(1);
    await change({}, { ada: true });
    await client.closed();
    expect(client.text).toBe('');
    await change({}, { ada: false });
  });

  test('that is cut while its slot is asked counts until the slot has answered', async () => {
    await change({ ada: 'blue' });
    const client = Client.ask(port, '/t/ada/socket-late');
    await expect.poll(() => inFlight.read().blue?.ada, { interval: 5 }).toBe(1);
    await change({}, { ada: true });
    expect(inFlight.read().blue?.ada).toBe(1);
    await client.closed();
    await expect.poll(() => inFlight.read().blue?.ada, { interval: 5, timeout: 5_000 }).toBe(undefined);
    await change({}, { ada: false });
  });

  test('that is cut counts until its slot has closed its side', async () => {
    await change({ ada: 'blue' });
    const client = Client.ask(port, '/t/ada/socket');
    await client.says('blue:');
    await change({}, { ada: true });
    expect(inFlight.read().blue?.ada).toBe(1);
    await client.closed();
    await expect.poll(() => inFlight.read().blue?.ada, { interval: 5, timeout: 8_000 }).toBe(undefined);
    await change({}, { ada: false });
  });

  test('that was refused isn’t kept by a client that never closes', async () => {
    await change({ ada: 'blue' });
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {}).resume();
    socket.write(HANDSHAKE('/t/ada/other'));
    await once(socket, 'end');
    await expect.poll(() => inFlight.read().blue?.ada, { interval: 5 }).toBe(undefined);
    // The router has let go of the connection: whoever writes on it hears so.
    const writes = () => !socket.destroyed && socket.write('x') && false;
    await expect.poll(() => writes() || socket.destroyed, { interval: 50, timeout: 9_000 }).toBe(true);
  });

  test.each([
    'trailer: a',
    'te: trailers',
    'transfer-encoding: chunked',
    'content-length: 40',
    'connection: x, sec-websocket-key',
    'keep-alive: 5',
    'expect: 100-continue',
    'proxy-connection: x',
  ])('with the header "%s" is one like others', async (header) => {
    await change({ ada: 'blue' });
    await Client.ask(port, '/t/ada/socket', `${header}\r\n`).says('blue:');
    const { te, trailer, 'content-length': length, 'transfer-encoding': pieces, connection } = blue.seen.at(-1) ?? {};
    expect({ te, trailer, length, pieces, connection }).toEqual({ connection: 'Upgrade' });
  });

  test('that the application doesn’t want gets the application’s own answer', async () => {
    await change({ ada: 'blue' });
    const client = Client.ask(port, '/t/ada/other');
    await client.closed();
    expect(client.text).toMatch(/^HTTP\/1\.1 418 No\r\n.*x-why: tea\r\n.*connection: close\r\n\r\nteapot$/s);
  });

  test('to a slot that is down is told when to come again', async () => {
    await change({ ada: 'dead' });
    const client = Client.ask(port, '/t/ada/socket');
    await client.closed();
    expect(client.text).toMatch(/^HTTP\/1\.1 503 Unavailable\r\n.*retry-after: 17\r\n.*Slot dead takes no WebSockets/s);
  });

  test.each([
    ['/t/eve/socket', 404, 'No such tenant'],
    ['/t/ada/../bob/socket', 400, 'Bad request'],
    ['/t/ada/socket?db=bob', 403, 'Another database'],
    ['/other', 404, 'No such tenant'],
  ])('at %s is refused with a problem', async (path, status, words) => {
    const client = Client.ask(port, path);
    await client.closed();
    expect(client.text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} .*application/problem\\+json.*${words}`, 's'));
  });
});

test('whoever would upgrade to something else is served as if they hadn’t said so', async () => {
  await change({ ada: 'blue' });
  await Client.ask(port, '/t/ada/page', 'http2-settings: AAMAAABk\r\n', 'h2c').says('blue /t/ada/page');
});

test('a router that stops ends its WebSockets', async () => {
  await change({ ada: 'green' });
  const client = Client.ask(port, '/t/ada/socket');
  await client.says('green:');
  const gone = once(client.socket, 'close');
  await proxy.close();
  await gone;
});
