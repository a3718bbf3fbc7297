/** A name that a file took away, and uses afterwards: PostgreSQL refuses it, and no catalogue is needed to know. */
import { beforeAll, expect, test } from 'vitest';
import { analyse } from './analyse.ts';
import { loadParser } from './parse/parser.ts';

beforeAll(loadParser);

const fails = (...files: readonly string[]) =>
  analyse(files.map((text, i) => ({ name: `${i}.sql`, text }))).findings.flatMap(({ rule, level, message, at }) =>
    rule === 'fails' ? [`${level} in line ${at.line}: ${message}`] : [],
  );
const NONE = 'there is no x9 any more: a statement above dropped or renamed it';

test.each([
  ['create table x9(a int);\ndrop table x9;\ninsert into x9 values (1)', [`error in line 3: ${NONE}`]],
  ['drop table x9;\nupdate x9 set a = 1 where a = 2', [`error in line 2: ${NONE}`]],
  ['alter table x9 rename to y9;\ninsert into x9 values (1)', [`error in line 2: ${NONE}`]],
  ['alter table x9 set schema old;\nalter table x9 add column b int', [`error in line 2: ${NONE}`]],
  ['drop table if exists x9;\nselect a from x9', [`error in line 2: ${NONE}`]],
  ['drop view x9;\ncreate index on x9(a)', [`error in line 2: ${NONE}`]],
  ['drop table x9;\ndrop table x9', [`error in line 2: ${NONE}`]],
  [
    'drop table x9;\ndo $$ begin if now() > now() then delete from x9 where a = 1; end if; end $$',
    [`warning in line 2: if it comes to it, it fails: ${NONE}`],
  ],
])('%j fails', (sql, said) => expect(fails(sql)).toEqual(said));

test.each([
  'drop table x9;\ncreate table x9(a int);\ninsert into x9 values (1)',
  'drop table x9;\ndrop table if exists x9',
  'alter table x9 rename to y9;\ncreate view x9 as select * from y9;\ninsert into x9 values (1)',
  'alter table x9 rename to y9;\ninsert into y9 values (1)',
  'drop table x9;\nalter table y9 rename to x9;\ninsert into x9 values (1)',
  'begin;\ndrop table x9;\nrollback;\ninsert into x9 values (1)',
  'savepoint a;\ndrop table x9;\nrollback to a;\ninsert into x9 values (1)',
  'do $$ begin if now() > now() then drop table x9; end if; end $$;\ninsert into x9 values (1)',
  'create temp table x9(a int);\ndrop table x9;\ninsert into x9 values (1)',
  'drop table old.x9;\ninsert into x9 values (1)',
  'drop table x9;\nset search_path = other;\ninsert into x9 values (1)',
  'drop table x9;\nwith x9 as (select 1 as a) select a from x9',
])('%j doesn’t', (sql) => expect(fails(sql)).toEqual([]));

test('a file of its own is read by itself: what ran between the two nobody knows', () => {
  expect(fails('drop table x9', 'insert into x9 values (1)')).toEqual([]);
});
