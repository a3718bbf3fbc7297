import { expect, test } from 'vitest';
import { Away } from '../control-plane/control-plane.ts';
import { silent } from '../testing/bench-agent.ts';
import { eventually } from '../testing/poll.ts';
import { leaseLoop } from './lease-loop.ts';

/** What a loop tells of the server as it goes on asking, when each round breaks by this. */
async function toldOf(error: Error): Promise<readonly string[]> {
  const told: string[] = [];
  const ends = new AbortController();
  let rounds = 0;
  const contact = {
    before: async () => {
      rounds++;
      throw error;
    },
    found: () => told.push('found'),
    lost: () => told.push('lost'),
  };
  const loop = leaseLoop({ lease: () => Promise.reject(error) }, () => {}, silent, ends.signal, contact);
  await eventually(() => rounds > 1);
  ends.abort();
  await loop;
  return [...new Set(told)];
}

test('a fault of the agent’s own, such as a full disk, says nothing of the server: it is no silence', async () => {
  expect(await toldOf(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }))).toEqual([]);
});

test('a server that doesn’t answer is lost', async () => {
  expect(await toldOf(new Away('no answer', undefined))).toEqual(['lost']);
});
