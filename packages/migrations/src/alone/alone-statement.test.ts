import { beforeAll, describe, expect, test } from 'vitest';
import { saysNoTransaction } from '../parse/directives.ts';
import { loadParser } from '../parse/parser.ts';
import { readAlone } from './alone-statement.ts';

beforeAll(loadParser);

describe('what a file says of itself', () => {
  test.each([
    ['-- headgate:no-transaction\nvacuum t', true],
    ['\n\n  -- why\n/* and\nmore */\n--headgate:no-transaction  \r\nvacuum t', true],
    ['vacuum t', false],
    ['select 1; -- headgate:no-transaction', false],
    ['select 1;\n-- headgate:no-transaction\nvacuum t', false],
    ["select '\n-- headgate:no-transaction\n'", false],
    ['-- not headgate:no-transaction\nvacuum t', false],
    ['/*\n-- headgate:no-transaction\n*/ vacuum t', false],
    ['-- x\u2028-- headgate:no-transaction\nvacuum t', false],
  ])('%j: %s', (text, says) => expect(saysNoTransaction(text)).toBe(says));
});

describe('what may run outside of a transaction', () => {
  test.each([
    [
      'create index concurrently i on t(a)',
      { kind: 'create-index', index: 'i', table: { name: 't' }, ifNotExists: false },
    ],
    [
      'create unique index concurrently if not exists "I x" on s.t(lower(a)) where a > 1;',
      { kind: 'create-index', index: 'I x', table: { schema: 's', name: 't' }, ifNotExists: true },
    ],
    [
      '-- a comment\ndrop index concurrently if exists s.i;',
      { kind: 'drop-index', index: { schema: 's', name: 'i' }, ifExists: true },
    ],
    ['reindex index concurrently i', { kind: 'reindex', of: 'index', name: { name: 'i' } }],
    ['reindex (concurrently) table s.t', { kind: 'reindex', of: 'table', name: { schema: 's', name: 't' } }],
    ['vacuum (analyze) t', { kind: 'vacuum' }],
  ])('%s', (sql, expected) => {
    expect(readAlone(sql)).toMatchObject({ ok: true, statement: expected });
  });

  test.each([
    ['', 'no statement'],
    ['vacuum full t', 'keeps everybody out'],
    ['vacuum (full, analyze) t', 'keeps everybody out'],
    ['create index concurrently', 'doesn’t parse'],
    ['create index concurrently i on t(a); analyze t', 'more than one statement'],
    ['create index concurrently on t(a)', 'no name'],
    ['create index i on t(a)', 'isn’t one of'],
    ['drop index concurrently a, b', 'more than one index'],
    ['drop table t', 'isn’t one of'],
    ['reindex table t', 'isn’t one of'],
    ['analyze t', 'isn’t one of'],
    ['reset role', 'isn’t one of'],
    ['create database d', 'isn’t one of'],
  ])('not %j: %s', (sql, why) => {
    expect(readAlone(sql)).toMatchObject({ ok: false, why: expect.stringContaining(why) });
  });
});
