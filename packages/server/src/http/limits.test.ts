/** Who has few rights can't stop production: on a real server, what one principal has under way at once, and by which address. */
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import { join } from 'node:path';
import { digestOf } from '@headgate/documents';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RealServer, until } from '../testing/real-server.ts';
import { SmallCompany } from '../testing/small-company.ts';

const BLOB = Buffer.alloc(8 * 1024 * 1024, 7);

let server: RealServer;
let company: SmallCompany;
const sockets: net.Socket[] = [];

beforeAll(async () => {
  server = await RealServer.start({ args: ['--trusted-proxy', '127.0.0.1'] });
  company = await SmallCompany.found(server);
  await (await server.client('developer')).call('putBlob', { digest: digestOf(BLOB), body: BLOB });
}, 60_000);
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(() => server?.remove());

const tokenOf = async (role: string) =>
  (await readFile(join(server.dataDir, 'secrets', `${role}.token`), 'utf8')).trim();

/** Sends the head of a request, reads the head of its answer, and nothing of what comes behind. */
class Caller {
  status = 0;
  head = '';
  constructor(method: string, path: string, token: string, headers = '', body = '') {
    const socket = net.connect(Number(new URL(server.url).port), '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      this.head += chunk.toString('latin1');
      this.status = Number(/^HTTP\/1\.1 (\d+)/.exec(this.head)?.[1] ?? 0);
      if (this.head.includes('\r\n\r\n')) socket.pause();
    });
    socket.write(`${method} ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n${headers}\r\n${body}`);
  }
}
const many = (count: number, make: () => Caller) => Array.from({ length: count }, make);
const statuses = (callers: readonly Caller[]) => callers.map(({ status }) => status).sort();

describe('one principal', () => {
  it('has two downloads under way, read or not; more are told when to come again, and others are answered', async () => {
    const token = await tokenOf('auditor');
    const callers = many(6, () => new Caller('GET', `/v1/blobs/${digestOf(BLOB)}`, token));
    await until('all are answered', async () => callers.every(({ status }) => status > 0));
    expect(statuses(callers)).toEqual([200, 200, 429, 429, 429, 429]);
    const refused = callers.find(({ status }) => status === 429);
    expect(refused?.head).toMatch(/retry-after: 1\r\n/i);
    expect(Buffer.compare(await company.agent.call('getBlob', { digest: digestOf(BLOB) }), BLOB)).toBe(0);
    for (const socket of sockets.splice(0)) socket.destroy();
    const auditor = await server.client('auditor');
    await until('it may download again', async () => {
      const bytes = await auditor.call('getBlob', { digest: digestOf(BLOB) });
      return bytes.length === BLOB.length;
    });
  });

  it('has sixteen watchers, and others have theirs', async () => {
    const token = await tokenOf('auditor');
    const callers = many(100, () => new Caller('GET', '/v1/events', token));
    const operator = new Caller('GET', '/v1/events', await tokenOf('operator'));
    await until('all are answered', async () => [...callers, operator].every(({ status }) => status > 0));
    expect(statuses(callers)).toEqual([...Array(16).fill(200), ...Array(84).fill(429)]);
    expect(operator.status).toBe(200);
  });

  it('has two uploads, however slow, and an agent’s report goes up meanwhile', async () => {
    const token = await tokenOf('developer');
    const slow = () =>
      new Caller(
        'PUT',
        `/v1/blobs/sha256:${'a'.repeat(64)}`,
        token,
        'content-type: application/octet-stream\r\ncontent-length: 30000000\r\n',
        'x',
      );
    const callers = many(4, slow);
    await until('two are refused', async () => callers.filter(({ status }) => status > 0).length === 2);
    expect(statuses(callers)).toEqual([0, 0, 429, 429]);
    const body = Buffer.from('a report');
    expect(await company.agent.call('putBlob', { digest: digestOf(body), body })).toMatchObject({ bytes: 8 });
    const other = await server.client('release-manager');
    expect((await other.call('whoami')).roles).toEqual(['release-manager']);
    // Neither of them came within its pace.
    await until('they are ended', async () => callers.every(({ status }) => status > 0), 40_000);
    expect(statuses(callers)).toEqual([408, 408, 429, 429]);
  }, 60_000);
});

describe('a body', () => {
  it('with more keys than any schema takes is refused where they become too many', async () => {
    const body = `{"bundle":{${Array.from({ length: 290_000 }, (_, i) => `"k${i}":1`).join(',')}}}`;
    const headers = { authorization: `Bearer ${await tokenOf('developer')}`, 'content-type': 'application/json' };
    const answer = await fetch(`${server.url}/v1/evidence`, { method: 'POST', headers, body });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      refusals: [{ where: 'body/bundle/k20000', why: 'this mapping has more than 20000 keys' }],
    });
  });
});

describe('behind a trusted proxy', () => {
  it('a stranger uses up its own address alone, and no probe or agent pays for it', async () => {
    const ask = async (from: string, token = 'usr_admin.guess') =>
      (
        await fetch(`${server.url}/v1/cells`, {
          headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': `203.0.113.1, ${from}` },
        })
      ).status;
    const answers: number[] = [];
    while (!answers.includes(429) && answers.length < 5_000)
      answers.push(...(await Promise.all(Array.from({ length: 50 }, () => ask('198.51.100.1')))));
    expect(answers).toContain(429);
    expect(await ask('198.51.100.2')).toBe(401);
    expect(await ask('198.51.100.1', await tokenOf('auditor'))).toBe(200);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  });
});
