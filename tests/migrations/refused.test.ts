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
import { ENUMS, NAMES, THERE, TRANSACTIONS } from './refused/statements.ts';

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

  test.each([...ENUMS, ...NAMES])('%s', async (sql) => {
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
});
