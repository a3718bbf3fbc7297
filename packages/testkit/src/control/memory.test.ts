import { MemoryBlobs, MemoryLog, MemoryStore } from '@headgate/control/memory/index';
import { expect, test } from 'vitest';
import { describeControlStore } from './store-suite.ts';
import { writeOf } from './world.ts';

describeControlStore('memory', async () => {
  let now = 1_700_000_000_000;
  const clock = () => now;
  const log = new MemoryLog(clock);
  const store = new MemoryStore({ clock, log });
  return {
    store,
    second: store,
    log,
    secondLog: log,
    blobs: new MemoryBlobs(),
    advance: async (ms) => {
      now += ms;
    },
    close: async () => {},
  };
});

test('memory: whoever moves the clock is told when the next row is due', () => {
  let now = 10;
  const store = new MemoryStore({ clock: () => now });
  expect(store.nextDueAt()).toBeUndefined();
  const put = (stream: string, dueAt: number | null) =>
    store.commitNow({ by: 'u', writes: [writeOf(stream, 0, { dueAt })] });
  put('a/1', 50);
  put('a/2', 30);
  put('a/3', null);
  expect(store.nextDueAt()).toBe(30);
  now = 30;
  expect(store.claimNow(10, 100).rows.map((row) => row.stream)).toEqual(['a/2']);
  expect(store.nextDueAt()).toBe(50);
  now = 130;
  expect(store.claimNow(10, 100).rows.map((row) => row.stream)).toEqual(['a/1', 'a/2']);
});

test('memory: commits that changed something are told, in their order', () => {
  const told: string[] = [];
  const store = new MemoryStore({
    clock: () => 1,
    onCommit: (commit) => told.push(commit.writes.map((write) => write.stream).join()),
  });
  store.commitNow({ by: 'u', writes: [writeOf('a/1', 0), writeOf('a/2', 0)] });
  store.commitNow({ by: 'u', writes: [writeOf('a/1', 0)] });
  store.commitNow({ by: 'u', writes: [writeOf('a/1', 1)] });
  expect(told).toEqual(['a/1,a/2', 'a/1']);
});
