import { beforeAll, describe, expect, it, test } from 'vitest';
import { type AnalyseOptions, analyse, MAX_FILE_CHARACTERS } from './analyse.ts';
import type { Catalogue, Relation } from './catalogue/catalogue.ts';
import type { Report } from './judge/finding.ts';
import { loadParser } from './parse/parser.ts';

beforeAll(loadParser);

const table = (name: string, rows: number, more: Partial<Relation> = {}): Relation => ({
  ...{
    schema: 'public',
    name,
    kind: 'table',
    rows,
    bytes: rows * 100,
    indexBytes: rows * 20,
    indexes: [],
    triggers: [],
    parents: [],
    constraints: [],
  },
  columns: [
    { name: 'id', type: 'bigint', nullable: false },
    { name: 'note', type: 'text', nullable: true },
    { name: 'at', type: 'timestamp', nullable: true },
  ],
  ...more,
});
const catalogue: Catalogue = {
  ...{ server: 15, timeZone: 'UTC', searchPath: ['public'], types: [], routines: [], binaryCasts: [] },
  relations: [
    table('big', 200e6),
    table('small', 100),
    table('keyed', 200e6, {
      indexes: [{ name: 'k', columns: ['id'], reads: ['id'], unique: true, computed: false, valid: true }],
    }),
  ],
};

function run(text: string, options: AnalyseOptions = {}): Report {
  return analyse([{ name: 'a.sql', text }], { catalogue, lockTimeout: true, ...options });
}
const rules = (report: Report, level?: string) =>
  report.findings.filter((each) => level === undefined || each.level === level).map(({ rule }) => rule);

describe('the size of the table decides', () => {
  test.each([
    ['alter table small alter column note set not null', ['breaks-running-code']],
    ['alter table big alter column note set not null', ['scan-under-lock', 'breaks-running-code']],
    ['create index on small(note)', []],
    ['create index on big(note)', ['index-build-under-lock']],
    [`update small set note = 'x'`, []],
    [`update big set note = 'x'`, ['whole-table-write']],
    [`update big set note = 'x' where id between 1 and 1000`, ['whole-table-write']],
    [`update keyed set note = 'x' where id between 1 and 1000`, []],
    [`update keyed set note = 'x' where id in (select id from keyed limit 1000)`, []],
    [`update keyed set note = 'x' where note in (select note from keyed limit 1000)`, ['whole-table-write']],
    [`update keyed set note = 'x' where note = any (array['a', 'b'])`, ['whole-table-write']],
    [`update keyed set note = 'x' from small s where s.id = 1`, ['whole-table-write']],
    [`update keyed set note = 'x' where id = 1 or note = 'y'`, ['whole-table-write']],
    [`update keyed set note = 'x' where not id = 1`, ['whole-table-write']],
  ])('%s', (sql, expected) => {
    expect(rules(run(sql), 'error')).toEqual(expected);
  });

  it('and how long others may wait', () => {
    expect(rules(run('create index on small(note)', { stallMs: 0 }), 'error')).toEqual(['index-build-under-lock']);
    expect(rules(run('create index on big(note)', { stallMs: 86_400_000 }), 'error')).toEqual([]);
  });

  it('says for how long, as a range', () => {
    const [finding] = run('create index on big(note)').findings;
    expect(finding?.message).toBe(
      'SHARE on public.big while it gets an index (the index big_note_idx is built): nobody writes it for 0.8 to 11 min (200,000,000 rows, 20 GB)',
    );
    expect(finding?.stall?.leastMs).toBeLessThan(finding?.stall?.mostMs ?? 0);
  });

  it('without a size, nothing that depends on it is called safe', () => {
    const report = analyse([{ name: 'a.sql', text: 'create index on t(a)' }], { lockTimeout: true });
    expect(rules(report)).toEqual(['index-build-under-lock']);
    expect(report.findings[0]?.stall).toBeNull();
  });
});

