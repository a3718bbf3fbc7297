/** Facts for gates over the store in memory. */
import type { Digest } from '@headgate/domain';
import { expect, test } from 'vitest';
import { GateFactsGatherer } from './facts.ts';
import { MemoryLog, MemoryStore } from './memory/index.ts';
import { streams } from './records.ts';

const OURS = `sha256:${'a'.repeat(64)}` as Digest;
const ANOTHER = `sha256:${'b'.repeat(64)}` as Digest;

function world() {
  const clock = () => 0;
  const store = new MemoryStore({ clock, log: new MemoryLog(clock) });
  const gatherer = new GateFactsGatherer(store);
  const subject = { application: 'psa', environment: 'production', release: { digest: OURS, version: '1' } };
  const gates = async () => (await gatherer.gather(subject as never, 0)).gates;
  const put = async (stream: string, state: object) => {
    const expected = (await store.load([stream])).get(stream)?.version ?? 0;
    const done = await store.commit({
      by: 'sys',
      writes: [{ stream, expected, entries: [{ type: 'test.put', data: {} }], state, dueAt: null }],
    });
    expect(done).toEqual({ ok: true });
  };
  return { gates, put };
}

test('an alarm of hypercare where the release soaks is a fact, from the first look on and until the watch is sound', async () => {
  const { gates, put } = world();
  const watch = { environment: 'staging', release: OURS, phase: 'alarmed', why: 'cell live was not seen' };
  await put(streams.hypercare('staging'), watch);
  expect((await gates()).alarms).toBeUndefined();
  await put(streams.release(OURS), { soaked: [{ environment: 'staging', promotedAt: 0 }], evidence: [] });
  const alarms = [{ environment: 'staging', why: 'cell live was not seen' }];
  expect((await gates()).alarms).toEqual(alarms);
  expect((await gates()).alarms).toEqual(alarms);
  await put(streams.hypercare('staging'), { ...watch, phase: 'watching' });
  expect((await gates()).alarms).toBeUndefined();
});

test('a watch over another release says nothing of this one', async () => {
  const { gates, put } = world();
  await put(streams.release(OURS), { soaked: [{ environment: 'staging', promotedAt: 0 }], evidence: [] });
  const watch = { environment: 'staging', release: ANOTHER, phase: 'alarmed', why: 'cell live was not seen' };
  await put(streams.hypercare('staging'), watch);
  expect((await gates()).alarms).toBeUndefined();
});
