/**
 * Tables that are published, against a real server: PostgreSQL refuses UPDATE and DELETE of what has nothing to tell its rows
 * apart by. What makes running code's statements fail must be said to, and what doesn't must not.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCatalogueOf } from '@headgate/adapters/catalogue/read-database';
import { freePort } from '@headgate/adapters/machine/free-port';
import { Cluster, findPrograms, openCluster } from '@headgate/adapters/postgres-cluster/index';
import { analyse, type Catalogue, type Finding, loadParser } from '@headgate/migrations';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const THERE = `
  create table keyed(id int primary key, a int, b text); create table bare(id int, a int not null);
  create table whole(id int, a int); alter table whole replica identity full;
  create table picked(id int not null, a int); create unique index picked_id on picked(id);
  alter table picked replica identity using index picked_id; create unique index bare_a on bare(a);
  create index keyed_a on keyed(a); create unique index keyed_b on keyed(b);
  create table parted(id int, a int) partition by range (id); create table parted_low partition of parted for values from (0) to (10);
  create schema other; create table other.bare(id int, a int); create table parent(id int, a int); create table heir() inherits (parent);
  create view seen as select id from keyed; create unlogged table unkept(id int); create table quiet(id int, a int);
  create publication base for table keyed, picked; create publication inserts for table quiet with (publish = 'insert');
  create publication shape for table other.bare (id) where (id = 1) with (publish = 'insert');
  insert into keyed values (1, 1, 'x'); insert into bare values (1, 1); insert into whole values (1, 1); insert into picked values (1, 1);
  insert into parted values (1, 1); insert into other.bare values (1, 1); insert into heir values (1, 1); insert into quiet values (1, 1);`;

const TABLES = ['keyed', 'bare', 'whole', 'picked', 'parted', 'other.bare', 'parent', 'heir', 'quiet'];

/** Statements that the server takes: afterwards some of running code's statements fail, or none. */
const STATEMENTS = [
  'create publication p for all tables',
  `create publication p for all tables with (publish = 'insert')`,
  `create publication p for all tables with (publish = 'insert, delete')`,
  'create publication p for tables in schema public',
  'create publication p for tables in schema other',
  'create publication p for table keyed',
  'create publication p for table keyed, picked, whole',
  'create publication p for table bare',
  `create publication p for table bare with (publish = 'insert, truncate')`,
  'create publication p for table parted',
  'create publication p for table parted with (publish_via_partition_root)',
  'create publication p for table parent',
  'create publication p for table only parent',
  'create publication p for table keyed where (id = 1)',
  'create publication p for table keyed where (a = 1)',
  `create publication p for table keyed where (a = 1) with (publish = 'insert')`,
  'create publication p for table keyed (id, a)',
  'create publication p for table keyed (a)',
  'create publication p for table whole (id)',
  'create publication p for table whole where (a = 1)',
  'create publication p',
  'alter publication base add table whole',
  'alter publication base add table bare',
  'alter publication base set table bare',
  'alter publication base set table keyed',
  'alter publication base drop table keyed',
  'alter publication base add tables in schema other',
  'alter publication base add tables in schema public',
  `alter publication inserts set (publish = 'insert, update')`,
  `alter publication shape set (publish = 'insert, delete')`,
  `alter publication inserts set (publish = 'insert, truncate')`,
  'alter publication base drop table keyed; alter table keyed replica identity nothing',
  'create publication p for table whole; drop publication p',
  'alter table keyed replica identity nothing',
  'alter table keyed replica identity full',
  'alter table keyed drop constraint keyed_pkey',
  'alter table keyed replica identity full; alter table keyed drop constraint keyed_pkey',
  'alter table bare replica identity nothing',
  'alter table quiet replica identity nothing',
  'alter table picked replica identity default',
  'drop index picked_id',
  'alter table bare replica identity using index bare_a; create publication p for table bare',
  'alter table bare add primary key (a); create publication p for table bare',
  'alter table keyed rename to renamed; alter table renamed rename to keyed; alter table keyed replica identity nothing',
  'alter table parted add primary key (id); create publication p for table parted',
  'create table new_one(id int); create publication p for table new_one',
];

/** Whether the server refuses a statement of it. */
const REFUSED = [
  'alter publication nowhere add table keyed',
  'alter publication base add table keyed',
  'alter publication base drop table bare',
  'create publication base',
  'create publication p for table seen',
  'create publication p for table unkept',
  'create publication p for all tables; alter publication p add table keyed',
  'drop publication nowhere',
  'drop publication if exists nowhere',
  'alter table keyed set unlogged',
  'alter table bare set unlogged',
  'alter table keyed replica identity using index nowhere',
  'alter table keyed replica identity using index keyed_a',
  'alter table keyed replica identity using index keyed_b',
  'alter table keyed replica identity using index keyed_pkey',
  'create publication p for table bare; update bare set a = 2 where id = 1',
  'create publication p for table bare; delete from bare where id = 1',
  'create publication p for table bare; insert into bare values (2, 2)',
  'create publication p for table keyed (id, a); alter table keyed drop column a',
  'create publication p for table keyed (id, a); alter table keyed drop column b',
];

