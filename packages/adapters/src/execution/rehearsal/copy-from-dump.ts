/** A copy of a database that is there, by PostgreSQL's own dump: it only reads there. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import { type ConnectionUrl, clientConfig } from '../external-store/connection-url.ts';
import { findTools, runTool } from '../external-store/postgres-tools.ts';
import { closeMigrationLogin, openMigrationLogin, tooMuchRight } from '../store/migration-login.ts';
import { controlConnection, prepareForMigrations } from '../store/store-session.ts';
import { type Copy, recordedVersion } from './copy.ts';
import { type CopyServer, makeRoles, rolesOf } from './copy-server.ts';
import { likenessOf, throwAwayDatabase } from './throw-away-database.ts';

export interface DumpAsk {
  /** Reads the database: its owner, or whoever may see all of it. */
  readonly source: ConnectionUrl;
  readonly onto: CopyServer;
  /** For the dump itself; removed afterwards. */
  readonly workDir: string;
  readonly toolsDir?: string | undefined;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

interface SourceFacts {
  readonly owner: string;
  readonly major: number;
  readonly roles: readonly string[];
  readonly extensions: readonly { readonly name: string; readonly schema: string }[];
  readonly version: number | undefined;
  readonly like: Awaited<ReturnType<typeof likenessOf>>;
}

/** What belongs to PostgreSQL, or to a superuser, and is there already. */
const THERE = /^\d+; \d+ \d+ (EXTENSION|COMMENT - EXTENSION|SCHEMA - public|ACL - SCHEMA public) /;

/** Dumps it, and loads the dump into a database of its own as the application's owner. */
export async function copyFromDump(ask: DumpAsk): Promise<Copy> {
  const { source, onto, workDir, deadlineMs, signal } = ask;
  const begun = performance.now();
  const takenAt = Date.now();
  const facts = await withClient(clientConfig(source), sourceFacts);
  const major = await onto.server.major();
  if (major < facts.major)
    throw new Error(
      `the copy would be on PostgreSQL ${major}, and the database is on ${facts.major}: name a newer server`,
    );
  const toolsDir = await findTools(facts.major, ask.toolsDir);
  if (toolsDir === undefined)
    throw new Error(
      `no pg_dump of PostgreSQL ${facts.major} or later is on this machine; install postgresql-client-${facts.major}`,
    );
  await makeRoles(onto, facts.roles);
  // Known before anything is copied, which may take long.
  const right = await withClient(await onto.server.controlConnection(), (client) => tooMuchRight(client, facts.owner));
  if (right !== undefined)
    throw new Error(
      `the migrations could do more than the work of their owner, to whom the database ${source.database} belongs: ${right}; let it belong to the application's own role (alter database … owner to …), or take that right away`,
    );
  const thrown = await throwAwayDatabase(onto.server, facts.owner, { like: facts.like });
  const dump = join(workDir, `${thrown.database}.dump`);
  const bounds = { toolsDir, workDir, deadlineMs, signal };
  const store = {
    name: source.database,
    cluster: onto.server,
    database: thrown.database,
    user: facts.owner,
    passwordFile: () => Promise.reject(new Error('nobody logs in to a copy as its application')),
  };
  try {
    await mkdir(workDir, { recursive: true, mode: 0o700 });
    const format = ['--format=directory', '--jobs=2', '--compress=1'];
    const left = ['--exclude-schema=headgate', '--exclude-schema=headgate_copy'];
    const into = ['--file', dump, '--dbname', source.database];
    await runTool({ ...bounds, program: 'pg_dump', args: [...format, ...left, ...into], url: source });
    const url = { ...(await onto.server.url()), database: thrown.database };
    const contents = await runTool({ ...bounds, program: 'pg_restore', args: ['--list', dump], url });
    const list = `${dump}.list`;
    const lines = contents.split('\n').filter((line) => !THERE.test(line));
    await writeFile(list, `${lines.join('\n')}\n`, { mode: 0o600 });
    await withClient(await controlConnection(store), async (client) => {
      const owner = pg.escapeIdentifier(facts.owner);
      for (const { name, schema } of facts.extensions) {
        const quoted = pg.escapeIdentifier(schema);
        await client.query(`create schema if not exists ${quoted} authorization ${owner}`);
        await client.query(`create extension if not exists ${pg.escapeIdentifier(name)} schema ${quoted}`);
      }
      const login = await prepareForMigrations(client, store);
      await client.query(`grant all on schema public to ${owner}`);
      // As the application's owner, never as a superuser: an index may call the dump's own functions.
      const password = await openMigrationLogin(client, login);
      try {
        const how = ['--exit-on-error', '--no-owner', `--role=${facts.owner}`, '--jobs=2', `--use-list=${list}`];
        const args = [...how, '--dbname', thrown.database, dump];
        await runTool({ ...bounds, program: 'pg_restore', args, url: { ...url, user: login, password } });
      } finally {
        await closeMigrationLogin(client, login);
      }
    });
  } catch (error) {
    await thrown.drop();
    throw error;
  } finally {
    await rm(dump, { recursive: true, force: true });
    await rm(`${dump}.list`, { force: true });
  }
  return {
    store,
    origin: { how: 'dump', of: source.database, takenAt },
    schemaVersion: facts.version,
    readyMs: performance.now() - begun,
    remove: () => thrown.drop(),
  };
}

async function sourceFacts(client: pg.Client): Promise<SourceFacts> {
  const { rows } = await client.query<{ owner: string; major: number }>(
    `select pg_get_userbyid(datdba) as owner, current_setting('server_version_num')::int / 10000 as major from pg_database where datname = current_database()`,
  );
  const { rows: extensions } = await client.query<SourceFacts['extensions'][number]>(
    `select extname as name, extnamespace::regnamespace::text as schema from pg_extension where extname <> 'plpgsql' order by 1`,
  );
  const version = await recordedVersion(client);
  return { ...rows[0]!, roles: await rolesOf(client), extensions, version, like: await likenessOf(client) };
}
