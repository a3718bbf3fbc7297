/** Triggers: what a migration sets off now, and what it has running code set off from now on. */
import { beforeAll, describe, expect, test } from 'vitest';
import { analyse } from '../analyse.ts';
import type { Catalogue, Relation, Routine, Trigger, TriggerEvent } from '../catalogue/catalogue.ts';
import { readCatalogue } from '../catalogue/read-catalogue.ts';
import { loadParser } from '../parse/parser.ts';

beforeAll(loadParser);

const column = (name: string) => ({ name, type: 'integer', nullable: true });
const table = (name: string, rows: number, ...triggers: Trigger[]): Relation => ({
  ...{ schema: 'public', name, kind: 'table', rows, bytes: rows * 100, indexBytes: rows * 20 },
  columns: ['id', 'k', 'of_small'].map(column),
  constraints: [],
  indexes: [{ name: `${name}_pkey`, columns: ['id'], reads: ['id'], unique: true, computed: false, valid: true }],
  ...{ triggers, parents: [] },
});
const body = (name: string, does: string, ret = 'return new;'): Routine => ({
  ...{ schema: 'public', name, arguments: 0, volatility: 'volatile', language: 'plpgsql' },
  source: `create function ${name}() returns trigger language plpgsql as $$ begin ${does} ${ret} end $$`,
});
const on = (calls: string, events: TriggerEvent[], more: Partial<NonNullable<Trigger['fires']>> = {}): Trigger => ({
  name: 'tr',
  fires: { calls: `public.${calls}`, events, each: 'row', ...more },
});

const ROUTINES = [
  body('nothing', ''),
  body('log_it', 'insert into log(id, k) values (new.id, 1);'),
  body('count_up', 'update big set k = k + 1 where id = new.of_small;'),
  body('recount', 'update big set k = 0;'),
  body('look', 'perform count(*) from big;'),
  body('lock_it', 'lock table big in exclusive mode;'),
  body('drop_it', 'drop table big;'),
  body('dynamic', `execute 'delete from ' || tg_table_name;`),
  body('again', 'update small set k = 1 where id = new.id;'),
  { ...body('in_c', ''), language: 'c', source: undefined as never },
];
const catalogueWith = (...triggers: Trigger[]): Catalogue => ({
  ...{ server: 15, timeZone: 'UTC', searchPath: ['public'], types: [], binaryCasts: [], routines: ROUTINES },
  relations: [table('small', 100, ...triggers), table('big', 200e6), table('log', 10)],
});
const run = (sql: string, ...triggers: Trigger[]) =>
  analyse([{ name: 'a.sql', text: sql }], { catalogue: catalogueWith(...triggers), lockTimeout: true });
const rules = (sql: string, ...triggers: Trigger[]) =>
  run(sql, ...triggers).findings.flatMap(({ rule, level }) => (level === 'note' ? [] : [`${rule} ${level}`]));

const ROW = 'insert into small values (1, 2, 3)';
const MANY = 'insert into small select id, k, 1 from log';

