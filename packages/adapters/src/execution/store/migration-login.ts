import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Store } from './store-session.ts';

/** What the migrations' logins are called, one for each database: this, and the database's number. */
export const MIGRATOR = 'headgate_migrator_';
/** How long a session may take to end once it was told to. Milliseconds. */
const END_MS = 5_000;

/**
 * The login that migrations run as: no rights of its own but to be the application's owner, and closed (NOLOGIN) except
 * for the moment in which a migration's session is opened. One for each database, so that a migration of one can't reach
 * another. Whatever was changed about it, also by itself, is put right. In the caller's transaction, a superuser's.
 */
export async function prepareMigrationLogin(client: pg.ClientBase, store: Store): Promise<string> {
  const { rows } = await client.query<{ login: string; there: boolean }>(
    `select name.login, exists (select from pg_roles where rolname = name.login) as there
     from (select $1::text || oid as login from pg_database where datname = current_database()) name`,
    [MIGRATOR],
  );
  const { login, there } = rows[0]!;
  const role = pg.escapeIdentifier(login);
  const user = pg.escapeIdentifier(store.user);
  const database = pg.escapeIdentifier(store.database);
  await client.query(
    `${there ? 'alter' : 'create'} role ${role} nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit`,
  );
  if (!there) await client.query(`alter role ${role} nologin`);
  await client.query(`grant ${user} to ${role}`);
  await client.query(`grant connect on database ${database} to ${role}`);
  await client.query(`grant usage on schema headgate to ${role}`);
  await client.query(
    `grant execute on function headgate.enter_migration(), headgate.record_migration(text) to ${role}`,
  );
  await client.query(`grant execute on function headgate.run_migration(text) to ${user}`);
  return login;
}

/**
 * Which of the roles that the login can take on would make a migration more than the application's owner, in words;
 * `undefined` when none does. Our own care would be for nothing then.
 */
export async function tooMuchRight(client: pg.ClientBase, login: string): Promise<string | undefined> {
  const { rows } = await client.query<{ rolname: string; right: string }>(
    `select rolname, case when rolsuper then 'is a superuser' when rolcreaterole then 'may create roles'
       when rolreplication then 'may replicate' else 'reaches the server''s files and programs' end as right
     from pg_roles
     where pg_has_role($1, oid, 'member')
       and (rolsuper or rolcreaterole or rolreplication
         or rolname in ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program'))
     limit 1`,
    [login],
  );
  return rows[0] && `${rows[0].rolname} ${rows[0].right}`;
}

/** Opens the login for one session: with a password that nobody knew before and that `closeMigrationLogin` takes away. */
export async function openMigrationLogin(client: pg.ClientBase, login: string): Promise<string> {
  const password = randomBytes(24).toString('base64url');
  // The server never logs statements (see the cluster's settings), so the password in this one stays here.
  await client.query(`alter role ${pg.escapeIdentifier(login)} login password ${pg.escapeLiteral(password)}`);
  return password;
}

/** Lets no further session in. Those that are there go on. */
export async function shutMigrationLogin(client: pg.ClientBase, login: string): Promise<void> {
  await client.query(`alter role ${pg.escapeIdentifier(login)} nologin password null`);
}

/**
 * Locks the login out: nobody gets in, whoever is in is thrown out and gone when this returns, and no permit or setting
 * is left. By a session that holds the store's migrations: nobody else's can be under way, so what is there was left by
 * one that was killed, and could never commit.
 */
export async function closeMigrationLogin(client: pg.ClientBase, login: string): Promise<void> {
  const role = pg.escapeIdentifier(login);
  await client.query(`alter role ${role} nologin`);
  const until = performance.now() + END_MS;
  while ((await endMigrationSessions(client, login)) > 0) {
    if (performance.now() >= until)
      throw new Error(`A session of ${login} doesn't end; look at the store's PostgreSQL`);
    await new Promise((done) => setTimeout(done, 10));
  }
  await client.query(`alter role ${role} reset all`);
  const { rows } = await client.query<{ database: string }>('select current_database() as database');
  await client.query(`alter role ${role} in database ${pg.escapeIdentifier(rows[0]!.database)} reset all`);
  await client.query('delete from headgate.permit');
  // Last, and it always writes: with it everything is on disk that was committed before, however it was committed.
  await client.query(`alter role ${role} password null`);
}

/** Tells the login's sessions to end; nothing that they run can hold that up. Returns how many there still were. */
export async function endMigrationSessions(client: pg.ClientBase, login: string): Promise<number> {
  const { rows } = await client.query<{ n: number }>(
    `select count(pg_terminate_backend(pid))::int as n from pg_stat_activity where usename = $1`,
    [login],
  );
  return rows[0]!.n;
}
