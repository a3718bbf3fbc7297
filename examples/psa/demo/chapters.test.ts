import type { Promotion } from '@headgate/contract';
import type { Digest } from '@headgate/domain';
import { expect, test } from 'vitest';
import { type Chapter, keyOf, otherwise, standing } from './chapters.ts';

const RELEASE = `sha256:${'1'.repeat(64)}` as Digest;
const OTHER = `sha256:${'2'.repeat(64)}` as Digest;
const GOOD: Chapter = { version: '1.1.0', environment: 'staging', expected: 'promoted' };
const BAD: Chapter = { ...GOOD, expected: 'rolled-back' };

const promotion = (id: string, more: object): Promotion =>
  ({ id, environment: 'staging', release: { digest: RELEASE, version: '1.1.0' }, ...more }) as Promotion;
const ended = (id: string, result: string) => promotion(id, { phase: 'ended', result });
const open = (id: string) => promotion(id, { phase: 'advancing' });

test.each<[string, Chapter, readonly Promotion[], object]>([
  ['nothing happened', GOOD, [], { kind: 'ask', attempt: 1 }],
  ['it ended as the story has it', GOOD, [ended('a', 'promoted')], { kind: 'told', promotion: { id: 'a' } }],
  ['it is under way', GOOD, [open('a')], { kind: 'open', promotion: { id: 'a' } }],
  ['it was rolled back by hand', GOOD, [ended('a', 'rolled-back')], { kind: 'ask', attempt: 2, last: { id: 'a' } }],
  [
    'it was rejected, and asked for again',
    GOOD,
    [ended('a', 'rejected'), open('b')],
    { kind: 'open', promotion: { id: 'b' } },
  ],
  [
    'it was told in the end',
    GOOD,
    [ended('a', 'expired'), ended('b', 'promoted')],
    { kind: 'told', promotion: { id: 'b' } },
  ],
  [
    'it is told by going back',
    BAD,
    [ended('a', 'rejected'), ended('b', 'rolled-back')],
    { kind: 'told', promotion: { id: 'b' } },
  ],
  [
    'another release went there',
    GOOD,
    [{ ...ended('a', 'promoted'), release: { digest: OTHER, version: '9' } }],
    { kind: 'ask', attempt: 1 },
  ],
  [
    'some tenants alone went there',
    GOOD,
    [{ ...ended('a', 'promoted'), only: { asked: OTHER, count: 1 } }],
    { kind: 'ask', attempt: 1 },
  ],
  [
    'it went to another environment',
    GOOD,
    [{ ...ended('a', 'promoted'), environment: 'production' }],
    { kind: 'ask', attempt: 1 },
  ],
])('%s', (_, chapter, promotions, expected) => {
  expect(standing(chapter, RELEASE, promotions)).toMatchObject(expected);
});

test('each attempt has a key of its own, and the same one asks again under it', () => {
  const keys = [1, 2, 3].map((attempt) => keyOf(RELEASE, GOOD, attempt));
  expect(new Set(keys).size).toBe(3);
  expect(keyOf(RELEASE, GOOD, 2)).toBe(keys[1]);
});

test('another end is told with who said why', () => {
  expect(otherwise(GOOD, { ...ended('a', 'rejected'), because: 'usr_approver: not today' } as Promotion)).toBe(
    '1.1.0 → staging ended rejected (usr_approver: not today); in the story it is promoted here',
  );
});
