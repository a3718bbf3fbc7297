import { beforeAll, describe, expect, test } from 'vitest';
import { analyse } from '../analyse.ts';
import type { Catalogue, Relation } from '../catalogue/catalogue.ts';
import { loadParser } from '../parse/parser.ts';

beforeAll(loadParser);

const relation = (name: string, more: Partial<Relation> = {}): Relation => ({
  ...{ schema: 'public', name, kind: 'table', rows: 100e6, bytes: 10e9, indexBytes: 0 },
  columns: [
    { name: 'a', type: 'integer', nullable: false, default: `nextval('doc_a_seq'::regclass)` },
    { name: 't', type: 'text', nullable: true },
  ],
  ...{ constraints: [], indexes: [], triggers: [], parents: [] },
  ...more,
});
const catalogue: Catalogue = {
  ...{ server: 15, timeZone: 'UTC', searchPath: ['app', 'public'], types: [], routines: [], binaryCasts: [] },
  relations: [
    relation('doc'),
    relation('keyed', { constraints: [{ name: 'k', kind: 'primary', columns: ['a'], validated: true }] }),
    relation('parts', { kind: 'partitioned' }),
    relation('doc_a_seq', { kind: 'sequence', columns: [] }),
  ],
};

function rules(text: string): readonly string[] {
  const { findings } = analyse([{ name: 'm.sql', text }], { catalogue, lockTimeout: true });
  return findings.flatMap(({ level, rule }) => (level === 'note' ? [] : rule));
}

describe('what may break running code by the way is said', () => {
  test.each([
    'create table app.doc(a int)',
    'create table app.doc as select 1 as a',
    'create view app.doc as select 1 as a',
    'create publication p for all tables',
    'create publication p for table doc',
    'create publication p for tables in schema public',
    'create foreign table p1 partition of parts for values in (1) server s',
    `select setval('doc_a_seq', 1)`,
    'alter sequence doc_a_seq maxvalue 1000',
    'alter sequence doc_a_seq as smallint',
    'alter sequence doc_a_seq increment by -1',
    'alter sequence doc_a_seq restart',
    'alter table doc add check (false) not valid',
    'create operator public.= (function = texteq, leftarg = text, rightarg = varchar)',
    'create cast (int as text) with inout as implicit',
  ])('%s', (sql) => {
    expect(rules(sql)).toContain('may-break-running-code');
  });
});

describe('and what nobody notices isn’t', () => {
  test.each([
    'create table app.other(a int)',
    'create temp table doc(a int)',
    'create publication p for table keyed',
    "create sequence s; alter sequence s restart; select setval('s', 7)",
    `select setval('doc_a_seq', max(a)) from keyed where a = 1`,
    'alter sequence doc_a_seq owned by none',
    'create cast (int as text) with inout',
  ])('%s', (sql) => {
    expect(rules(sql)).toEqual([]);
  });
});

test('rows that are chosen by a column beside the key can’t be changed any more', () => {
  expect(rules(`create publication p for table keyed where (t = 'x')`)).toContain('breaks-running-code');
});

test('a default that no longer counts breaks running code', () => {
  expect(rules('alter table doc alter a set default 1')).toContain('breaks-running-code');
  expect(rules(`alter table doc alter a set default nextval('public.doc_a_seq')`)).toEqual([]);
});

test.each(['create domain d as int;', `create type d as enum ('1');`])(
  '%s a column that was there goes along with its new type',
  (made) => {
    const changed = `${made} alter table doc alter t type d using t::d;`;
    expect(rules(`${changed} drop type d cascade`)).toContain('destroys-data');
    expect(rules(`${made} alter table doc add column e d; drop type d cascade`)).toEqual([]);
  },
);
