/**
 * Names that are taken or missing, against a real server: what it refuses for a name must be said to fail, what it takes must
 * not, and what IF NOT EXISTS passes over must be said to do nothing.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCatalogueOf } from '@headgate/adapters/catalogue/read-database';
import { freePort } from '@headgate/adapters/machine/free-port';
import { Cluster, findPrograms, openCluster, type PostgresMajor } from '@headgate/adapters/postgres-cluster/index';
import { analyse, type Catalogue, type Finding, loadParser, readCatalogue } from '@headgate/migrations';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const THERE = `
  create schema other;
  create table doc(id int constraint doc_pk primary key, a int, b int unique, c int constraint c_ok check (c > 0), e text,
    exclude using btree (a with =));
  create index doc_a on doc(a); create index doc_ab on doc(a, b); create index doc_a_desc on doc(a desc);
  create unique index doc_e on doc(e); create index doc_part on doc(a) where b > 5; create index doc_low on doc(lower(e));
  create index doc_hash on doc using hash (a); create index doc_incl on doc(a) include (b);
  create table two(id serial primary key, doc int references doc(id)); create view seen as select id from doc;
  create materialized view kept as select id from doc; create sequence counts; create index elsewhere on doc(c);
  create table other.doc(id int); create index hidden on other.doc(id); create index taken_there on other.doc(id);
  create table taken_there(x int); create table heirs(x int) inherits (doc);
  create unique index broken on doc(c) where c is null;`;
const BREAK = `update pg_index set indisvalid = false where indexrelid = 'broken'::regclass`;

/** Statements in files of one; the server says of each whether it fails. */
const STATEMENTS = [
  'create index doc_a on doc(b)',
  'create index two on doc(a)',
  'create index seen on doc(a)',
  'create index counts on doc(a)',
  'create index doc_pk on doc(a)',
  'create index hidden on doc(a)',
  'create index on doc(a)',
  'create index doc_a_idx on doc(b); create index on doc(a)',
  'create index if not exists doc_a on doc(a)',
  'drop index nothing',
  'drop index if exists nothing',
  'drop index hidden',
  'drop index other.hidden',
  'drop index doc_pk',
  'drop index doc_b_key',
  'drop index doc_a_excl',
  'drop index two',
  'drop index if exists two',
  'drop table doc_a',
  'drop view doc',
  'drop table seen',
  'drop table doc_nowhere',
  'drop sequence counts',
  'alter table doc drop constraint nothing',
  'alter table doc drop constraint if exists nothing',
  'alter table doc drop constraint c_ok',
  'alter table doc drop constraint doc_b_key',
  'alter table doc add constraint c_ok check (a > 0)',
  'alter table doc add constraint doc_a unique (c)',
  'alter table doc add constraint fresh unique (c)',
  'alter table doc add constraint seen unique (c)',
  'alter table doc add constraint seen check (a > 0 or a < 1)',
  'alter table doc add primary key (a)',
  'alter table heirs add constraint c_ok check (c > 0)',
  'alter table doc add constraint k unique using index doc_e',
  'alter table doc add constraint k unique using index doc_a',
  'alter table doc add constraint k unique using index nothing',
  'alter table doc add constraint k unique using index doc_part',
  'alter table doc rename constraint nothing to x',
  'alter table doc rename constraint c_ok to x',
  'alter table doc rename constraint c_ok to doc_pk',
  'alter table doc rename constraint doc_pk to seen',
  'alter table doc rename to two',
  'alter table two rename to doc_a',
  'alter table two rename to fresh',
  'alter index doc_a rename to seen',
  'alter index doc_a rename to fresh',
  'alter index nothing rename to fresh',
  'alter index if exists nothing rename to fresh',
  'alter index doc_a rename to fresh; drop index fresh',
  'alter index doc_a rename to fresh; drop index doc_a',
  'alter table two set schema other',
  'alter table taken_there set schema other',
  'create table doc_a(x int)',
  'create table fresh(x int)',
  'create table fresh(x int constraint doc_a unique)',
  'create table fresh(x int constraint c_ok check (x > 1))',
  'create table fresh(x int constraint same check (x > 1), y int constraint same check (y > 1))',
  'create view doc_a as select 1 as x',
  'create or replace view doc as select 1 as x',
  'create or replace view seen as select id from doc',
  'create materialized view doc_a as select 1 as x',
  'create sequence doc_a',
  'create sequence fresh',
  'create sequence two_id_seq',
  'drop table two; create sequence two_id_seq; create index two_pkey on doc(a)',
  'alter table two drop column id; create sequence two_id_seq',
  'create sequence if not exists counts',
  'reindex index nothing',
  'reindex index doc_a',
  'alter index nothing set (fillfactor = 70)',
  'create table made(id int primary key, v int check (v > 0), w int, check (v > w), unique (v, w), foreign key (w) references doc); alter table made drop constraint made_v_check; alter table made drop constraint made_check; alter table made drop constraint made_v_w_key; alter table made drop constraint made_w_fkey; alter table made drop constraint made_pkey',
  'create table made(id int, v text); create index on made(lower(v), id); drop index made_lower_id_idx',
  'create table made(id int, v text); create index on made((id + 1)); drop index made_expr_idx',
  'create table made(id int); create index on made(id); create index on made(id); drop index made_id_idx1',
  'alter table doc add check (a > 0), add check (a > 1); alter table doc drop constraint doc_a_check1',
  'alter table doc add unique (a); alter table doc drop constraint doc_a_key',
  `create table ${'x'.repeat(60)}(${'y'.repeat(60)} int unique); drop index ${'x'.repeat(29)}_${'y'.repeat(29)}_key`,
];