describe('the state of the file counts', () => {
  test.each<[string, string, readonly string[]]>([
    [
      'what it made itself is empty',
      'create table n(id int); create index on n(id); alter table n alter column id set not null; drop table n',
      [],
    ],
    [
      'a column that it made itself, nobody writes',
      'alter table small add column x int; alter table small alter column x set not null',
      [],
    ],
    [
      'a lock is held while another table is worked on',
      'alter table small add column x int; create index on big(note)',
      ['index-build-under-lock', 'lock-held-during-work'],
    ],
    ['a commit lets go of it', 'begin; alter table small add column x int; commit; select count(*) from big', []],
    [
      'a function is made, then called',
      'create function f() returns void language sql as $$ delete from big $$; select f()',
      ['whole-table-write', 'destroys-data'],
    ],
    [
      'a validated CHECK spares the scan of SET NOT NULL',
      'alter table big add constraint c check (note is not null) not valid; alter table big validate constraint c; alter table big alter column note set not null',
      [],
    ],
    [
      'the time zone decides about timestamptz',
      `alter table big alter column at type timestamptz`,
      ['breaks-running-code'],
    ],
    [
      'and SET changes it',
      `set timezone = 'Europe/Berlin'; alter table big alter column at type timestamptz`,
      ['rewrite-under-lock', 'breaks-running-code'],
    ],
    [
      'names are looked for along the path',
      'create schema s; create table s.big(id int); set search_path = s, public; create index on big(id)',
      [],
    ],
  ])('%s', (_what, sql, expected) => {
    expect(
      rules(run(sql, { transaction: sql.startsWith('begin') ? 'statement' : 'file' }), 'error').filter(
        (rule) => rule !== 'lock-held-during-work' || expected.includes(rule),
      ),
    ).toEqual(expected);
  });

  it('files come one after the other: what an earlier one made is in use in the next', () => {
    const files = [
      { name: '1.sql', text: 'create table n(id int)' },
      { name: '2.sql', text: 'create index on n(id)' },
    ];
    expect(analyse(files, { catalogue, lockTimeout: true }).findings).toMatchObject([
      { file: '2.sql', rule: 'index-build-under-lock' },
    ]);
  });

  it('waiting for a lock without an end is told once a file', () => {
    const sql = 'alter table small add column x int; alter table big add column x int';
    expect(rules(run(sql, { lockTimeout: false }))).toEqual(['no-lock-timeout']);
    expect(rules(run(`set lock_timeout = '2s'; ${sql}`, { lockTimeout: false }))).toEqual([]);
    expect(rules(run(`set lock_timeout = 0; ${sql}`, { lockTimeout: false }))).toEqual(['no-lock-timeout']);
  });
});

describe('transactions', () => {
  test.each<[string, AnalyseOptions, string, readonly string[], boolean]>([
    [
      'Headgate runs a file outside of one where the file says so',
      {},
      '-- headgate:no-transaction\ncreate index concurrently i on big(note)',
      ['runs-alone'],
      true,
    ],
    ['and refuses it where it doesn’t', {}, 'create index concurrently i on big(note)', ['not-in-transaction'], false],
    [
      'one statement a file, and none that a transaction takes',
      {},
      '-- headgate:no-transaction\ncreate index concurrently i on big(note); analyze big',
      ['runs-alone', 'fails'],
      true,
    ],
    [
      'mixed with others, it fails',
      {},
      'alter table small add column x int; create index concurrently on big(note)',
      ['lock-held-during-work', 'not-in-transaction'],
      false,
    ],
    [
      'a comment says to a migration tool how it is run',
      { directives: true },
      '-- +goose NO TRANSACTION\nalter table small add column x int; create index concurrently on big(note)',
      ['runs-alone'],
      true,
    ],
    [
      'psql commits each statement',
      { transaction: 'statement' },
      'alter table small add column x int; create index concurrently on big(note)',
      ['runs-alone'],
      true,
    ],
    [
      'but not in a block',
      { transaction: 'statement' },
      'begin; create index concurrently on big(note); commit',
      ['not-in-transaction'],
      true,
    ],
  ])('%s', (_what, options, sql, expected, alone) => {
    const report = run(sql, options);
    expect(rules(report)).toEqual(expected);
    expect(report.files[0]?.alone).toBe(alone);
  });
});

describe('the way back in the same file', () => {
  const sql = '-- migrate:up\ncreate table a(b int);\n-- migrate:down\ndrop table big;';

  test('is run by whoever doesn’t read such comments: it is analysed, and pointed at', () => {
    const report = run(sql);
    expect(rules(report)).toEqual(expect.arrayContaining(['destroys-data', 'way-back-is-run']));
    expect(report.findings.find(({ rule }) => rule === 'way-back-is-run')).toMatchObject({ at: { line: 4 } });
    expect(rules(run(`${sql.split('drop')[0]}`))).toEqual([]);
  });

  test('is left out by a migration tool', () => expect(rules(run(sql, { directives: true }))).toEqual([]));

  test('of a comment, which says no more than others how a file is run', () => {
    const report = run('-- migrate:up transaction:false\ncreate index concurrently on big(note); select 1');
    expect(rules(report)).toContain('not-in-transaction');
  });

  test('a file too long to be read is refused whole', () => {
    const text = `${' '.repeat(MAX_FILE_CHARACTERS)}drop table big;`;
    expect(() => run(text)).toThrow(/at most/);
  });
});

