import { expect, test } from 'vitest';
import { streams } from '../records.ts';
import { KINDS } from './audit-rows.ts';
import { FOLDS } from './folds.ts';

test('no kind of stream is left out of the audit, and it comes in the order of names', () => {
  const named = Object.values(streams).map((stream) =>
    typeof stream === 'string' ? stream : (stream as (...parts: string[]) => string)('a', 'b'),
  );
  for (const stream of named) expect(KINDS).toContain(stream.split('/', 1)[0]);
  expect([...KINDS].sort()).toEqual(KINDS);
});

test('no fold is written for a kind that the audit never comes to', () => {
  for (const kind of Object.keys(FOLDS)) expect(KINDS).toContain(kind);
});