describe('a statement is judged with the bodies of the triggers that it fires', () => {
  test.each<[string, string, Trigger[], string[]]>([
    ['one that does nothing', ROW, [on('nothing', ['insert'])], []],
    ['one that writes elsewhere, a row at a time', ROW, [on('log_it', ['insert'])], []],
    ['a single row of a large table by its key', ROW, [on('count_up', ['insert'])], []],
    ['the same for each of many rows', MANY, [on('count_up', ['insert'])], ['whole-table-write error']],
    ['once for a statement of many rows', MANY, [on('count_up', ['insert'], { each: 'statement' })], []],
    ['all of a large table', ROW, [on('recount', ['insert'])], ['whole-table-write error']],
    ['SQL that is put together when it runs', ROW, [on('dynamic', ['insert'])], ['not-known error']],
    ['a function that nobody can read', ROW, [on('in_c', ['insert'])], ['triggers-run error']],
    ['a function that isn’t there', ROW, [on('gone', ['insert'])], ['triggers-run error']],
    ['a catalogue of before, which knows its name alone', ROW, [{ name: 'old' }], ['triggers-run error']],
    ['one of another event', ROW, [on('recount', ['update', 'delete'])], []],
    [
      'one of another column',
      'update small set k = 1 where id = 1',
      [on('recount', ['update'], { columns: ['of_small'] })],
      [],
    ],
    [
      'one of this column',
      'update small set k = 1 where id = 1',
      [on('recount', ['update'], { columns: ['k'] })],
      ['whole-table-write error'],
    ],
    ['one that is off', ROW, [on('recount', ['insert'], { off: true })], []],
    [
      'one that is turned off before',
      `alter table small disable trigger tr; ${ROW}`,
      [on('recount', ['insert'])],
      ['may-break-running-code warning'],
    ],
    [
      'one that is turned on before',
      `alter table small enable trigger tr; ${ROW}`,
      [on('recount', ['insert'], { off: true })],
      ['may-break-running-code warning', 'lock-held-during-work error', 'whole-table-write error'],
    ],
    [
      'a deletion',
      'delete from small where id = 1',
      [on('recount', ['delete'])],
      ['whole-table-write error', 'destroys-few warning'],
    ],
    ['COPY', 'copy small from stdin', [on('recount', ['insert'])], ['whole-table-write error']],
    ['TRUNCATE', 'truncate log', [], ['destroys-data error']],
    [
      'an upsert’s update',
      `${ROW} on conflict (id) do update set k = 1`,
      [on('recount', ['update'])],
      ['whole-table-write error'],
    ],
    ['one that fires itself', 'update small set k = 1 where id = 1', [on('again', ['update'])], []],
  ])('%s', (_what, sql, triggers, expected) => expect(rules(sql, ...triggers)).toEqual(expected));

  test('what the body takes is what the statement takes', () => {
    const [statement] = run(ROW, on('lock_it', ['insert'])).files[0]?.statements ?? [];
    expect(statement?.effects?.locks).toContainEqual({ relation: 'public.big', mode: 'EXCLUSIVE', fresh: false });
  });

  test('of a table and a trigger that the file itself made', () => {
    const made = 'create table n(id int); create trigger t after insert on n for each row execute function recount();';
    expect(rules(`${made} insert into n values (1)`)).toEqual(['whole-table-write error']);
    expect(rules(made)).toEqual([]);
  });

  test('with the function that the file put in its place', () => {
    const quiet = `create or replace function recount() returns trigger language plpgsql as 'begin return new; end';`;
    expect(rules(`${quiet} ${ROW}`, on('recount', ['insert']))).toEqual(['may-break-running-code warning']);
  });
});

describe('a new trigger is judged with what it makes of running code’s writes', () => {
  const made = (calls: string) =>
    rules(`create trigger t after insert on small for each row execute function ${calls}()`);
  const AS_EVER = 'may-break-running-code warning';

  test.each([
    ['nothing', []],
    ['log_it', [AS_EVER]],
    ['count_up', [AS_EVER]],
    ['recount', [AS_EVER, 'triggers-run error']],
    ['look', [AS_EVER, 'triggers-run error']],
    ['lock_it', [AS_EVER, 'triggers-run error']],
    ['dynamic', [AS_EVER, 'triggers-run error']],
    ['in_c', [AS_EVER, 'triggers-run error']],
    ['gone', [AS_EVER, 'triggers-run error']],
  ])('%s', (calls, expected) => expect(made(calls).toSorted()).toEqual(expected));

  test('it is not carried out now: what it would drop is there afterwards', () => {
    const sql =
      'create trigger t after insert on small for each row execute function drop_it(); select id from big limit 1';
    const { findings, files } = run(sql);
    expect(findings.filter(({ rule }) => rule === 'not-known')).toEqual([]);
    expect(files[0]?.statements[0]?.effects?.destroys).toEqual([]);
    expect(findings.map(({ rule }) => rule)).toContain('triggers-run');
  });
});

test('a catalogue that was written before triggers were read is still read', () => {
  const old = { ...catalogueWith(), relations: [{ ...table('small', 100), triggers: ['t'] }] };
  const routines = ROUTINES.filter(({ source }) => source !== undefined);
  const read = readCatalogue(JSON.stringify({ ...old, routines }));
  expect(read).toMatchObject({ ok: true, catalogue: { relations: [{ triggers: [{ name: 't' }] }] } });
});
