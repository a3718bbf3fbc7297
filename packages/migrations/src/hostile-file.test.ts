import { beforeAll, describe, expect, test, vi } from 'vitest';
import { analyse } from './analyse.ts';
import type { Catalogue } from './catalogue/catalogue.ts';
import { Journal } from './catalogue/journal.ts';
import { NewValues } from './catalogue/new-values.ts';
import { NextNumbers } from './catalogue/next-numbers.ts';
import { MOST_PUBLICATIONS } from './catalogue/publications.ts';
import { WorkingSchema } from './catalogue/working-schema.ts';
import { loadParser } from './parse/parser.ts';
import { MOST_COLUMNS, MOST_OF_TABLE } from './statements/names/taken-name.ts';

beforeAll(loadParser);

const catalogue: Catalogue = {
  ...{ server: 15, timeZone: 'UTC', searchPath: ['public'], types: [], routines: [], binaryCasts: [] },
  publications: [],
  relations: [],
};

/** Reads a file, and counts the names that it looks at to find one that is free. */
function read(text: string) {
  const choose = vi.spyOn(NextNumbers.prototype, 'choose');
  try {
    const { findings } = analyse([{ name: 'a.sql', text }], { catalogue, lockTimeout: true });
    const all = new Set(choose.mock.contexts as NextNumbers[]);
    return {
      findings,
      probes: [...all].reduce((sum, { probes }) => sum + probes, 0),
      chosen: choose.mock.calls.length,
    };
  } finally {
    choose.mockRestore();
  }
}

const MADE = 'create table doc(a int);';
const parts = (count: number, part: string): string => Array(count).fill(part).join(', ');

describe('twice the statements look at twice the names, not at four times as many', () => {
  test.each<[string, (count: number) => string]>([
    ['indexes without a name', (count) => MADE + 'create index on doc(a);'.repeat(count)],
    [
      'CHECKs without a name in one ALTER TABLE',
      (count) => `${MADE} alter table doc ${parts(count, 'add check (a > 0)')}`,
    ],
    [
      'CHECKs without a name in one CREATE TABLE',
      (count) => `create table doc(a int, ${parts(count, 'check (a > 0)')})`,
    ],
    ['keys without a name', (count) => MADE + 'alter table doc add unique (a);'.repeat(count)],
    [
      'the first dropped and made again, over and over',
      (count) =>
        `${MADE}${'create index on doc(a);'.repeat(count)}${'drop index doc_a_idx; create index on doc(a);'.repeat(count)}`,
    ],
  ])('%s', (_what, of) => {
    const [one, two] = [read(of(200)), read(of(400))];
    expect(one.probes).toBeGreaterThanOrEqual(200);
    expect(two.probes).toBeLessThanOrEqual(2 * one.probes + 10);
  });
});

test('the names are PostgreSQL’s all the same: the first that is free, also where one was given back', () => {
  const made = `${MADE}${'create index on doc(a);'.repeat(4)}drop index doc_a_idx2; drop index doc_a_idx1;`;
  const next = 'create index on doc(a);';
  const takes = (before: string, name: string) =>
    read(`${before} create index ${name} on doc(a);`).findings.some(({ rule }) => rule === 'fails');
  expect(takes(made, 'doc_a_idx1')).toBe(false);
  expect(takes(made + next, 'doc_a_idx1')).toBe(true);
  expect(takes(made + next, 'doc_a_idx2')).toBe(false);
  expect(takes(made + next.repeat(2), 'doc_a_idx2')).toBe(true);
  expect(takes(made + next.repeat(2), 'doc_a_idx4')).toBe(false);
  expect(takes(made + next.repeat(3), 'doc_a_idx4')).toBe(true);
});

test.each([
  ['indexes', (count: number) => MADE + 'create index on doc(a);'.repeat(count)],
  ['parts of an ALTER TABLE', (count: number) => `${MADE} alter table doc ${parts(count, 'add check (a > 0)')}`],
  ['parts of a CREATE TABLE', (count: number) => `create table doc(a int, ${parts(count, 'check (a > 0)')})`],
])('more %s than are followed of one table are not known, and cost no name', (_what, of) => {
  expect(read(of(MOST_OF_TABLE)).findings).toEqual([]);
  const { findings, chosen } = read(of(MOST_OF_TABLE + 50));
  expect(findings).toContainEqual(expect.objectContaining({ rule: 'not-known', level: 'error' }));
  expect(chosen).toBe(MOST_OF_TABLE);
});