/** IF NOT EXISTS of a name that is taken: whether what is there is what it says. */
const TOLERANT: readonly (readonly [string, 'same' | 'other' | 'unknown'])[] = [
  ['create index if not exists doc_a on doc(a)', 'same'],
  ['create index if not exists doc_a on doc using btree (a asc nulls last)', 'same'],
  ['create index if not exists doc_incl on doc(a) include (b)', 'same'],
  ['create index if not exists doc_a on doc(a, b)', 'other'],
  ['create index if not exists doc_ab on doc(b, a)', 'other'],
  ['create unique index if not exists doc_a on doc(a)', 'other'],
  ['create index if not exists doc_a on doc(a desc)', 'other'],
  ['create index if not exists doc_a_desc on doc(a)', 'other'],
  ['create index if not exists doc_a on doc(a) where b > 5', 'other'],
  ['create index if not exists doc_hash on doc(a)', 'other'],
  ['create index if not exists doc_incl on doc(a, b)', 'other'],
  ['create index if not exists doc_part on doc(a) where b > 6', 'unknown'],
  ['create index if not exists doc_part on doc(a) where c > 6', 'other'],
  ['create index if not exists doc_low on doc(lower(e))', 'unknown'],
  ['create index if not exists doc_a on doc(a int4_ops)', 'unknown'],
  ['create index if not exists doc_a on two(doc)', 'other'],
  ['create index if not exists seen on doc(a)', 'other'],
  ['create unique index if not exists broken on doc(c) where c is null', 'other'],
  ['create table if not exists two(id int, more int)', 'other'],
  ['create table if not exists two(id int)', 'same'],
  ['create table if not exists seen(id int)', 'other'],
  ['create table if not exists doc_a(id int)', 'other'],
  ['create sequence if not exists doc_a', 'other'],
];

describe.each<[PostgresMajor]>([[15], [18]])('on PostgreSQL %i', (major) => {
  let dir: string;
  let cluster: Cluster;
  let client: pg.Client;
  let catalogue: Catalogue;
  beforeAll(async () => {
    await loadParser();
    dir = await mkdtemp(join(tmpdir(), 'headgate-names-'));
    await chmod(dir, 0o755);
    cluster = await openCluster(
      { dir: join(dir, 'cluster'), port: await freePort(), settings: { fsync: 'off' } },
      await findPrograms(major, dir),
    );
    client = new pg.Client(await cluster.connection());
    await client.connect();
    await client.query(THERE);
    await client.query(BREAK);
    catalogue = await readCatalogueOf(client);
  });
  afterAll(async () => {
    await client?.end();
    await new Cluster(cluster.config, cluster.programs).stop();
    await rm(dir, { recursive: true, force: true });
  });

  const found = (text: string, known: Catalogue | 'none' = catalogue): readonly Finding[] =>
    analyse([{ name: 'a.sql', text }], { catalogue: known === 'none' ? undefined : known, lockTimeout: true }).findings;
  const failing = (text: string) =>
    found(text).filter(({ rule, level }) => level === 'error' && (rule === 'fails' || rule === 'not-known'));
  async function fails(text: string): Promise<string | undefined> {
    await client.query('begin');
    try {
      await client.query(text);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    } finally {
      await client.query('rollback');
    }
  }

  test.each(STATEMENTS)('%s: said to fail exactly if it does', async (sql) => {
    const really = await fails(sql);
    const said = failing(sql).map(({ message }) => message);
    expect(said.length > 0, `${really ?? 'it goes well'} / ${said.join('; ')}`).toBe(really !== undefined);
  });

  test.each(TOLERANT)('%s is told as %s', async (sql, what) => {
    expect(await fails(sql), 'PostgreSQL passes over it').toBeUndefined();
    const told = found(sql).filter(({ rule }) => rule === 'does-nothing');
    const level = { same: 'note', other: 'error', unknown: 'warning' }[what];
    if (sql.startsWith('create table') && what === 'same') expect(told).toEqual([]);
    else expect(told.map((each) => each.level)).toEqual([level]);
  });

  test('an INVALID index is told as such, with what drops it', () => {
    const [told] = found('create unique index if not exists broken on doc(c) where c is null');
    expect(told?.message).toContain('it is INVALID');
    expect(told?.safeWays[0]?.sql).toEqual(['-- headgate:no-transaction', 'DROP INDEX CONCURRENTLY public.broken;']);
  });

  test('in a block that may not come to it, or that catches it, a name that is taken is worth a look', () => {
    for (const block of [
      `do $$ begin if not exists (select 1 from pg_indexes where indexname = 'doc_a') then create index doc_a on doc(a); end if; end $$`,
      'do $$ begin create index doc_a on doc(a); exception when duplicate_table then null; end $$',
    ])
      expect(found(block).flatMap(({ rule, level }) => (rule === 'fails' ? [level] : []))).toEqual(['warning']);
    expect(failing('do $$ begin create index doc_a on doc(b); end $$')).toHaveLength(1);
  });

  test('a catalogue of before is read, and what it doesn’t tell of an index isn’t taken for equal', () => {
    const older = JSON.parse(JSON.stringify(catalogue), (key, value) =>
      ['method', 'included', 'plain', 'ownedBy'].includes(key) ? undefined : value,
    );
    const read = readCatalogue(JSON.stringify(older));
    expect(read.ok).toBe(true);
    const told = found('create index if not exists doc_a on doc(a)', older);
    expect(told.map(({ rule, level }) => [rule, level])).toEqual([['does-nothing', 'warning']]);
  });

  test('without a catalogue a name that no file made may be there or not, and none is said to fail for it', () => {
    const rules = found('create index doc_a on doc(a); drop index doc_a; drop index nothing', 'none')
      .filter(({ rule }) => rule === 'fails' || rule === 'not-known')
      .map(({ rule }) => rule);
    expect(rules).toEqual(['not-known']);
  });
});
