import { expect, test } from 'vitest';
import { otherLines, otherParts, type PartDigests, type ProposedOther, STORE_PARTS } from './beside-rows.ts';

const digests = (mark: string): PartDigests =>
  Object.fromEntries(STORE_PARTS.map((part) => [part, `sha256:${mark.repeat(64)}`])) as PartDigests;

test('each part that isn’t as it was promised is named; a promise from before says nothing of them', () => {
  expect(otherParts(digests('a'), digests('a'))).toEqual([]);
  for (const part of STORE_PARTS)
    expect(otherParts({ ...digests('a'), [part]: digests('b')[part] }, digests('a'))).toHaveLength(1);
  expect(otherParts(undefined, digests('a'))).toHaveLength(STORE_PARTS.length);
  expect(otherParts(digests('a'), undefined)).toEqual([]);
});

test('what differs is told by what becomes of it, and so much of it that it can be read', () => {
  const part = 'definitions';
  const others: ProposedOther[] = [
    { part: 'roles', what: 'role b', saysNow: 'superuser' },
    { part, what: 'index i', saysThen: '' },
    { part, what: 'routine f()', saysNow: '', saysThen: '' },
    { part: 'sequences', what: 'sequence s', saysNow: 'next 2', saysThen: 'next 1' },
  ];
  expect(otherLines(others, 4)).toEqual([
    'Beside rows, 4 things go back as well (roles, sequences, definitions of objects):',
    '  role b, superuser: goes away',
    '  index i: comes back',
    '  routine f(): is otherwise then',
    '  sequence s: next 2 → next 1',
  ]);
  expect(otherLines([], 0)).toEqual(['Nothing beside rows differs.']);
  const many = Array.from({ length: 2_000 }, (_, i): ProposedOther => ({ part, what: `index i${i}`, saysNow: '' }));
  const told = otherLines(many, 3_000);
  expect(told).toHaveLength(52);
  expect(told.at(-1)).toBe('  and 2,950 more (1,950 of them in the file)');
});
