/** From where a stream of events goes on: a place that the log doesn't have is never taken in silence. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Problem } from '@headgate/contract';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { placedEntries } from '../testing/placed-entries.ts';
import { RealServer } from '../testing/real-server.ts';
import { SmallCompany } from '../testing/small-company.ts';

let server: RealServer;
let token = '';
beforeAll(async () => {
  server = await RealServer.start();
  await SmallCompany.found(server);
  token = (await readFile(join(server.dataDir, 'secrets', 'auditor.token'), 'utf8')).trim();
}, 60_000);
afterAll(() => server?.remove());

async function ask(query: string, headers: Record<string, string>): Promise<{ status: number; problem?: Problem }> {
  const stop = new AbortController();
  const answer = await fetch(`${server.url}/v1/events${query}`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
    signal: stop.signal,
  });
  if (answer.ok) {
    stop.abort();
    return { status: answer.status };
  }
  return { status: answer.status, problem: (await answer.json()) as Problem };
}

test.each([
  ['Last-Event-ID', '', { 'last-event-id': '5000' }, 'header/last-event-id'],
  ['after', '?after=5000', {}, 'query/after'],
])('a place beyond the log in %s, as after a restore, is refused and says so', async (_, query, headers, where) => {
  const { status, problem } = await ask(query, headers);
  expect({ status, refusal: problem?.refusals[0] }).toMatchObject({
    status: 409,
    refusal: { code: 'beyond-head', where, why: expect.stringContaining('restored from a backup') },
  });
});

test.each(['x', '-1', '1.5', '1234567890123456'])('a Last-Event-ID of %s is refused, not taken for now', async (id) => {
  const { status, problem } = await ask('', { 'last-event-id': id });
  expect({ status, refusal: problem?.refusals[0] }).toMatchObject({
    status: 422,
    refusal: { code: 'malformed', where: 'header/last-event-id' },
  });
});

test('the newest entry, the first one and what is before it are places to go on behind', async () => {
  const newest = (await placedEntries(server)).length - 1;
  for (const [query, headers] of [
    ['', { 'last-event-id': String(newest) }],
    [`?after=${newest}`, {}],
    ['?after=0', {}],
    ['?after=-1', {}],
  ] as const)
    expect((await ask(query, headers)).status).toBe(200);
});
