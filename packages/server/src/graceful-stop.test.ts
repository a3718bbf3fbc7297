/** A server that is told to stop in the middle of everything: who waits is answered, who is slow is cut, nothing is half done. */
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createClient, ProblemError, ServerUnreachable } from '@headgate/contract';
import { digestOf } from '@headgate/documents';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RealServer, until } from './testing/real-server.ts';
import { SmallCompany } from './testing/small-company.ts';

/** How long the server isn't ready before it stops answering. */
const DRAIN_MS = 600;
/** Grace for requests, and for what decides by itself; and some air for a busy machine. */
const MOST_MS = DRAIN_MS + 5_000 + 5_000 + 3_000;

let server: RealServer;
let company: SmallCompany;
const sockets: Socket[] = [];

beforeAll(async () => {
  server = await RealServer.start({ args: ['--drain-ms', String(DRAIN_MS)] });
  company = await SmallCompany.found(server);
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await server?.remove();
});

/** Somebody who sends the beginning of a large body, and then nothing for ever. */
async function stalledUpload(): Promise<Socket> {
  const { port } = new URL(server.url);
  const token = await tokenOf('developer');
  const socket = connect({ port: Number(port), host: '127.0.0.1' });
  sockets.push(socket);
  socket.on('error', () => {});
  const lines = [
    `PUT /v1/blobs/${digestOf('never')} HTTP/1.1`,
    'host: x',
    `authorization: Bearer ${token}`,
    'content-type: application/octet-stream',
    'content-length: 1000000',
  ];
  await new Promise<void>((done) => socket.write(`${lines.join('\r\n')}\r\n\r\nthe beginning`, () => done()));
  return socket;
}

it('answers or cuts everybody within its grace, is first not ready, keeps what it acknowledged, and exits with 0', async () => {
  const release = await company.release('2.0.0');
  const developer = await server.client('developer');
  const admin = await server.client('admin');
  const auditor = await server.client('auditor');
  // Its rollout stands on offer, and a tick of it is always due.
  const { id } = await developer.call('requestPromotion', { body: { release, environment: 'staging' } });
  await company.carryOut(async () => (await developer.call('showPromotion', { promotion: id })).phase === 'ended');

  const polls = [1, 2, 3].map(() => company.agent.call('leaseStep', { body: { waitMs: 15_000 } }));
  let streamed = 0;
  const stream = (async () => {
    for await (const _ of await auditor.watch()) streamed += 1;
  })();
  const stalled = await stalledUpload();
  const cut = new Promise<void>((done) => stalled.once('close', () => done()));
  stalled.resume();

  // People who create users as fast as they can, until nobody answers: what is acknowledged must be there afterwards.
  const acknowledged: string[] = [];
  const unknown: string[] = [];
  let stop = false;
  const working = [0, 1, 2, 3].map(async (who) => {
    for (let n = 0; !stop; n++) {
      const name = `usr_w${who}-${n}`;
      try {
        await admin.call('createPrincipal', { body: { id: name, roles: ['auditor'] } });
        acknowledged.push(name);
      } catch (error) {
        if (!(error instanceof ServerUnreachable) && !(error instanceof ProblemError && error.status >= 429))
          throw error;
        unknown.push(name);
        if (error instanceof ServerUnreachable) return;
      }
    }
  });
  await until('people work and the stream tells of it', async () => acknowledged.length > 20 && streamed > 5);

  const from = performance.now();
  const ended = server.stop();
  const readiness = async () => {
    const answer = await fetch(`${server.url}/readyz`);
    return { status: answer.status, ...((await answer.json()) as { parts: { part: string; why: string }[] }) };
  };
  await until('it says that it is stopping', async () => {
    const { status, parts } = await readiness();
    return status === 503 && parts.find(({ part }) => part === 'server')?.why === 'it is stopping';
  });
  const before = acknowledged.length;
  await until('it still answers', async () => acknowledged.length > before);

  expect(await ended).toBe(0);
  expect(performance.now() - from).toBeLessThan(MOST_MS);
  stop = true;
  await Promise.all(working);
  for (const answer of await Promise.all(polls)) expect(answer.assignment).toBeNull();
  await stream;
  await cut;
  expect(server.errors).not.toContain('did not stop in order');

  await server.start();
  const again = createClient({ baseUrl: server.url, token: await tokenOf('admin') });
  const there = new Set<string>();
  for (let cursor: string | undefined; ; ) {
    const page = await again.call('listPrincipals', { limit: 200, ...(cursor !== undefined && { cursor }) });
    for (const principal of page.items) there.add(principal.id);
    if (page.next === null) break;
    cursor = page.next;
  }
  expect(acknowledged.filter((name) => !there.has(name))).toEqual([]);
  // Cut in the middle, each either happened as a whole or not at all: what is there has its entry, and its row fits it.
  const folded = await (await server.client('auditor')).call('auditLog', { limit: 500 });
  expect(folded.differences).toEqual([]);
  expect(unknown.length).toBeLessThanOrEqual(working.length + 50);
}, 90_000);

async function tokenOf(role: string): Promise<string> {
  return (await readFile(join(server.dataDir, 'secrets', `${role}.token`), 'utf8')).trim();
}
