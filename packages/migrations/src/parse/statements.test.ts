import fc from 'fast-check';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { directivesOf } from './directives.ts';
import { loadParser, parse } from './parser.ts';
import { statementsOf } from './statements.ts';

beforeAll(loadParser);

const told = (text: string) =>
  statementsOf(text).map(({ text: sql, error }) => (error === undefined ? sql : `${sql} !! ${error.why}`));

describe('one bad statement hides none of the others', () => {
  test.each<[string, string, readonly string[]]>([
    [
      'between two good ones',
      'select 1; selec 2; select 3;',
      ['select 1', 'selec 2 !! syntax error at or near "selec"', 'select 3'],
    ],
    [
      'a missing semicolon',
      'create table a(b int)\ndrop table c;\nselect 1',
      ['create table a(b int) !! a semicolon is missing between two statements', 'drop table c', 'select 1'],
    ],
    [
      'an error, and no semicolon behind it',
      'alter tabel a\ndrop table c;',
      ['alter tabel a !! syntax error at or near "tabel"', 'drop table c'],
    ],
    [
      'a quote that is not closed',
      `select 'x;\ndrop table c;\nselect 1`,
      [`select 'x; !! a quote, a comment or a dollar quote that is not closed`, 'drop table c', 'select 1'],
    ],
    [
      'a comment that is not closed',
      'select 1; /* never\ndrop table c;',
      ['select 1', '/* never !! a quote, a comment or a dollar quote that is not closed', 'drop table c'],
    ],
    [
      'a command of psql',
      '\\connect other\ndrop table c;',
      ['\\connect other !! a command of psql, not SQL', 'drop table c'],
    ],
    [
      'rows that psql sends along',
      `copy t from stdin;\n1\tit's\n\\.\ndrop table c; x`,
      ['copy t from stdin', 'drop table c', 'x !! syntax error at or near "x"'],
    ],
    [
      'semicolons that end nothing',
      `x; select ';', $a$;$a$, E'\\';', ";" /* ; /* ; */ ; */ -- ;\n; create function f() returns int begin atomic select case when true then 1 end; end; select 2`,
      [
        'x !! syntax error at or near "x"',
        `select ';', $a$;$a$, E'\\';', ";" /* ; /* ; */ ; */ -- ;`,
        'create function f() returns int begin atomic select case when true then 1 end; end',
        'select 2',
      ],
    ],
    [
      'a NUL',
      'select 1; select \0 2; drop table c',
      ['select 1', 'select \0 2 !! a NUL character, which no SQL text can hold', 'drop table c'],
    ],
  ])('%s', (_what, text, expected) => {
    expect(told(text)).toEqual(expected);
  });
});

it('places are lines, columns and bytes, whatever the characters', () => {
  const text = '-- größe\nselect 1;\n  select \'ß\', "€"; selec 2';
  const [first, second, third] = statementsOf(text);
  expect(first).toMatchObject({ at: { line: 2, column: 1, offset: 11 }, end: { line: 2, column: 9, offset: 19 } });
  expect(second).toMatchObject({ at: { line: 3, column: 3 }, text: `select 'ß', "€"` });
  expect(Buffer.from(text).subarray(second?.at.offset, second?.end.offset).toString()).toBe(`select 'ß', "€"`);
  expect(third?.error?.at).toMatchObject({ line: 3, column: 20 });
});

it('what the parser takes as a whole, the splitter cuts at the same places', () => {
  const piece = fc.constantFrom(
    'select 1',
    `select ';'`,
    'select $$;$$',
    '/* ; */ select 2',
    'select (1)',
    `select E'\\''`,
    '-- ;\nselect 3',
    'select "a;b" from "t"',
  );
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), (pieces) => {
      const text = pieces.join(';\n');
      const whole = parse(text);
      // The last statement makes the parser refuse the text, so that the splitter has to find the others.
      const split = statementsOf(`${text};\nselec`);
      expect(whole.ok && whole.statements.length).toBe(split.length - 1);
      expect(split.slice(0, -1).every(({ error }) => error === undefined)).toBe(true);
    }),
  );
});

it('never throws, and its places lie in the text', () => {
  const piece = fc.constantFrom(
    ';',
    "'",
    '"',
    '$$',
    '$a$',
    '/*',
    '*/',
    '--',
    '\n',
    '(',
    ')',
    'select 1',
    'create table a(b int)',
    '\\x',
    'begin atomic',
    'end',
    'ß',
    '\0',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
      const text = pieces.join(' ');
      for (const { at, end } of statementsOf(text)) {
        expect(at.offset).toBeGreaterThanOrEqual(0);
        expect(end.offset).toBeLessThanOrEqual(Buffer.byteLength(text));
      }
    }),
    { numRuns: 300 },
  );
});

test.each<[string, boolean, string]>([
  ['-- +goose Up\nselect 1;\n-- +goose Down\ndrop table a;', false, '-- +goose Up\nselect 1;\n'],
  ['-- +goose NO TRANSACTION\n-- +goose Up\nselect 1;', true, '-- +goose NO TRANSACTION\n-- +goose Up\nselect 1;'],
  [
    '-- migrate:up transaction:false\nselect 1;\n-- migrate:down\nselect 2',
    true,
    '-- migrate:up transaction:false\nselect 1;\n',
  ],
  ['select 1; -- down', false, 'select 1; -- down'],
])('comments of migration tools are read: %j', (text, noTransaction, up) => {
  expect(directivesOf(text)).toEqual({ up, noTransaction, ...(up === text ? {} : { downAt: up.length }) });
});