describe('on PostgreSQL 15', () => {
  let client: pg.Client;
  let catalogue: Catalogue;
  const undo: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    await loadParser();
    const dir = await mkdtemp(join(tmpdir(), 'headgate-published-'));
    await chmod(dir, 0o755);
    undo.push(() => rm(dir, { recursive: true, force: true }));
    const cluster = await openCluster(
      { dir: join(dir, 'cluster'), port: await freePort(), settings: { fsync: 'off' } },
      await findPrograms(15, dir),
    );
    undo.push(() => new Cluster(cluster.config, cluster.programs).stop());
    client = new pg.Client(await cluster.connection());
    await client.connect();
    undo.push(() => client.end());
    await client.query(THERE);
    catalogue = await readCatalogueOf(client);
  }, 120_000);
  afterAll(async () => {
    for (const each of undo.reverse()) await each();
  });

  const found = (text: string, known: Catalogue = catalogue): readonly Finding[] =>
    analyse([{ name: 'a.sql', text }], { catalogue: known, lockTimeout: true }).findings;

  /** Tables whose rows running code can't change afterwards. */
  async function failing(): Promise<readonly string[]> {
    const failed: string[] = [];
    for (const table of TABLES)
      for (const sql of [`update ${table} set a = a`, `delete from ${table}`]) {
        await client.query('savepoint code');
        const why = await client.query(sql).then(
          () => undefined,
          (error: Error) => error.message,
        );
        await client.query('rollback to savepoint code');
        if (why !== undefined) failed.push(`${sql.split(' ')[0]?.toUpperCase()} ${/table "(\w+)"/.exec(why)?.[1]}`);
      }
    return [...new Set(failed)];
  }

  test.each(STATEMENTS)('%s: what fails in running code is named, and nothing else', async (sql) => {
    await client.query('begin');
    const failed = await client
      .query(sql)
      .then(failing)
      .finally(() => client.query('rollback'));
    const broken = found(sql).filter(({ rule, message }) => rule === 'breaks-running-code' && /fail on/.test(message));
    const said = broken.flatMap(({ message }) => {
      const [, events = '', tables = ''] = /^(.*?) of running code fail on (.*?): /.exec(message) ?? [];
      return events
        .split(' and ')
        .flatMap((event) => tables.split(', ').map((table) => `${event} ${table.split('.')[1]}`));
    });
    expect([...new Set(said)].toSorted()).toEqual(failed.toSorted());
    expect(found(sql).filter(({ rule }) => rule === 'not-known' || rule === 'fails')).toEqual([]);
  });

  test.each(REFUSED)('%s: said to fail if the server refuses it', async (sql) => {
    await client.query('begin');
    const why = await client.query(sql).then(
      () => undefined,
      (error: Error) => error.message,
    );
    await client.query('rollback');
    const said = found(sql).filter(({ rule, level }) => rule === 'fails' && level === 'error');
    expect(said.length > 0, `${why}`).toBe(why !== undefined);
  });

  test('a safe change of a publication is no danger, and says nothing that nobody needs', () => {
    expect(found('alter publication base add table whole')).toEqual([]);
  });

  test('a catalogue of before, which holds no publications, lets nothing by', () => {
    const { publications: _, ...older } = catalogue;
    const relations = older.relations.map(({ replicaIdentity: _i, published: _p, ...each }) => each);
    const levels = (sql: string) => found(sql, { ...older, relations }).map(({ rule }) => rule);
    expect(levels('alter table keyed replica identity nothing')).toContain('may-break-running-code');
    expect(levels('create publication p for table bare')).toContain('may-break-running-code');
    expect(levels('alter publication base add table bare')).toContain('not-known');
  });

  test('of many tables ten are named, and the rest counted', () => {
    const relations = Array.from({ length: 30 }, (_, i) => ({
      ...(catalogue.relations.find(
        ({ name, schema }) => name === 'bare' && schema === 'public',
      ) as Catalogue['relations'][0]),
      name: `bare${i}`,
    }));
    const [first] = found('create publication p for all tables', { ...catalogue, relations });
    expect(first?.message).toMatch(
      / fail on public\.bare0, .*public\.bare9 and 20 more: published, and it has no primary key/,
    );
  });
});
