/** What was begun with a token doesn't outlive it: bodies on their way, long polls, downloads; on a real server. */
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import { join } from 'node:path';
import { createClient } from '@headgate/contract';
import { digestOf } from '@headgate/documents';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { placedEntries } from '../testing/placed-entries.ts';
import { RealServer, until } from '../testing/real-server.ts';
import { refused, SmallCompany } from '../testing/small-company.ts';
import { asSuperuser } from '../testing/superuser.ts';

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

/** A request on a socket of its own: what of it was sent, and what was answered. */
class Sent {
  answer = '';
  bytes = 0;
  closed = false;
  readonly socket: net.Socket;
  constructor(method: string, path: string, token: string, rest: string) {
    this.socket = net.connect(Number(new URL(server.url).port), '127.0.0.1');
    sockets.push(this.socket);
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
    });
    this.socket.on('data', (chunk) => {
      this.bytes += chunk.length;
      if (this.answer.length < 10_000) this.answer += chunk.toString('latin1');
    });
    this.socket.write(`${method} ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n${rest}`);
  }
  get status(): number {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.answer)?.[1] ?? 0);
  }
}

/** Everything of a JSON request but the end of its body, which `finish` sends. */
function held(path: string, token: string, body: object) {
  const text = JSON.stringify(body);
  const sent = new Sent(
    'POST',
    path,
    token,
    `content-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text.slice(0, 1)}`,
  );
  const finish = async () => {
    sent.socket.write(text.slice(1));
    await until('it is answered', async () => sent.status > 0);
    return sent.status;
  };
  return { sent, finish };
}

/** Whoever holds the token has come in: it is answered, and what was sent before it on other sockets was read by then. */
const admitted = async (token: string) =>
  expect((await fetch(`${server.url}/v1/whoami`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);

describe('a token that ends while a body is on its way', () => {
  it('makes no principal and no other’s token, revoked or rotated', async () => {
    const admin = await server.client('admin');
    for (const how of ['revokePrincipal', 'rotateToken'] as const) {
      const id = `usr_stolen_${how === 'rotateToken' ? 'rotated' : 'revoked'}`;
      const { token } = await admin.call('createPrincipal', { body: { id, roles: ['admin'] } });
      const makes = held('/v1/principals', token, { id: `${id}_backdoor`, roles: ['admin'] });
      const takes = held('/v1/principals/usr_approver/token', token, {});
      await admitted(token);
      await admin.call(how, { id });
      expect(await makes.finish()).toBe(401);
      expect(await takes.finish()).toBe(401);
      const { items } = await admin.call('listPrincipals', { prefix: id });
      expect(items.map((item) => item.id)).toEqual([id]);
    }
    expect((await (await server.client('approver')).call('whoami')).id).toBe('usr_approver');
  });
});

describe('a body of JSON', () => {
  it('that is held open ends, as one of octets does', async () => {
    const token = (await readFile(join(server.dataDir, 'secrets', 'admin.token'), 'utf8')).trim();
    const { sent } = held('/v1/principals', token, { id: 'usr_late', roles: ['auditor'] });
    await until('it is ended', async () => sent.closed, 20_000);
    expect(sent.status).toBe(408);
    expect(sent.answer).toContain('too-slow');
  }, 30_000);
});

describe('an agent that is revoked while it waits for a step', () => {
  it('gets 401, and the step is another’s', async () => {
    const admin = await server.client('admin');
    const { token } = await admin.call('enrolAgent', { body: { id: 'agt_stolen', environments: ['staging'] } });
    const waiting = refused(
      createClient({ baseUrl: server.url, token }).call('leaseStep', { body: { waitMs: 15_000 } }),
    );
    await until('it waits', async () => {
      const heard = 'select from headgate.agent_contact where agent = $1';
      return (await asSuperuser(server, (db) => db.query(heard, ['agt_stolen']))).rowCount === 1;
    });
    await admin.call('revokePrincipal', { id: 'agt_stolen' });
    const release = await company.release('1.1.0');
    await (await server.client('developer')).call('requestPromotion', { body: { release, environment: 'staging' } });
    expect((await waiting).status).toBe(401);
    const { assignment } = await company.agent.call('leaseStep', { body: { waitMs: 15_000 } });
    expect(assignment?.environment).toBe('staging');
    const leases = (await placedEntries(server)).filter(({ type }) => type === 'rollout.leased');
    expect(leases.map(({ by }) => by)).not.toContain('agt_stolen');
  });
});

describe('a download', () => {
  it('that is under way ends with its token', async () => {
    const bytes = Buffer.alloc(24 * 1024 * 1024, 7);
    await (await server.client('developer')).call('putBlob', { digest: digestOf(bytes), body: bytes });
    const admin = await server.client('admin');
    const { token } = await admin.call('createPrincipal', { body: { id: 'usr_reader', roles: ['auditor'] } });
    const sent = new Sent('GET', `/v1/blobs/${digestOf(bytes)}`, token, '\r\n');
    await until('it has begun', async () => sent.bytes > 0);
    sent.socket.pause();
    await admin.call('revokePrincipal', { id: 'usr_reader' });
    sent.socket.resume();
    await until('it is over', async () => sent.closed || sent.bytes > bytes.length);
    expect(sent.status).toBe(200);
    expect(sent.bytes).toBeLessThan(bytes.length);
  });
});