test.each([
  ['ALTER TABLE', (count: number) => `${MADE} alter table doc ${columns(count, 'add ')}`],
  ['CREATE TABLE', (count: number) => `create table doc(${columns(count + 1, '')})`],
])('columns beyond PostgreSQL’s own bound are not known: %s', (_what, of) => {
  expect(read(of(MOST_COLUMNS - 1)).findings).toEqual([]);
  expect(read(of(MOST_COLUMNS)).findings).toEqual([expect.objectContaining({ rule: 'not-known', level: 'error' })]);
});

describe('functions that call functions are read once, however often they are called', () => {
  const chain = (deep: number, last: string) =>
    `${Array.from(
      { length: deep },
      (_, i) =>
        `create function f${i}() returns int language sql as 'select ${Array(12)
          .fill(`f${i + 1}()`)
          .join('+')}';`,
    ).join('')}
     create function f${deep}() returns int ${last}; select f0();`;

  test('twice as deep, twice the calls are looked at', () => {
    const calls = (deep: number): number => {
      const looked = vi.spyOn(WorkingSchema.prototype, 'routines');
      try {
        expect(read(chain(deep, `language sql as 'select 1'`)).findings).toEqual([]);
        return looked.mock.calls.length;
      } finally {
        looked.mockRestore();
      }
    };
    expect(calls(8)).toBeLessThanOrEqual(2 * calls(4));
  });

  test('and what they do is told all the same', () => {
    const made = 'create table doc(a int);';
    const { findings } = read(made + chain(4, `language sql as 'delete from other returning 1'`));
    expect(findings).toContainEqual(expect.objectContaining({ rule: 'not-known' }));
  });

  test('one that changes the schema each time is given up', () => {
    const body = (calls: string) =>
      `language plpgsql as $$ begin create type x as enum ('a'); ${calls} return 1; end $$`;
    const functions = Array.from(
      { length: 7 },
      (_, i) => `create function g${i}() returns int ${body(`perform g${i + 1}();`.repeat(12))};`,
    );
    const { findings } = read(`${functions.join('')} create function g7() returns int ${body('')}; select g0();`);
    expect(findings.map(({ message }) => message)).toContainEqual(expect.stringContaining('isn’t looked at any more'));
  });
});

test('savepoints are noted one by one: a journal of 200,000 doesn’t copy its list for each', () => {
  const journal = new Journal();
  const undone: number[] = [];
  for (let i = 0; i < 200_000; i += 1) {
    journal.savepoint(`s${i}`);
    journal.note('x', () => undone.push(i));
  }
  journal.release('s199999');
  journal.rollBack('s199998');
  expect(undone).toEqual([199_999, 199_998]);
  journal.rollBack();
  expect(undone.length).toBe(200_000);
});

test('so many publications, and looks at all tables for them, are given up', () => {
  const made = Array.from({ length: MOST_PUBLICATIONS }, (_, i) => `create publication p${i};`).join('');
  expect(read(made).findings).toEqual([]);
  expect(read(`${made}create publication one_more;`).findings).toContainEqual(
    expect.objectContaining({ rule: 'not-known', level: 'error' }),
  );
  const looked = vi.spyOn(WorkingSchema.prototype, 'all');
  try {
    const { findings } = read(`create publication p;${`alter publication p set (publish = 'insert');`.repeat(500)}`);
    expect(looked.mock.calls.length).toBeLessThanOrEqual(100);
    expect(findings).toContainEqual(expect.objectContaining({ rule: 'not-known', level: 'error' }));
  } finally {
    looked.mockRestore();
  }
});

test('new values of many enums are found by the value: each text is looked up once', () => {
  const uses = (count: number): number => {
    const looked = vi.spyOn(NewValues.prototype, 'typesOf');
    try {
      read(Array.from({ length: count }, (_, i) => `alter type e${i} add value 'v${i}'; select 'w${i}';`).join(''));
      return looked.mock.calls.length;
    } finally {
      looked.mockRestore();
    }
  };
  expect(uses(400)).toBeLessThanOrEqual(2 * uses(200));
});

function columns(count: number, before: string): string {
  return Array.from({ length: count }, (_, i) => `${before}c${i} int`).join(', ');
}

test('more operators of one name than are looked at are not known, and neither are so many implicit casts', () => {
  const made = Array.from(
    { length: 1_001 },
    () => 'create operator + (leftarg = int, rightarg = int, function = int4pl);',
  );
  const casts = Array.from({ length: 1_001 }, () => 'create cast (text as int) with function abs(int) as implicit;');
  for (const text of [`${made.join('\n')} select 1 + 1;`, `${casts.join('\n')} select 1 + 1;`]) {
    const { findings } = analyse([{ name: 'm.sql', text }]);
    expect(findings.filter(({ rule }) => rule === 'not-known').map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^what (the operator \+|an implicit cast) does isn’t known$/),
    );
  }
});
