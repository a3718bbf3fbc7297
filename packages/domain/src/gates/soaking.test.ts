import { digestOf } from '@headgate/testkit/domain/builders';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evolveSoaked, type SoakEvent, type Soaked, soakedMs, soaksIn } from './soaking.ts';

const promoted = (promotedAt: number): SoakEvent => ({
  type: 'release.promoted',
  data: { environment: 'staging', promotedAt, promotion: 'prm_1' },
});
const ended = (until: number): SoakEvent => ({
  type: 'release.soak-ended',
  data: { environment: 'staging', until, because: 'another took its place', promotion: 'prm_2' },
});
const resumed = (promotedAt: number): SoakEvent => ({
  type: 'release.soak-resumed',
  data: { environment: 'staging', promotedAt, promotion: 'prm_2' },
});
const after = (...events: SoakEvent[]): readonly Soaked[] => events.reduce(evolveSoaked, []);

test('counts each moment once in which everybody was on the release, whatever happened in between', () => {
  const moment = fc.oneof(fc.constant(promoted), fc.constant(ended), fc.constant(resumed));
  fc.assert(
    fc.property(fc.array(fc.tuple(moment, fc.nat(20))), fc.nat(20), (moments, rest) => {
      let at = 0;
      let there = false;
      let sum = 0;
      const events = moments.map(([make, later]) => {
        if (there) sum += later;
        at += later;
        there = make !== ended;
        return make(at);
      });
      if (there) sum += rest;
      const soaked = after(...events);
      expect(soakedMs(soaked, 'staging', at + rest)).toBe(sum);
      expect(soaksIn(soaked, 'staging')).toBe(there);
    }),
  );
});

test('an end that is told for a time before the beginning leaves nothing, and one in the future counts up to now', () => {
  expect(soakedMs(after(promoted(100), ended(50)), 'staging', 200)).toBe(0);
  expect(soakedMs([{ environment: 'staging', promotedAt: 0, until: 900 }], 'staging', 200)).toBe(200);
});

test('what an older server wrote has no end, and other entries of a release change nothing', () => {
  const old: Soaked[] = [{ environment: 'staging', promotedAt: 0 }];
  expect([soakedMs(old, 'staging', 70), soakedMs(old, 'dev', 70)]).toEqual([70, 0]);
  const other = { type: 'release.evidence-attached', data: { evidence: digestOf('it') } } as never;
  expect(evolveSoaked(old, other)).toBe(old);
  expect(evolveSoaked(old, ended(30))).toEqual([
    { environment: 'staging', promotedAt: 0, until: 30, ended: 'another took its place' },
  ]);
});
