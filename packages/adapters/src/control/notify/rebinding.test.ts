/** A resolver that answers otherwise the second time must not lead a message elsewhere: only the first answer counts. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test, vi } from 'vitest';
import { Allowed } from './guard.ts';
import { post } from './post.ts';

const asked: string[] = [];

// A name that no resolver knows: a connection that asked again would find nothing.
vi.mock('node:dns', () => ({
  lookup: (host: string, _options: object, answer: (error: null, addresses: object[]) => void) => {
    asked.push(host);
    answer(
      null,
      host === 'mixed.invalid'
        ? [
            { address: '127.0.0.1', family: 4 },
            { address: '10.0.0.1', family: 4 },
          ]
        : [{ address: '127.0.0.1', family: 4 }],
    );
  },
}));

test('a name is resolved once, and the connection goes to the address that was judged', async () => {
  const hosts: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    hosts.push(request.headers.host);
    response.writeHead(204).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const send = (host: string, ...allow: string[]) => {
    const posting = { url: `http://${host}:${port}/`, headers: {}, body: '{}', shown: host, at: 0 };
    return post(posting, new Allowed(allow), new AbortController().signal);
  };
  expect(await send('rebound.invalid', `rebound.invalid:${port}`)).toEqual({ kind: 'delivered' });
  expect([hosts, asked]).toEqual([[`rebound.invalid:${port}`], ['rebound.invalid']]);
  await new Promise((done) => server.close(done));
});

test('of several addresses one that isn’t allowed is enough to refuse', async () => {
  const posting = { url: 'https://mixed.invalid/', headers: {}, body: '{}', shown: 'mixed', at: 0 };
  const allowed = new Allowed(['127.0.0.0/8']);
  await expect(post(posting, allowed, new AbortController().signal)).rejects.toThrow(/public internet/);
});
