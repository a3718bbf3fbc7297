import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { analyse, loadParser, readCatalogue } from '@headgate/migrations';
import { OWN_OPERATORS, VOLATILE_FUNCTIONS } from '@headgate/migrations/expressions/own-operators';
import { STEADY_FUNCTIONS } from '@headgate/migrations/expressions/steady-functions';
import { BINARY_CASTS } from '@headgate/migrations/types/binary-casts';
import { OWN_TYPES } from '@headgate/migrations/types/own-types';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../machine/free-port.ts';
import { Cluster, findPrograms, openCluster, type PostgresMajor } from '../postgres-cluster/index.ts';
import { readCatalogueOf, readDatabase } from './read-database.ts';

describe.each<[PostgresMajor]>([[15], [18]])('of PostgreSQL %i', (major) => {
  let dir: string;
  let cluster: Cluster;
  let client: pg.Client;
  beforeAll(async () => {
    await loadParser();
    dir = await mkdtemp(join(tmpdir(), 'headgate-catalogue-'));
    await chmod(dir, 0o755);
    cluster = await openCluster(
      { dir: join(dir, 'cluster'), port: await freePort(), settings: { fsync: 'off' } },
      await findPrograms(major, dir),
    );
    client = new pg.Client(await cluster.connection());
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await new Cluster(cluster.config, cluster.programs).stop();
    await rm(dir, { recursive: true, force: true });
  });

  it('tables come with all that decides about a migration', async () => {
    await client.query(`
      create schema app; set search_path = app, public;
      create domain positive as int not null check (value > 0);
      create table customer(id bigint primary key, name varchar(20) unique);
      create table "Order"(id bigint generated always as identity primary key, customer_id bigint,
        amount numeric(10,2) not null default 0 check (amount >= 0), twice numeric generated always as (amount * 2) stored, p positive);
      alter table "Order" add foreign key (customer_id) references customer(id) not valid;
      create index on "Order"(customer_id) where amount > 5;
      create view open_orders as select id, amount from "Order";
      create table event(at timestamptz) partition by range (at); create table event_rest partition of event default;
      create unlogged table scratch(x int); alter table scratch enable row level security;
      create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
      create trigger t before insert on customer for each row execute function touch();
      insert into customer select i, 'c' || i from generate_series(1, 500) i; analyze customer;
      create temp table hidden(x int);`);
    const catalogue = await readCatalogueOf(client);
    expect(catalogue).toMatchObject({ server: major, timeZone: 'UTC', searchPath: ['app', 'public'] });
    const relation = (name: string) => catalogue.relations.find((each) => each.name === name);
    expect(relation('hidden')).toBeUndefined();
    expect(relation('customer')).toMatchObject({ schema: 'app', kind: 'table', rows: 500 });
    expect(relation('customer')?.triggers).toEqual([
      { name: 't', fires: { calls: 'app.touch', events: ['insert'], each: 'row', decides: true } },
    ]);
    expect(relation('customer')?.bytes).toBeGreaterThan(8_000);
    expect(relation('Order')).toMatchObject({
      columns: [
        { name: 'id', type: 'bigint', nullable: false, identity: true },
        { name: 'customer_id', type: 'bigint', nullable: true },
        { name: 'amount', type: 'numeric(10,2)', nullable: false, default: '0' },
        { name: 'twice', generated: 'stored', from: ['amount'] },
        { name: 'p', type: 'app.positive' },
      ],
    });
    expect(relation('Order')?.constraints).toEqual(
      expect.arrayContaining([
        {
          name: 'Order_customer_id_fkey',
          kind: 'foreign',
          columns: ['customer_id'],
          validated: false,
          references: { relation: 'app.customer', columns: ['id'] },
        },
        {
          name: 'Order_amount_check',
          kind: 'check',
          columns: ['amount'],
          validated: true,
          expression: expect.stringContaining('amount >='),
        },
      ]),
    );
    expect(relation('Order')?.indexes).toContainEqual({
      name: 'Order_customer_id_idx',
      columns: ['customer_id'],
      reads: ['customer_id', 'amount'],
      unique: false,
      computed: true,
      valid: true,
      method: 'btree',
      included: 0,
      plain: true,
    });
    const sequence = catalogue.relations.find(({ kind }) => kind === 'sequence');
    expect(sequence?.ownedBy).toEqual({ relation: 'app.Order', columns: ['id'] });
    expect(relation('open_orders')).toMatchObject({
      kind: 'view',
      uses: [{ relation: 'app.Order', columns: ['id', 'amount'] }],
    });
    expect(relation('event_rest')).toMatchObject({ parents: ['app.event'], defaultPartition: true });
    expect(relation('scratch')).toMatchObject({ unlogged: true, rowSecurity: true });
    expect(catalogue.types).toContainEqual({
      schema: 'app',
      name: 'positive',
      kind: 'domain',
      base: 'integer',
      constrained: true,
    });
    expect(catalogue.routines).toMatchObject([
      {
        schema: 'app',
        name: 'touch',
        volatility: 'volatile',
        language: 'plpgsql',
        source: expect.stringContaining('return new'),
      },
    ]);
    expect(readCatalogue(JSON.stringify(catalogue))).toEqual({ ok: true, catalogue });
  });

  it('what is published, by what rows are told apart, and which rules, policies and values there are', async () => {
    await client.query(`
      create schema pub; set search_path = pub;
      create table keyed(id int primary key, a int not null, b text); create unique index keyed_a on keyed(a);
      create table loose(a int); alter table loose replica identity full; create table bare(a int);
      alter table keyed replica identity using index keyed_a; alter table bare replica identity nothing;
      create publication one for table keyed (a, b) where (b = 'x'), loose with (publish = 'insert, delete');
      create publication every for all tables; create publication several for tables in schema pub;
      create rule r as on delete to loose do also nothing; create policy p on loose;
      create type mood as enum ('sad', 'ok'); create type addr as (street text, nr int);
      create function f() returns trigger language plpgsql as $$ begin return null; end $$;
      create trigger t before insert on bare for each row when (new.a > 1) execute function f();`);
    const { publications, relations, types } = await readCatalogueOf(client);
    expect(publications).toEqual([
      { name: 'every', allTables: true, publishes: ['insert', 'update', 'delete', 'truncate'] },
      { name: 'one', publishes: ['insert', 'delete'] },
      { name: 'several', schemas: ['pub'], publishes: ['insert', 'update', 'delete', 'truncate'] },
    ]);
    const relation = (name: string) => relations.find((each) => each.schema === 'pub' && each.name === name);
    expect(relation('keyed')).toMatchObject({
      replicaIdentity: { index: 'keyed_a' },
      published: [{ by: 'one', columns: ['a', 'b'], filters: ['b'] }],
    });
    expect(relation('loose')).toMatchObject({
      replicaIdentity: 'full',
      published: [{ by: 'one' }],
      rules: ['r'],
      policies: ['p'],
    });
    expect(relation('bare')).toMatchObject({
      replicaIdentity: 'nothing',
      triggers: [
        { name: 't', fires: { calls: 'pub.f', events: ['insert'], each: 'row', decides: true, conditional: true } },
      ],
    });
    expect(types.filter(({ schema }) => schema === 'pub')).toMatchObject([
      {
        name: 'addr',
        attributes: [
          { name: 'street', type: 'text' },
          { name: 'nr', type: 'integer' },
        ],
      },
      { name: 'mood', values: ['sad', 'ok'] },
    ]);
    await client.query('reset search_path; drop publication one, every, several; drop schema pub cascade');
  });

  it('what a statement takes through its triggers is what the server takes', async () => {
    await client.query(`
      create schema fired; set search_path = fired;
      create table counter(id int primary key, n int); create table trail(id int); create table other(id int);
      create table doc(id int, k int, state text); create table part(id int) partition by range (id);
      create table part_all partition of part default;
      insert into doc values (1, 1, 'a'), (2, 2, 'b'); insert into counter values (1, 0);
      create function count_up() returns trigger language plpgsql as $$ begin
        update fired.counter set n = n + 1 where id = new.id; return new; end $$;
      create function trace() returns trigger language plpgsql as $$ begin
        insert into fired.trail values (1); return null; end $$;
      create function never() returns trigger language plpgsql as $$ begin lock table fired.other; return null; end $$;
      create trigger a before insert or update of k on doc for each row execute function count_up();
      create trigger b after update on doc for each statement execute function trace();
      create trigger c after insert on doc for each row execute function never(); alter table doc disable trigger c;
      create trigger d after insert on part for each row execute function trace();`);
    const catalogue = await readCatalogueOf(client);
    const doc = catalogue.relations.find(({ schema, name }) => schema === 'fired' && name === 'doc');
    expect(doc?.triggers).toEqual([
      {
        name: 'a',
        fires: {
          ...{ calls: 'fired.count_up', events: ['insert', 'update'], columns: ['k'] },
          ...{ each: 'row', decides: true },
        },
      },
      { name: 'b', fires: { calls: 'fired.trace', events: ['update'], each: 'statement' } },
      { name: 'c', fires: { calls: 'fired.never', events: ['insert'], each: 'row', off: true } },
    ]);
    for (const sql of [
      'insert into fired.doc values (1, 1)',
      'update fired.doc set k = 2 where k = 1',
      `update fired.doc set state = 'x' where id = 1`,
      'delete from fired.doc where id = 1',
      'insert into fired.part values (1)',
    ]) {
      await client.query(`begin; ${sql}`);
      const { rows } = await client.query(`
        select distinct c.relname as name from pg_locks l join pg_class c on c.oid = l.relation
        where l.pid = pg_backend_pid() and l.mode = 'RowExclusiveLock' and c.relkind in ('r', 'p')
          and c.relnamespace = 'fired'::regnamespace order by 1`);
      await client.query('rollback');
      const [statement] =
        analyse([{ name: 'a.sql', text: sql }], { catalogue, lockTimeout: true }).files[0]?.statements ?? [];
      const ours = (statement?.effects?.locks ?? []).flatMap(({ relation, mode }) =>
        mode === 'ROW EXCLUSIVE' ? [relation.replace('fired.', '')] : [],
      );
      expect(ours.toSorted(), sql).toEqual(rows.map(({ name }) => name));
    }
  });

  it('when it was read, and at which version our own record says that it is', async () => {
    const catalogue = await readCatalogueOf(client);
    expect(catalogue.schemaVersion).toBeUndefined();
    expect(Math.abs((catalogue.readAt ?? 0) - Date.now())).toBeLessThan(3_600_000);
    await client.query(
      'create schema headgate; create table headgate.migration(version int); insert into headgate.migration values (3), (7)',
    );
    expect((await readCatalogueOf(client)).schemaVersion).toBe(7);
    await client.query('create role nobody_here; grant usage on schema headgate to nobody_here; set role nobody_here');
    expect((await readCatalogueOf(client)).schemaVersion).toBeUndefined();
    await client.query('reset role; drop schema headgate cascade; drop role nobody_here');
  });

  it('what the database’s owner made is never run with the rights of whoever reads: no view for our record, no name of PostgreSQL’s', async () => {
    await client.query(`create role owner_here; create schema trap authorization owner_here; create schema headgate authorization owner_here;
      set role owner_here;
      create function trap.sprung() returns int language plpgsql as $$ begin raise exception 'sprung as %', current_user; end $$;
      create function trap.current_setting(text) returns text language sql as 'select trap.sprung()::text';
      create function trap.now() returns timestamptz language sql as 'select pg_catalog.now() where trap.sprung() = 0';
      create view headgate.migration as select trap.sprung() as version;
      reset role; set search_path = trap, pg_catalog, public`);
    try {
      await expect(client.query(`select current_setting('TimeZone')`)).rejects.toThrow('sprung');
      expect(await readCatalogueOf(client)).toMatchObject({
        server: major,
        searchPath: ['trap', 'pg_catalog', 'public'],
      });
    } finally {
      await client.query(
        'reset search_path; drop schema headgate cascade; drop schema trap cascade; drop role owner_here',
      );
    }
  });

  it('nothing is written, and who can’t log in is told without the password', async () => {
    const { host, port, user, password } = await cluster.connection();
    const url = `postgres://${user}:${password}@${host}:${port}/postgres`;
    expect((await readDatabase(url)).server).toBe(major);
    await expect(readDatabase(url.replace(`${password}`, 'wrong-one'))).rejects.toThrow(
      /password authentication failed/,
    );
    await expect(readDatabase(url.replace(`${password}`, 'wrong-one'))).rejects.not.toThrow(/wrong-one/);
  });

  it('every function that is taken for steady is so', async () => {
    const { rows } = await client.query(
      `select proname from pg_proc where pronamespace = 'pg_catalog'::regnamespace and provolatile = 'v' and proname = any ($1)`,
      [[...STEADY_FUNCTIONS]],
    );
    expect(rows).toEqual([]);
  });

  it('every operator that is taken for PostgreSQL’s own is, and none of those, nor of its casts, is volatile', async () => {
    const { rows } = await client.query<{ name: string; volatile: boolean }>(
      `select oprname as name, bool_or(provolatile = 'v') as volatile from pg_operator join pg_proc p on p.oid = oprcode where oprnamespace = 'pg_catalog'::regnamespace group by 1`,
    );
    expect(rows.filter(({ volatile }) => volatile)).toEqual([]);
    expect([...OWN_OPERATORS].filter((each) => !rows.some(({ name }) => name === each))).toEqual([]);
    const casts = await client.query(
      `select from pg_cast c join pg_proc p on p.oid = castfunc where c.oid < 16384 and provolatile = 'v'`,
    );
    expect(casts.rows).toEqual([]);
  });

  it('every function of PostgreSQL’s own that is volatile is known as such', async () => {
    const { rows } = await client.query<{ name: string }>(
      `select distinct proname as name from pg_proc where pronamespace = 'pg_catalog'::regnamespace and provolatile = 'v' and prokind = 'f'
        and proname !~ '^(pg_|binary_upgrade_)' and not prorettype = any ('{trigger,internal,cstring}'::regtype[])
        and not exists (select from unnest(proargtypes) t where t in ('internal'::regtype, 'cstring'::regtype))`,
    );
    const listed = (name: string) => VOLATILE_FUNCTIONS.has(name) || STEADY_FUNCTIONS.has(name);
    expect(rows.filter(({ name }) => !listed(name))).toEqual([]);
  });

  it.runIf(major === 15)('no type of PostgreSQL’s own that is listed is a domain, and none is missing', async () => {
    const { rows } = await client.query<{ name: string }>(
      `select typname as name from pg_type t where typnamespace = 'pg_catalog'::regnamespace and typtype in ('b', 'r', 'm')
        and not exists (select from pg_type e where e.typarray = t.oid) and typname !~ '^pg_(brin|depend|mcv|ndis|node)'`,
    );
    expect(rows.filter(({ name }) => !OWN_TYPES.has(name))).toEqual([]);
  });

  it('every cast that is taken for one that changes no byte is so', async () => {
    const { rows } = await client.query(
      `select s.typname || '>' || t.typname as cast from pg_cast c join pg_type s on s.oid = castsource join pg_type t on t.oid = casttarget where castmethod = 'b'`,
    );
    const known = new Set(rows.map(({ cast }) => cast));
    expect([...BINARY_CASTS].filter((cast) => !known.has(cast))).toEqual([]);
  });

  it.runIf(major === 15)('however many tables there are, the queries are as many', async () => {
    let queries = 0;
    const counted = Object.create(client, {
      query: {
        value(text: string) {
          queries++;
          return client.query(text);
        },
      },
    }) as pg.Client;
    await readCatalogueOf(counted);
    const few = queries;
    await client.query('create schema many; set search_path = many');
    for (let i = 0; i < 4; i++)
      await client.query(
        `do $$ begin for i in ${i * 500}..${i * 500 + 499} loop execute format('create table t%s(id bigint primary key, a text)', i); end loop; end $$`,
      );
    queries = 0;
    const catalogue = await readCatalogueOf(counted);
    expect(catalogue.relations.filter(({ schema }) => schema === 'many')).toHaveLength(2_000);
    expect(queries).toBe(few);
    const report = analyse([{ name: 'a.sql', text: 'create index on t1999(a)' }], { catalogue, lockTimeout: true });
    expect(report.findings).toEqual([]);
  });
});
