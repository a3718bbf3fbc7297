import { beforeAll, describe, expect, test } from 'vitest';
import { analyse } from '../analyse.ts';
import type { Catalogue, Relation } from '../catalogue/catalogue.ts';
import { loadParser } from '../parse/parser.ts';

beforeAll(loadParser);

const relation = (name: string, more: Partial<Relation> = {}): Relation => ({
  ...{ schema: 'public', name, kind: 'table', rows: 100e6, bytes: 10e9, indexBytes: 0 },
  columns: [
    { name: 'id', type: 'integer', nullable: false },
    { name: 'note', type: 'text', nullable: true },
  ],
  ...{ constraints: [], indexes: [], triggers: [], parents: [] },
  ...more,
});
const view = (name: string, of: string, more: Partial<Relation> = {}): Relation =>
  relation(name, {
    ...{ kind: 'view', rows: null, bytes: null, indexBytes: null },
    uses: [{ relation: `public.${of}`, columns: ['id', 'note'] }],
    ...more,
  });
const key = { name: 'doc_pkey', columns: ['id'], reads: ['id'], unique: true, computed: false, valid: true };
const catalogue: Catalogue = {
  ...{ server: 15, timeZone: 'UTC', searchPath: ['public'], types: [], binaryCasts: [], routines: [] },
  relations: [
    relation('doc', { indexes: [key] }),
    relation('counted', {
      columns: [{ name: 'a', type: 'integer', nullable: true, default: 'public.next()' }],
      constraints: [{ name: 'c', kind: 'check', columns: ['a'], validated: true, expression: '(public.fits(a) > 0)' }],
    }),
    relation('small', { rows: 20, bytes: 8192 }),
    view('shown', 'doc'),
    view('again', 'shown'),
    view('instead', 'doc', {
      triggers: [{ name: 't', fires: { calls: 'public.noop', events: ['delete'], each: 'row' } }],
    }),
  ],
};
const routines: Catalogue['routines'] = [
  {
    ...{ schema: 'public', name: 'noop', arguments: 0, volatility: 'volatile', language: 'plpgsql' },
    source: 'create function noop() returns trigger language plpgsql as $$ begin return null; end $$',
  },
  ...['next', 'fits'].map((name, i) => ({
    ...({ schema: 'public', name, arguments: i, volatility: 'immutable', language: 'sql' } as const),
    source: `create function ${name}(${i === 0 ? '' : 'int'}) returns int language sql as 'delete from doc returning 1'`,
  })),
];

function errors(text: string): readonly string[] {
  const { findings } = analyse([{ name: 'm.sql', text }], {
    catalogue: { ...catalogue, routines },
    lockTimeout: true,
  });
  return findings.flatMap(({ level, rule }) => (level === 'error' ? rule : []));
}

describe('a WITH query never hides the table that is changed', () => {
  test.each([
    'with doc as (select 1) delete from doc',
    'with doc as (select 1 as id) update doc set note = null',
    'with doc as (select * from doc) select count(*) from doc for update',
  ])('%s', (sql) => {
    expect(errors(sql)).toContain('whole-table-write');
  });
});

describe('rows that MERGE deletes are gone', () => {
  const into = (table: string, what: string) =>
    `merge into ${table} d using counted c on d.id = c.a when matched then ${what}`;
  test.each([
    ['of a table', into('doc', 'delete')],
    ['of one that is small', into('small', 'delete')],
    ['by one of several clauses', into('small', `update set note = 'x' when matched then delete`)],
    ['by a view', into('shown', 'delete')],
  ])('%s', (_what, sql) => {
    expect(errors(sql)).toContain('destroys-data');
  });

  test('but not those that it only changes, nor those that the file made', () => {
    expect(errors(into('small', `update set note = 'x'`))).not.toContain('destroys-data');
    expect(errors(`create table n(id int); ${into('n', 'delete')}`)).not.toContain('destroys-data');
  });
});

describe('what is changed by a view is changed in its tables', () => {
  test.each([
    ['of the catalogue', 'delete from shown'],
    ['of a view', 'update again set note = null'],
    ['whose column isn’t the key that it is called like', `update shown set note = null where id = 1`],
    ['made in the file', 'create view v as select * from doc; delete from v'],
    ['locked by it', 'select * from shown for update'],
  ])('%s', (_what, sql) => {
    expect(errors(sql)).toContain('whole-table-write');
  });

  test('but where a trigger does it instead, only what the trigger does is done', () => {
    expect(errors('delete from instead')).toEqual([]);
    expect(errors('update instead set note = null')).toContain('whole-table-write');
  });
});

describe('rows that a query locks are told', () => {
  test.each([
    ['at the top', 'select 1 from doc for update'],
    ['FOR SHARE', 'select * from doc for share'],
    ['by a condition that isn’t a key', `select 1 from doc where note = 'x' for update`],
    ['in a join', 'select 1 from doc a join doc b on a.id = b.id for update'],
    ['in a block', 'do $$ begin perform 1 from doc for update; end $$'],
  ])('%s', (_what, sql) => {
    expect(errors(sql)).toContain('whole-table-write');
  });

  test('but for few of them nobody waits long', () => {
    expect(errors('select 1 from doc where id = 7 for update')).toEqual([]);
    expect(errors('select 1 from doc limit 100 for update skip locked')).toEqual([]);
  });
});

test('what stands behind a write in the catalogue runs: a default, a CHECK', () => {
  for (const sql of ['insert into counted values (default)', 'update counted set a = 1 where ctid = $1'])
    expect(errors(sql)).toContain('whole-table-write');
});

describe('functions that a change calls by the way run', () => {
  const made = `create function f() returns int language plpgsql as $$ begin delete from doc; return 1; end $$;
    create table n(a int primary key);`;
  test.each([
    'insert into n values (1) returning f()',
    'insert into n values (1) on conflict (a) do update set a = f()',
    'update n set a = f() where a = 1',
    'update n set a = 1 where a = 1 returning f()',
    'delete from n where a = 1 returning f()',
    'merge into n using n m on f() = 1 when matched then do nothing',
    'merge into n using n m on n.a = m.a when matched then update set a = f()',
    `do $$ begin execute 'select $1' using f(); end $$`,
  ])('%s', (sql) => {
    expect(errors(made + sql)).toContain('whole-table-write');
  });
});
