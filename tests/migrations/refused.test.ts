/**
 * What PostgreSQL refuses for certain, against a real server: what it refuses must be said to fail, and what it takes must not.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCatalogueOf } from '@headgate/adapters/catalogue/read-database';
import { freePort } from '@headgate/adapters/machine/free-port';
import { Cluster, findPrograms, openCluster, type PostgresMajor } from '@headgate/adapters/postgres-cluster/index';
import { analyse, type Catalogue, type Finding, loadParser } from '@headgate/migrations';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COLUMNS_AND_KEYS } from './refused/columns-and-keys.ts';
import { COLUMNS, DROPS, ENUMS, FITS, NAMES, THERE, TRANSACTIONS } from './refused/statements.ts';

describe.each<[PostgresMajor]>([[15], [18]])('on PostgreSQL %i', (major) => {
  let client: pg.Client;
  let catalogue: Catalogue;
  const undo: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    await loadParser();
    const dir = await mkdtemp(join(tmpdir(), 'headgate-refused-'));
    await chmod(dir, 0o755);
    undo.push(() => rm(dir, { recursive: true, force: true }));
    const cluster = await openCluster(
      { dir: join(dir, 'cluster'), port: await freePort(), settings: { fsync: 'off' } },
      await findPrograms(major, dir),
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

  const found = (text: string): readonly Finding[] =>
    analyse([{ name: 'a.sql', text }], { catalogue, lockTimeout: true }).findings;
  /** Carries the statements out as Headgate does, in one transaction; answers why the server refuses one. */
  async function refusal(sql: string): Promise<string | undefined> {
    await client.query('begin');
    try {
      for (const each of sql.includes('$$') ? [sql] : sql.split('; ')) await client.query(each);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    } finally {
      await client.query('rollback');
    }
  }

  test.each([...ENUMS, ...NAMES, ...FITS, ...COLUMNS_AND_KEYS])('%s', async (sql) => {
    const why = await refusal(sql);
    const said = found(sql).filter(({ rule, level }) => rule === 'fails' && level === 'error');
    expect(said.map(({ message }) => message).length > 0, `${why}`).toBe(why !== undefined);
  });

  test.each(TRANSACTIONS)('in a transaction: %s', async (sql) => {
    const why = await refusal(sql);
    const said = found(sql).filter(({ rule, level }) => level === 'error' && /^(fails|not-in-transaction)$/.test(rule));
    expect(said.map(({ message }) => message).length > 0, `${why}`).toBe(why !== undefined);
  });

  test('a safe way out of a transaction is told of what Headgate runs so alone', () => {
    const ways = (sql: string) => found(sql).flatMap(({ safeWays }) => safeWays.map((way) => way.sql[0]));
    expect(ways('vacuum customer')).toContain('-- headgate:no-transaction');
    expect(ways('discard all')).toEqual([]);
  });

  test('a transaction that is prepared holds its locks until somebody ends it', async () => {
    const sql = "update invoice set note = 'x' where id = 1; prepare transaction 'left'";
    expect(found(sql)).toContainEqual(expect.objectContaining({ rule: 'explicit-lock', level: 'error' }));
    expect(
      analyse([{ name: 'a.sql', text: "prepare transaction 'left'" }], { catalogue, transaction: 'statement' })
        .findings,
    ).toEqual([]);
  });

  /** How many rows each of running code's statements writes. */
  async function written(): Promise<readonly (number | undefined)[]> {
    const counts: (number | undefined)[] = [];
    for (const sql of [
      "insert into customer values (77, 'q')",
      "update customer set email = 'w' where id = 2",
      'delete from customer where id = 2',
    ]) {
      await client.query('savepoint code');
      const before = await client.query('select * from customer order by id');
      await client.query(sql).catch(() => client.query('rollback to savepoint code'));
      const after = await client.query('select * from customer order by id');
      counts.push(JSON.stringify(before.rows) === JSON.stringify(after.rows) ? 0 : 1);
      await client.query('rollback to savepoint code');
    }
    return counts;
  }

  test.each(DROPS)('%s: writes that are dropped without a word are said to be', async (sql) => {
    await client.query("begin; insert into customer values (2, 'two')");
    await client.query(sql);
    const refused = sql.includes('never()');
    const counts = await written().finally(() => client.query('rollback'));
    const dropped = ['INSERT', 'UPDATE', 'DELETE'].filter((_, i) => counts[i] === 0 && !refused);
    const said = found(sql).flatMap(({ rule, message }) =>
      rule === 'breaks-running-code' && message.includes('nobody is told')
        ? (message.split(' of running code')[0] ?? '').replace(/ \(.*/, '').split(', ')
        : [],
    );
    // Of an UPDATE OF the column that the code sets decides.
    const expected = sql.includes('update of id') ? ['UPDATE'] : dropped;
    expect(said.toSorted()).toEqual(expected.toSorted());
  });

  test.each(COLUMNS)('add column if not exists %s: %s', async (column, is) => {
    const sql = `alter table invoice add column if not exists ${column}`;
    await client.query('begin');
    const names = async () =>
      (await client.query(`select count(*)::int as n from pg_attribute where attrelid = 'invoice'::regclass`)).rows[0]
        .n;
    const before = await names();
    await client.query(sql);
    const made = (await names()) !== before;
    await client.query('rollback');
    expect(made).toBe(is === 'made');
    const said = found(sql).filter(({ rule }) => rule === 'does-nothing');
    expect(said.map(({ level }) => level)).toEqual(
      { same: ['note'], other: ['error'], unknown: ['warning'], made: [] }[is],
    );
  });

  test('a REFRESH … CONCURRENTLY is the safe way itself, however large its source', () => {
    const relations = catalogue.relations.map((each) => ({ ...each, rows: 200e6, bytes: 40e9 }));
    const { findings } = analyse([{ name: 'a.sql', text: 'refresh materialized view concurrently mv' }], {
      catalogue: { ...catalogue, relations },
    });
    expect(findings).toEqual([]);
  });

  test('where there is a default partition, the safe way is about that one, too', () => {
    const relations = catalogue.relations.map((each) => ({ ...each, rows: 200e6, bytes: 40e9 }));
    for (const sql of [
      'alter table ledger attach partition small for values from (20) to (25)',
      'create table l2 partition of ledger for values from (20) to (25)',
    ]) {
      const { findings } = analyse([{ name: 'a.sql', text: sql }], {
        catalogue: { ...catalogue, relations },
        lockTimeout: true,
      });
      const ways = findings.flatMap(({ safeWays }) => safeWays.flatMap((way) => way.sql));
      expect(ways).toContain('ALTER TABLE public.ledger_def VALIDATE CONSTRAINT none_of_it;');
    }
  });
});
