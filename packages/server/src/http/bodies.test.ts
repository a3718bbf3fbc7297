/** Whoever sends large bodies, or announces them, takes nobody else's room; on a real server. */
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import { join } from 'node:path';
import { digestOf } from '@headgate/documents';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { RealServer, until } from '../testing/real-server.ts';
import { SmallCompany } from '../testing/small-company.ts';

const MIB = 1024 * 1024;

let server: RealServer;
let company: SmallCompany;
const sockets: net.Socket[] = [];

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
}, 60_000);
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(() => server?.remove());

/** A request that announces so many bytes, and sends so many of them for as long as they are taken. */
class Sender {
  answer = '';
  readonly socket: net.Socket;
  constructor(method: string, path: string, token: string, announced: number, sends: number) {
    const socket = net.connect(Number(new URL(server.url).port), '127.0.0.1');
    sockets.push(socket);
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      this.answer += chunk.toString('latin1');
    });
    const type = method === 'PUT' ? 'application/octet-stream' : 'application/json';
    socket.write(
      `${method} ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: ${type}\r\ncontent-length: ${announced}\r\n\r\n`,
    );
    socket.write(Buffer.alloc(sends, ' '));
  }
  get status(): number {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.answer)?.[1] ?? 0);
  }
}

test('an upload that is announced and comes slowly keeps nobody’s out, and ends', async () => {
  const token = (await readFile(join(server.dataDir, 'secrets', 'developer.token'), 'utf8')).trim();
  const slow = new Sender('PUT', `/v1/blobs/sha256:${'a'.repeat(64)}`, token, 64 * MIB, MIB);
  await until('its beginning is taken', async () => slow.socket.bytesWritten > MIB && slow.socket.writableLength === 0);
  const artifact = Buffer.alloc(12 * MIB, 3);
  const manager = await server.client('release-manager');
  const { bytes } = await manager.call('putBlob', { digest: digestOf(artifact), body: artifact });
  expect(bytes).toBe(artifact.length);
  await until('it is ended', async () => slow.status === 408);
}, 40_000);

test('one agent has one body of the largest size on its way, and goes on asking meanwhile', async () => {
  const admin = await server.client('admin');
  const { token } = await admin.call('enrolAgent', { body: { id: 'agt_large', environments: ['staging'] } });
  const path = '/v1/agent/rollouts/x.y/undone';
  const senders = Array.from({ length: 6 }, () => new Sender('POST', path, token, 16 * MIB, 12 * MIB));
  await until('all but one are refused', async () => senders.filter(({ status }) => status > 0).length >= 5);
  const statuses = senders.map(({ status }) => status).sort();
  expect(statuses.slice(1)).toEqual([429, 429, 429, 429, 429]);
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const poll = await fetch(`${server.url}/v1/agent/leases`, { method: 'POST', headers, body: '{}' });
  expect(poll.status).toBe(200);
  expect(await company.agent.call('leaseStep', { body: { waitMs: 0 } })).toEqual({ assignment: null });
}, 40_000);
