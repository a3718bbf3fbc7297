/** What a database is beside what a dump of it holds: read from one, kept with its restore points, and given to an empty one. */
import pg from 'pg';
import { z } from 'zod';
import { MIGRATOR } from '../store/migration-login.ts';
import { THIS_DATABASE } from '../store/this-database.ts';

export const Likeness = z.strictObject({
  encoding: z.string(),
  collate: z.string(),
  ctype: z.string(),
  /** Of the database, or of a role in it. */
  settings: z.array(z.strictObject({ role: z.string().nullable(), name: z.string(), value: z.string() })),
  /** Who may do what with it; nobody named: everybody. */
  rights: z.array(z.strictObject({ right: z.string(), grantee: z.string().nullable() })),
});
export type Likeness = z.output<typeof Likeness>;

/** Settings whose value is a list of names. */
const LISTS = new Set(['search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries']);

/** Of a database of the session's server. */
export async function likenessOf(client: pg.ClientBase, database: string): Promise<Likeness> {
  const { rows } = await client.query<Omit<Likeness, 'settings' | 'rights'>>(
    `select pg_encoding_to_char(encoding) as encoding, datcollate as collate, datctype as ctype from pg_database where datname = $1`,
    [database],
  );
  const { rows: settings } = await client.query<Likeness['settings'][number]>(
    `select case when setrole <> 0 then pg_get_userbyid(setrole) end as role,
       split_part(each, '=', 1) as name, substr(each, strpos(each, '=') + 1) as value
     from pg_db_role_setting, unnest(setconfig) as each
     where setdatabase = (select oid from pg_database where datname = $1)`,
    [database],
  );
  const { rows: rights } = await client.query<Likeness['rights'][number]>(
    `select privilege_type as right, case when grantee <> 0 then pg_get_userbyid(grantee) end as grantee
     from pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) where datname = $1`,
    [database],
  );
  return { ...rows[0]!, settings, rights: rights.filter(({ grantee }) => !grantee?.startsWith(MIGRATOR)) };
}

/** Which database the session is in, and the roles beside `owner` that something of it names. */
export async function placeAndRoles(
  client: pg.ClientBase,
  owner: string,
): Promise<{ readonly place: string; readonly roles: readonly string[] }> {
  const { rows } = await client.query<{ place: string; roles: string[] }>(
    `with here as (select oid from pg_database where datname = current_database())
     select ${THIS_DATABASE} as place, array(
       select rolname::text from pg_roles
       where rolname <> $1 and rolname !~ '^(pg_|headgate_)' and oid in (
         select refobjid from pg_shdepend, here
         where refclassid = 'pg_authid'::regclass and deptype <> 'o'
           and (dbid = here.oid or (dbid = 0 and classid = 'pg_database'::regclass and objid = here.oid))
         union select setrole from pg_db_role_setting, here where setdatabase = here.oid)
       order by 1) as roles`,
    [owner],
  );
  return rows[0]!;
}

/** An empty database of that kind: encoding, collation, owner, settings, and who may connect. Not known: as the server makes one in UTF-8. */
export async function createDatabase(
  client: pg.ClientBase,
  database: string,
  owner: string,
  like: Likeness | undefined,
): Promise<void> {
  const quoted = pg.escapeIdentifier;
  const locale =
    like === undefined ? '' : ` lc_collate ${pg.escapeLiteral(like.collate)} lc_ctype ${pg.escapeLiteral(like.ctype)}`;
  await client.query(
    `create database ${quoted(database)} owner ${quoted(owner)} template template0 encoding ${pg.escapeLiteral(like?.encoding ?? 'UTF8')}${locale}`,
  );
  if (like === undefined) return;
  for (const { role, name, value } of like.settings) {
    const whose =
      role === null ? `database ${quoted(database)}` : `role ${quoted(role)} in database ${quoted(database)}`;
    if (!LISTS.has(name)) {
      await client.query(`alter ${whose} set ${quoted(name)} = ${pg.escapeLiteral(value)}`);
      continue;
    }
    // As one literal a list would become one name. The server takes it apart, and hands it on.
    await client.query('begin');
    await client.query('select set_config($1, $2, true)', [name, value]);
    await client.query(`alter ${whose} set ${quoted(name)} from current`);
    await client.query('commit');
  }
  await client.query(`revoke all on database ${quoted(database)} from public`);
  for (const { right, grantee } of like.rights)
    await client.query(
      `grant ${right} on database ${quoted(database)} to ${grantee === null ? 'public' : quoted(grantee)}`,
    );
}
