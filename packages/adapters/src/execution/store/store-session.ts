import type { StepContext } from '@headgate/execution';
import pg from 'pg';
import { readSecret } from '../../machine/durable-file.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { type Login, ownSession } from '../../postgres-cluster/own-session.ts';
import { closeMigrationLogin, prepareMigrationLogin } from './migration-login.ts';
import { prepareSchema } from './store-schema.ts';

/** The PostgreSQL server that a store is on: a cluster that we keep, or one that somebody else does. */
export interface StoreServer {
  /**
   * How to connect as a superuser: always in a session of ours (../../postgres-cluster/own-session.ts). There is no other
   * way to one, so that none goes by what a database's owner set for it.
   */
  controlConnection(database?: string): Promise<pg.ClientConfig>;
  /** How to connect with rights of its own, by what the database's owner set. */
  connectionAs(login: Login, database: string): Promise<pg.ClientConfig>;
  /** PostgreSQL's major version. */
  major(): Promise<number>;
}

/** One store of a cell: a database, and the login that the application uses. */
export interface Store {
  readonly name: string;
  readonly cluster: StoreServer;
  readonly database: string;
  readonly user: string;
  /** The login's password: in a 0600 file, or told when it is asked for. */
  readonly passwordFile: string | (() => Promise<string>);
}

/** After which the server ends a statement, a transaction or a session, and the version of PostgreSQL that first knew it. */
const TIMEOUTS: Readonly<Record<string, number>> = {
  statement_timeout: 0,
  lock_timeout: 0,
  idle_in_transaction_session_timeout: 0,
  idle_session_timeout: 14,
  transaction_timeout: 17,
};

/**
 * Options of a session that no timeout of the database's owner ends: only those that the server knows, since it turns away
 * whoever names another.
 */
export async function withoutTimeouts(server: Pick<StoreServer, 'major'>): Promise<string> {
  const version = await server.major();
  const known = Object.entries(TIMEOUTS).filter(([, since]) => since <= version);
  return known.map(([name]) => `-c ${name}=0`).join(' ');
}

/** How we connect to a store ourselves, as superuser, for as long as it takes. */
export async function controlConnection(store: Pick<Store, 'cluster' | 'database'>): Promise<pg.ClientConfig> {
  const config = await store.cluster.controlConnection(store.database);
  return { ...config, options: `${config.options ?? ''} ${await withoutTimeouts(store.cluster)}` };
}

/** How to connect with the application's own rights. Whoever is logged in as it can't be more by `reset role`. */
export async function ownersConnection(store: Store): Promise<pg.ClientConfig> {
  const { user, passwordFile } = store;
  const password = typeof passwordFile === 'string' ? await readSecret(passwordFile) : await passwordFile();
  return store.cluster.connectionAs({ user, password }, store.database);
}

/** The same by our settings: values are read and written in one form, whatever was set for the database or the login. */
export async function rowsConnection(store: Store): Promise<pg.ClientConfig> {
  const config = await ownersConnection(store);
  return ownSession({ ...config, options: await withoutTimeouts(store.cluster) });
}

/** How long somebody else may keep us from preparing a store. Milliseconds. */
const PREPARE_MS = 10_000;

/** Creates our schema and the migrations' login unless they are there, and ends what a killed migration left running. */
export async function prepareStore(store: Store): Promise<void> {
  await withClient(await controlConnection(store), async (client) => {
    const login = await prepareForMigrations(client, store);
    if (await holdMigrations(client)) await closeMigrationLogin(client, login);
  });
}

/** Our schema, and who may what there, as they have to be. Returns the name of the migrations' login. */
export async function prepareForMigrations(client: pg.ClientBase, store: Store): Promise<string> {
  const user = pg.escapeIdentifier(store.user);
  await client.query('begin');
  await client.query(`set local lock_timeout = ${PREPARE_MS}`);
  // Two sessions that do this at once would collide ("if not exists", grants); the lock lets one go first.
  await client.query(`select pg_advisory_xact_lock(hashtext('headgate.schema'))`);
  await prepareSchema(client);
  await client.query(`grant usage on schema headgate to ${user}`);
  await client.query(`grant select on headgate.route, headgate.migration to ${user}`);
  const login = await prepareMigrationLogin(client, store);
  await client.query('commit');
  return login;
}

/** Makes this session the one that may migrate the store, for as long as it lives. False: another one is. */
export async function holdMigrations(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query(`select pg_try_advisory_lock(hashtext('headgate.migration')) as mine`);
  return rows[0].mine;
}

/** Raises the store's fence to this step's, in the caller's transaction, whose end releases the row. False: a later one was seen. */
export async function raiseFence(client: pg.ClientBase, ctx: Pick<StepContext, 'cell' | 'fence'>): Promise<boolean> {
  const { rowCount } = await client.query(
    `insert into headgate.fence as held(scope, epoch, n) values ($1, $2, $3)
     on conflict (scope) do update set epoch = excluded.epoch, n = excluded.n
     where (held.epoch, held.n) <= (excluded.epoch, excluded.n)`,
    [fenceScope(ctx), ctx.fence.epoch, ctx.fence.n],
  );
  return rowCount === 1;
}

/** Whose decisions a fence row orders: a cell's. */
export function fenceScope(ctx: Pick<StepContext, 'cell'>): string {
  return `cell:${ctx.cell}`;
}
