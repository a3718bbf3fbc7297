import { beforeAll, expect, test } from 'vitest';
import { analyse } from '../analyse.ts';
import type { Catalogue, Relation } from '../catalogue/catalogue.ts';
import { loadParser, parse } from '../parse/parser.ts';

beforeAll(loadParser);

const big = (name: string): Relation => ({
  ...{ schema: 'public', name, kind: 'table', rows: 200e6, bytes: 20e9, indexBytes: 1e9 },
  ...{ constraints: [], indexes: [], triggers: [], parents: [] },
  columns: ['a', 'b', 'c'].map((each) => ({ name: each, type: 'text', nullable: true })),
});
const catalogue: Catalogue = {
  ...{ server: 15, timeZone: 'UTC', searchPath: ['public'], types: [], routines: [], binaryCasts: [] },
  relations: [big('one'), big('two')],
};
const ways = (text: string) =>
  analyse([{ name: 'a.sql', text }], { catalogue }).findings.map(
    ({ rule, message, safeWays }) => [rule, message, safeWays.map(({ words }) => words).join(' | ')] as const,
  );

test('a finding’s safe way is its own, not that of what stands beside it in the statement', () => {
  const found = ways('alter table one drop column a, alter column b set not null');
  const of = (rule: string) => found.filter(([each]) => each === rule).map(([, , words]) => words);
  expect(of('destroys-data')).toEqual([expect.stringMatching(/^Release code that doesn’t use the column first/)]);
  expect(of('scan-under-lock')).toEqual([expect.stringMatching(/^Say it first as a CHECK/)]);
  const breaks = found.filter(([rule]) => rule === 'breaks-running-code');
  expect(breaks.map(([, message, words]) => [message.includes('names a'), words.split(' ')[0]])).toEqual([
    [true, 'Release'],
    [false, 'Require'],
  ]);
  expect(of('no-lock-timeout')).toEqual([expect.stringMatching(/^End the waiting by yourself/)]);
});

test('of two tables that one statement drops, each finding has the way of its own', () => {
  for (const [rule, , words] of ways(`set lock_timeout = '2s'; drop table one; create index i on two(a)`)) {
    if (rule === 'index-build-under-lock') expect(words).toMatch(/^CONCURRENTLY/);
    if (rule === 'lock-held-during-work') expect(words).toMatch(/^Put it into a file of its own/);
    if (rule === 'destroys-data') expect(words).toMatch(/^Release code/);
  }
});

test('the safe way of an index without a name has the one that Headgate asks for, and parses as it stands', () => {
  const [finding] = analyse([{ name: 'a.sql', text: 'create index\n  on one (a);' }], {
    catalogue,
    lockTimeout: true,
  }).findings;
  expect(finding?.safeWays[0]?.sql).toEqual([
    '-- headgate:no-transaction',
    'create index CONCURRENTLY one_a_idx on one (a);',
  ]);
  expect(parse(finding?.safeWays[0]?.sql.join('\n') ?? '').ok).toBe(true);
});
