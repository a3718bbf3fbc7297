import { chown, lchown, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { readSecret } from '../../machine/durable-file.ts';
import type { RunAs } from '../../machine/run-as.ts';
import { SUPERUSER } from '../../postgres-cluster/cluster.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { runBounded } from '../program-run/bounded-run.ts';
import { type OdooLogin, plainName } from './command.ts';
import { DatabaseDoor, endSessions } from './database-door.ts';
import { inRecords } from './records.ts';
import type { OdooStores } from './store.ts';
import { TOOLS, yieldToOthers } from './yield-to-others.ts';

/** How often new sessions of a tool are told to yield. Milliseconds. */
const YIELD_EVERY_MS = 150;
/** Sessions that dump or restore at once. */
const JOBS = 2;

/** Writes a database into a folder that isn't there yet, with the tools of the server's own package. Throws when it fails. */
export async function dumpDatabase(
  stores: OdooStores,
  database: string,
  dir: string,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<void> {
  const options = ['--format=directory', `--jobs=${JOBS}`, '--compress=1', '--file', dir];
  await tool(stores, database, ['pg_dump', ...options, '--dbname', plainName(database)], deadlineMs, signal);
}

/**
 * Fills an empty database from such a folder, and gathers statistics: without them everything is slow at first. What a dump
 * holds is the tenant's: a check or an index may call functions of its own as rows come in. So it is filled as the owner, by
 * a login for this alone, and never as the superuser. `yields`: everybody else of the machine goes first.
 */
export async function restoreDatabase(
  stores: OdooStores,
  database: string,
  dir: string,
  deadlineMs = 600_000,
  signal = new AbortController().signal,
  yields = true,
): Promise<void> {
  const options = ['--exit-on-error', `--jobs=${JOBS}`, '--dbname', plainName(database)];
  const door = new DatabaseDoor(stores);
  const store = { name: database, database };
  const login = await door.forAssignment(store);
  try {
    await tool(stores, database, ['pg_restore', ...options, dir], deadlineMs, signal, { login, yields });
    const { user, password } = login;
    await withClient(await stores.cluster.connectionAs({ user, password }, database), async (client) => {
      await client.query('analyze');
    });
  } finally {
    await door.endAssignments(store);
  }
  await inRecords(stores, async (client) => {
    await client.query('checkpoint');
  });
}

async function tool(
  stores: OdooStores,
  database: string,
  [program, ...args]: readonly string[],
  deadlineMs: number,
  signal: AbortSignal,
  { login, yields = true }: { readonly login?: OdooLogin; readonly yields?: boolean } = {},
): Promise<void> {
  const { cluster } = stores;
  const user = login?.user ?? SUPERUSER;
  const password = login?.password ?? (await readSecret(cluster.passwordFile));
  const look = (): void => {
    // Best effort: a look that fails leaves them as they are.
    inRecords(stores, (client) => yieldToOthers(client, { database })).catch(() => {});
  };
  const yielding = yields ? setInterval(look, YIELD_EVERY_MS) : undefined;
  const run = await runBounded({
    command: [join(cluster.programs.bin, program!), ...args],
    environment: {
      PATH: '/usr/bin:/bin',
      LC_ALL: 'C',
      PGHOST: '127.0.0.1',
      PGPORT: String(cluster.config.port),
      PGUSER: user,
      PGPASSWORD: password,
      // A restore commits thousands of times; the checkpoint after it makes all of them durable at once.
      PGOPTIONS: '-c statement_timeout=0 -c lock_timeout=60000 -c synchronous_commit=off',
      PGAPPNAME: TOOLS,
    },
    // One folder a database: what is left in it from a killed run is ended before the next.
    workDir: join(stores.dir, 'tools', database),
    user: undefined,
    deadlineMs,
    signal,
    yields,
    secrets: [password],
  }).finally(() => clearInterval(yielding));
  if (run.exitCode !== 0) {
    const how = run.ended === 'by-itself' ? `ended with ${run.exitCode}` : `was stopped (${run.ended})`;
    throw new Error(`${program} ${how}: ${run.output.trim().slice(-800)}`);
  }
}

/** Makes an empty database of the owner's that nobody of Odoo's may open. `anew`: what had its name is dropped. */
export async function createDatabase(stores: OdooStores, database: string, how: 'anew' | 'if-missing'): Promise<void> {
  await withClient(await stores.cluster.controlConnection(), async (client) => {
    const name = pg.escapeIdentifier(plainName(database));
    const owner = pg.escapeIdentifier(stores.owner);
    if (how === 'anew') await dropDatabase(client, database);
    else if ((await client.query('select 1 from pg_database where datname = $1', [database])).rowCount) return;
    await client.query(`create database ${name} owner ${owner} template template0 encoding 'UTF8'`);
    await client.query(`revoke connect on database ${name} from public, ${owner}`);
  });
}

/** Copies a database that nobody uses, server-side: fast, and only for making tenants. What had the name is dropped. */
export async function copyDatabase(stores: OdooStores, from: string, to: string): Promise<void> {
  await withClient(await stores.cluster.controlConnection(), async (client) => {
    const name = pg.escapeIdentifier(plainName(to));
    const owner = pg.escapeIdentifier(stores.owner);
    await dropDatabase(client, to);
    await endSessions(client, 'datname = $1', [from]);
    await client.query(`create database ${name} owner ${owner} template ${pg.escapeIdentifier(plainName(from))}`);
    await client.query(`revoke connect on database ${name} from public, ${owner}`);
  });
}

/** Ends what uses a database and removes it. */
export async function dropDatabase(client: pg.ClientBase, database: string): Promise<void> {
  await client.query(`drop database if exists ${pg.escapeIdentifier(plainName(database))} with (force)`);
}

/** Gives a folder and all in it to the user that Odoo runs as. */
export async function ownTree(dir: string, user: RunAs | undefined): Promise<void> {
  if (!user) return;
  await chown(dir, user.uid, user.gid);
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true }))
    await lchown(join(entry.parentPath, entry.name), user.uid, user.gid);
}
