import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCatalogueOf } from '@headgate/adapters/catalogue/read-database';
import { freePort } from '@headgate/adapters/machine/free-port';
import { Cluster, findPrograms, openCluster, type PostgresMajor } from '@headgate/adapters/postgres-cluster/index';
import type { Catalogue } from '@headgate/migrations';
import pg from 'pg';
import { LARGE, PRELUDE, SCALE, type TestTable } from './tables.ts';
import { answersOf, type Baseline } from './trace.ts';

export interface OracleDatabase {
  readonly client: pg.Client;
  readonly pid: number;
  readonly base: Baseline;
  /** As the reader reads it, with the large tables a million times as large. */
  readonly catalogue: Catalogue;
  connect(): Promise<pg.Client>;
  remove(): Promise<void>;
}

/** What running code does beside its table. */
const EVERYWHERE = [
  `select 'ok'::mood::text`,
  'select shout()',
  `insert into parent(id, tag) values (777777, 'q') returning tag`,
  'select count(*) from parent',
  `select 5::positive::text`,
  `select 'x'::label::text`,
];

/** A server of its own with the tables, and what it answers before anything is changed. */
export async function openDatabase(major: PostgresMajor, tables: readonly TestTable[]): Promise<OracleDatabase> {
  const undo: (() => Promise<unknown>)[] = [];
  try {
    return await fill(major, tables, undo);
  } catch (error) {
    for (const each of undo.reverse()) await each();
    throw error;
  }
}

async function fill(
  major: PostgresMajor,
  tables: readonly TestTable[],
  undo: (() => Promise<unknown>)[],
): Promise<OracleDatabase> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-oracle-'));
  await chmod(dir, 0o755);
  const settings = { fsync: 'off', autovacuum: 'off' };
  const cluster = await openCluster(
    { dir: join(dir, 'cluster'), port: await freePort(), settings },
    await findPrograms(major, dir),
  );
  undo.push(
    () => rm(dir, { recursive: true, force: true }),
    () => new Cluster(cluster.config, cluster.programs).stop(),
  );
  const connect = async (): Promise<pg.Client> => {
    const made = new pg.Client(await cluster.connection());
    made.on('error', () => {});
    await made.connect();
    return made;
  };
  const client = await connect();
  undo.push(() => client.end());
  await client.query(`create role app; create schema other; create schema oracle; set client_min_messages = error`);
  for (const sql of [...PRELUDE, ...tables.flatMap(({ ddl }) => ddl)])
    await client.query(sql).catch((error: Error) => {
      throw new Error(`${error.message} in ${sql}`);
    });
  await client.query(`
    grant usage on schema public, oracle to app;
    grant all on all tables in schema public to app; grant all on all sequences in schema public to app;
    create table oracle.statement(relation text, place int, sql text); grant select on oracle.statement to app;
    create function oracle.old_code(which text) returns text[] language plpgsql as $$
      declare each record; answer record; answers text[] := '{}';
      begin
        for each in select sql from oracle.statement where relation = which order by place loop
          begin
            execute each.sql into answer;
            answers := answers || coalesce(answer::text, 'done');
          exception when others then answers := answers || ('ERROR ' || sqlerrm);
          end;
        end loop;
        return answers;
      end $$`);
  for (const { name, oldCode } of tables)
    for (const [place, sql] of [...oldCode, ...EVERYWHERE].entries())
      await client.query('insert into oracle.statement values ($1, $2, $3)', [name, place, sql]);
  await client.query('analyze');
  const answers = new Map<string, readonly string[]>();
  for (const { name } of tables) {
    await client.query('begin');
    answers.set(name, await answersOf(client, name));
    await client.query('rollback');
  }
  const { rows } = await client.query(`select c.oid::text, greatest(c.reltuples, 0)::float8 as many from pg_class c
    join pg_namespace n on n.oid = c.relnamespace where nspname = 'public' and relkind in ('r', 'm')`);
  const [{ pid }] = (await client.query('select pg_backend_pid() as pid')).rows;
  return {
    client,
    pid,
    base: { rows: new Map(rows.map(({ oid, many }) => [oid, many])), answers },
    catalogue: grown(await readCatalogueOf(client)),
    connect,
    async remove() {
      await client.end();
      await new Cluster(cluster.config, cluster.programs).stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A thousand rows take no time anywhere: what is large here is said to be large. */
function grown(catalogue: Catalogue): Catalogue {
  return {
    ...catalogue,
    relations: catalogue.relations
      .filter(({ schema }) => schema !== 'oracle')
      .map((relation) =>
        (relation.rows ?? 0) < LARGE / 2
          ? relation
          : {
              ...relation,
              rows: (relation.rows ?? 0) * SCALE,
              bytes: (relation.bytes ?? 0) * SCALE,
              indexBytes: (relation.indexBytes ?? 0) * SCALE,
            },
      ),
  };
}