describe('what can’t be known is never called safe', () => {
  test.each([
    ['a table that the catalogue doesn’t have', 'alter table nowhere add column x int'],
    [
      'SQL that is put together when it runs',
      `do $$ declare t text; begin for t in select relname from pg_class loop execute 'drop table ' || t; end loop; end $$`,
    ],
    ['a function that nobody knows', 'select tidy_up()'],
    ['code in another language', `do $$ print(1) $$ language plpython3u`],
    ['a body that doesn’t parse', 'do $$ begin selec 1; end $$'],
    ['a prepared statement', 'execute later'],
    ['a library', `load 'x'`],
    ['the update of an extension', 'alter extension hstore update'],
    ['what a role owns', 'drop owned by app'],
    ['a program', `copy big from program 'x'`],
  ])('%s', (_what, sql) => {
    expect(rules(run(sql), 'error')).toContain('not-known');
  });

  test.each([
    [
      'constants that are put together',
      `do $$ begin execute 'drop ' || 'table ' || quote_ident('big'); end $$`,
      'destroys-data',
    ],
    [
      'format() of constants',
      `do $$ begin execute format('alter table %I.%I add column x uuid default %s', 'public', 'big', 'gen_random_uuid()'); end $$`,
      'rewrite-under-lock',
    ],
    [
      'a block within a block',
      `do $$ begin begin if true then delete from big; end if; exception when others then null; end; end $$`,
      'whole-table-write',
    ],
  ])('%s are worked out', (_what, sql, rule) => {
    expect(rules(run(sql), 'error')).toContain(rule);
    expect(rules(run(sql))).not.toContain('not-known');
  });
});

describe('phase and the way back', () => {
  test.each([
    ['create table n(id int)', 'expand', 'yes'],
    ['alter table big add column x int', 'expand', 'until-written'],
    [`update big set note = 'x' where id = 1`, 'data', 'never'],
    ['alter table big add column x int; update small set x = 1', 'data', 'never'],
    ['alter table big drop column note', 'contract', 'never'],
    ['alter table big rename to huge', 'contract', 'yes'],
    ['truncate small', 'contract', 'never'],
  ])('%s: %s, %s', (sql, phase, undo) => {
    expect(run(sql).files[0]).toMatchObject({ phase, undo });
  });
});

it('a file of hundreds of statements has so many findings as it has statements, not the square of them', () => {
  const sql = Array.from({ length: 200 }, (_, i) => `create table t${i}(a int); create index i${i} on b${i}(a);`).join(
    '\n',
  );
  const held = run(sql).findings.filter(({ rule }) => rule === 'lock-held-during-work');
  expect(held.length).toBeLessThanOrEqual(200 * 10);
  expect(held.length).toBeGreaterThan(200);
  expect(held.some(({ message }) => /; so are \d+ more$/.test(message))).toBe(true);
});

it('every dangerous statement has a safe way, or none exists', () => {
  const sqls = [
    'create index on big(note)',
    'alter table big alter column note set not null',
    'alter table big add column x int default random()',
    'alter table big drop column note',
    'alter table big rename column note to b',
    'alter table big add unique (note)',
    'alter table big add check (id > 0)',
    'alter table big alter column id type text',
    'delete from big',
    'drop table big',
    'lock table big',
    'vacuum full big',
    'truncate big',
  ];
  for (const sql of sqls)
    expect(run(sql).findings.find(({ level }) => level === 'error')?.safeWays.length, sql).toBeGreaterThan(0);
});

it('the safe way of what no transaction takes is a file of its own', () => {
  const [way] = run('vacuum big; select 1').findings.find(({ rule }) => rule === 'not-in-transaction')?.safeWays ?? [];
  expect(way?.sql).toEqual(['-- headgate:no-transaction', 'vacuum big;']);
});

it('the safe way of an index is the statement itself, CONCURRENTLY', () => {
  const [way] = run('create unique index i on big(note)').findings[0]?.safeWays ?? [];
  expect(way?.sql).toEqual(['-- headgate:no-transaction', 'create unique index CONCURRENTLY i on big(note);']);
});
