import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { measureLists, QUESTIONS } from './lists.ts';

const THREE = { least: 3, most: 3, within: 1 };

const open: Server[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => new Promise((closed) => server.close(closed))));
});

/** A server that answers after so long. */
async function answering(ms: (path: string) => number, status = 200) {
  const server = createServer((request, response) => {
    setTimeout(() => response.writeHead(status).end('{}'), ms(request.url ?? ''));
  });
  open.push(server);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: 'x' };
}

test('a question that grows with the fleet turns its growth bad, and no other', { timeout: 60_000 }, async () => {
  const large = await answering((path) => (path.startsWith('/v1/principals') ? 60 : 0));
  const small = await answering((path) => (path.startsWith('/v1/principals') ? 5 : 0));
  const figures = await measureLists(large, small, { samples: 10, forMs: 0, rounds: THREE });
  expect(figures).toHaveLength(QUESTIONS.length * 2 - QUESTIONS.filter(({ whole }) => whole).length);
  expect(figures.find(({ name }) => name === 'list-principals-growth')).toMatchObject({ ok: false });
  expect(figures.find(({ name }) => name === 'list-principals')).toMatchObject({ ok: true });
});

test('an answer that is an error was not measured, which is never ok', { timeout: 60_000 }, async () => {
  const broken = await answering(() => 0, 503);
  const figures = await measureLists(broken, broken, { samples: 5, forMs: 0, rounds: THREE });
  expect(figures.every(({ ok, value }) => !ok && value === null)).toBe(true);
});
