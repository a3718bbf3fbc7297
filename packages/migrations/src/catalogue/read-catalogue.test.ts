import { expect, it, test } from 'vitest';
import type { Catalogue } from './catalogue.ts';
import { readCatalogue } from './read-catalogue.ts';

const empty: Catalogue = {
  server: 15,
  timeZone: 'UTC',
  searchPath: ['public'],
  relations: [],
  types: [],
  routines: [],
  binaryCasts: [],
};

it('reads what was written', () => {
  expect(readCatalogue(JSON.stringify(empty))).toEqual({ ok: true, catalogue: empty });
});

test.each([
  ['no JSON', '{', 'no JSON'],
  ['another version', JSON.stringify({ ...empty, server: 'new' }), 'server'],
  ['a field that nobody knows', JSON.stringify({ ...empty, more: 1 }), 'more'],
  [
    'a negative size',
    JSON.stringify({ ...empty, relations: [{ schema: 'a', name: 'b', kind: 'table', rows: -1 }] }),
    'relations.0.rows',
  ],
])('%s is refused with its place', (_what, json, place) => {
  const read = readCatalogue(json);
  expect(read.ok).toBe(false);
  if (!read.ok) expect(read.why).toContain(place);
});
