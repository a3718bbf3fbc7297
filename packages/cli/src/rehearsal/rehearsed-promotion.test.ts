import type { LogEvent } from '@headgate/contract';
import { expect, test } from 'vitest';
import { RehearsedPromotion } from './rehearsed-promotion.ts';

let place = 0;
const event = (stream: string, type: string, data: Record<string, unknown> = {}): LogEvent => ({
  ...{ v: 1, stream, version: 1, type, at: 1, by: 'sys', data },
});
const own = (type: string) => event('promotion/prm_1', `promotion.${type}`);
const step = (cell: string, type: 'leased' | 'step-done', id: string) =>
  event(`rollout/prm_1.${cell}`, `rollout.${type}`, { step: id });

function promotion(...events: readonly LogEvent[]): RehearsedPromotion {
  const last = new Map([
    ['a', { step: 'w2.soak', soak: true }],
    ['b', { step: 'w2.soak', soak: true }],
    ['c', { step: 'w1.verify', soak: false }],
  ]);
  const rehearsed = new RehearsedPromotion('prm_1', { last, soakMs: 9_000 });
  for (const each of events) rehearsed.see(place++, each);
  return rehearsed;
}

const ALL = [step('a', 'leased', 'w2.soak'), step('b', 'leased', 'w2.soak'), step('c', 'step-done', 'w1.verify')];

test('its turn is when every cell is at its last soak, or done where that comes earlier', () => {
  expect(promotion(own('wave-opened'), ...ALL).isAtItsTurn).toBe(true);
  for (const [i] of ALL.entries())
    expect(promotion(own('wave-opened'), ...ALL.filter((_, other) => other !== i)).isAtItsTurn).toBe(false);
  expect(promotion(own('wave-opened'), ALL[0]!, ALL[1]!, step('c', 'leased', 'w1.verify')).isAtItsTurn).toBe(false);
});

test.each([
  ['while it waits or is paused', 'paused', 'waits'],
  ['once it goes back', 'rollback-decided', 'back'],
  ['when it asks about the rest', 'held', 'held'],
  ['at its end', 'ended', 'ended'],
])('it is never its turn %s', (_, type, stands) => {
  const rehearsed = promotion(own('wave-opened'), ...ALL, own(type));
  expect([rehearsed.isAtItsTurn, rehearsed.stands, rehearsed.begun]).toEqual([false, stands, true]);
});

test('what is about something else, or was told already, is not taken up', () => {
  const rehearsed = promotion(own('requested'));
  const known = rehearsed.entries.length;
  for (const stream of ['promotion/prm_10', 'rollout/prm_10.a', 'cell/a'])
    expect(rehearsed.see(place++, event(stream, 'rollout.leased'))).toBe(false);
  expect(rehearsed.see(0, own('ended'))).toBe(false);
  expect([rehearsed.entries.length, rehearsed.stands, rehearsed.begun]).toEqual([known, 'waits', false]);
});
