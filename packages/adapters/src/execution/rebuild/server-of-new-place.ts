/**
 * The server that a person names for a store of somebody else's in its new place, looked at before anything is touched there: what of
 * it stands in the way, each with what would unblock it.
 */
import pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import { fitsVerifier } from '../../postgres-cluster/scram-verifier.ts';
import { claimIdIn, claimText, isOwnClaim, type StandingClaim, standingOf } from '../external-store/claim.ts';
import { type ConnectionUrl, readConnectionUrl } from '../external-store/connection-url.ts';
import { ExternalServer, type ExternalStoreConfig } from '../external-store/external-store.ts';
import { findTools } from '../external-store/postgres-tools.ts';
import type { DumpWants } from './point-to-rebuild.ts';

/** Where a store's application finds it. */
export function addressOf({ host, port }: Pick<ConnectionUrl, 'host' | 'port'>): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

export interface ServerFound {
  /** `host:port` of the administrator's login. */
  readonly at: string;
  readonly database: string;
  readonly user: string;
  readonly passwordFits: boolean;
  /** Why it can't be asked; then nothing else is known. */
  readonly away?: string;
  readonly superuser: boolean;
  readonly major: number;
  /** The cluster's own number. */
  readonly system: string;
  readonly owner: 'missing' | 'plain' | 'superuser';
  /** The database of the store's name, if it is there. */
  readonly there?: DatabaseThere;
  /** Of those that are wanted. */
  readonly missingRoles: readonly string[];
  readonly missingExtensions: readonly string[];
  /** Folder of a pg_restore for it. */
  readonly toolsDir: string | undefined;
}

export interface DatabaseThere {
  /** Its number in the cluster. */
  readonly oid: string;
  readonly encoding: string;
  /** Something that is in it; absent: nothing. */
  readonly holds?: string;
  readonly claim?: StandingClaim;
}

export interface InTheWay {
  readonly where: string;
  readonly why: string;
  readonly unblock: string;
}

/** Looks, and changes nothing. `toolsMajor`: of what reads the dump, where that isn't the server's own business. Throws where a URL isn't there or isn't one. */
export async function lookAtServer(
  config: ExternalStoreConfig,
  wants: DumpWants,
  toolsMajor?: number,
): Promise<ServerFound> {
  const url = await readConnectionUrl(config.url);
  const server = new ExternalServer(config.adminUrl, url.database);
  const common = {
    ...{ at: addressOf(await server.url()), database: url.database, user: url.user },
    passwordFits: fitsVerifier(url.password),
  };
  const none = { missingRoles: [], missingExtensions: [], toolsDir: undefined };
  try {
    const major = await server.major();
    const found = await withClient(await server.controlConnection(), (client) => askServer(client, url, wants));
    const { oid, encoding, ...rest } = found;
    return {
      ...{ ...common, ...rest, major },
      ...(oid !== null && encoding !== null && { there: await lookAtDatabase(server, url.database, oid, encoding) }),
      toolsDir: await findTools(toolsMajor ?? Math.max(major, wants.toolsMajor), config.toolsDir),
    };
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    return {
      ...{ ...common, ...none, superuser: false, major: 0, system: '', owner: 'missing' },
      away: message || code || 'it doesn’t answer',
    };
  }
}

async function askServer(client: pg.ClientBase, { database, user }: ConnectionUrl, wants: DumpWants) {
  const { rows } = await client.query<{
    superuser: boolean;
    system: string;
    owner: ServerFound['owner'];
    oid: string | null;
    encoding: string | null;
    missingRoles: string[];
    missingExtensions: string[];
  }>(
    `select (select rolsuper from pg_roles where rolname = session_user) as superuser,
       (select system_identifier::text from pg_control_system()) as system,
       coalesce((select case when rolsuper then 'superuser' else 'plain' end from pg_roles where rolname = $1), 'missing') as owner,
       (select oid::text from pg_database where datname = $2) as oid,
       (select pg_encoding_to_char(encoding) from pg_database where datname = $2) as encoding,
       array(select each from unnest($3::text[]) each where each <> $1 and each not in (select rolname from pg_roles)) as "missingRoles",
       array(select each from unnest($4::text[]) each where each not in (select name from pg_available_extensions)) as "missingExtensions"`,
    [user, database, [...wants.roles, ...(wants.owner === undefined ? [] : [wants.owner])], wants.extensions],
  );
  return rows[0]!;
}

async function lookAtDatabase(
  server: ExternalServer,
  database: string,
  oid: string,
  encoding: string,
): Promise<DatabaseThere> {
  const holds = await withClient(await server.controlConnection(database), whatItHolds);
  const { claim } = await standingOf({ cluster: server, database });
  return { oid, encoding, ...(holds !== undefined && { holds }), ...(claim !== undefined && { claim }) };
}

/** Something that isn't there in a database that was just made: an object, an extension, a large object, a schema. */
export async function whatItHolds(client: pg.ClientBase): Promise<string | undefined> {
  const { rows } = await client.query<{ what: string }>(
    `with schemas as (select oid, nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema')
     select what from (
       select 'the schema ' || quote_ident(nspname) as what from schemas where nspname <> 'public'
       union all select 'the extension ' || quote_ident(extname) from pg_extension where extname <> 'plpgsql'
       union all select pg_describe_object('pg_class'::regclass, oid, 0) from pg_class where relnamespace in (select oid from schemas)
       union all select pg_describe_object('pg_proc'::regclass, oid, 0) from pg_proc where pronamespace in (select oid from schemas)
       union all select pg_describe_object('pg_type'::regclass, oid, 0) from pg_type where typnamespace in (select oid from schemas) and typrelid = 0
       union all select 'large objects' from (select from pg_largeobject_metadata limit 1) large
     ) found order by 1 limit 1`,
  );
  return rows[0]?.what;
}

/** What of it stands in the way of a store; none: nothing. `keys`: how its configuration calls it. */
export function whatStandsInTheWay(
  found: ServerFound,
  wants: DumpWants,
  cell: string,
  keys: string,
): readonly InTheWay[] {
  const { at, user, away, superuser, major, owner, missingRoles, missingExtensions, toolsDir } = found;
  const wrong: InTheWay[] = [];
  const no = (where: string, why: string, unblock: string): void =>
    void wrong.push({ where: `${keys}.${where}`, why, unblock });
  if (away !== undefined) {
    no(
      'adminUrl',
      `${at} can’t be asked: ${away}`,
      'have the server of the new place answer, and name it in adminUrl and url',
    );
    return wrong;
  }
  const lost = lostServer(found, wants, cell);
  if (lost !== undefined) {
    no('url', lost, 'name the server of the new place in url and adminUrl; nothing is done on the one that was lost');
    return wrong;
  }
  if (!superuser)
    no(
      'adminUrl',
      `its login on ${at} is no superuser`,
      'name one: the database, its owner and Headgate’s own schema are made by it',
    );
  if (major < wants.major)
    no(
      'url',
      `${at} is PostgreSQL ${major}, and the dump is of ${wants.major}`,
      `name a server of PostgreSQL ${wants.major} or later`,
    );
  else if (toolsDir === undefined) {
    const needed = Math.max(major, wants.toolsMajor);
    no(
      'toolsDir',
      `no pg_restore of PostgreSQL ${needed} or later is on this machine`,
      `install postgresql-client-${needed}, or name its folder in toolsDir`,
    );
  }
  if (owner === 'superuser')
    no(
      'url',
      `its login ${user} is a superuser on ${at}`,
      'name a login of the application’s own, which needs no right but its database',
    );
  if (owner === 'missing' && !found.passwordFits)
    no(
      'url',
      `the login ${user} isn’t on ${at}, and can’t be made with a password of fewer than 8 characters or of others than printable ASCII`,
      'make the login there by hand, with that password',
    );
  if (missingRoles.length > 0)
    no(
      'url',
      `rights in it name roles that aren’t on ${at}: ${missingRoles.join(', ')}`,
      missingRoles.map((role) => `create role ${pg.escapeIdentifier(role)} nologin;`).join(' '),
    );
  if (missingExtensions.length > 0)
    no(
      'url',
      `${at} has no extension ${missingExtensions.join(', ')}`,
      'have them installed on that server, by whoever keeps it',
    );
  wrong.push(...databaseInTheWay(found, wants, keys));
  return wrong;
}

function databaseInTheWay({ at, database, there }: ServerFound, wants: DumpWants, keys: string): readonly InTheWay[] {
  if (there === undefined) return [];
  const no = (why: string, unblock: string) => [{ where: `${keys}.url`, why, unblock }];
  const { holds, claim, encoding } = there;
  if (holds !== undefined)
    return no(
      `the database ${database} on ${at} isn’t empty: ${claim === undefined ? `it has ${holds}` : `it is under control of ${claimText(claim)}`}. Nothing is written over`,
      'name another database in url, or have that one dropped, if it is nobody’s',
    );
  if (wants.encoding !== undefined && wants.encoding !== encoding)
    return no(
      `the database ${database} on ${at} is in ${encoding}, and the one that is lost was in ${wants.encoding}`,
      `drop it, and it is made in ${wants.encoding}`,
    );
  return [];
}

/** That it is the server, or the very database, that the restore point was taken of. */
function lostServer(
  { at, database, system, there }: ServerFound,
  { place }: DumpWants,
  cell: string,
): string | undefined {
  const [ofSystem, ofDatabase] = place?.split('/') ?? [];
  const { claim } = there ?? {};
  if (
    (ofSystem === system && ofDatabase === there?.oid) ||
    (claim?.here === true && claim.cell === cell && ofSystem === undefined)
  )
    return `${at}/${database} is the very database that the cell ${cell} had, and it is there`;
  return ofSystem === system
    ? `${at} is the server that the store was on as its restore point was taken, or a standby of it`
    : undefined;
}

/** Whether the database of the store's name was put there by the cell of that folder. Throws, in words, where nobody answers. */
export async function standsThere(config: ExternalStoreConfig, dir: string): Promise<boolean> {
  const { database } = await readConnectionUrl(config.url);
  const server = new ExternalServer(config.adminUrl, database);
  const there = await withClient(await server.controlConnection(), async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [database]);
    return rowCount === 1;
  }).catch(async (error: Error & { code?: string }) => {
    throw new Error(`${addressOf(await server.url())} can’t be asked: ${error.message || error.code}`, {
      cause: error,
    });
  });
  if (!there) return false;
  const { claim } = await standingOf({ cluster: server, database });
  return claim?.here === true && (await isOwnClaim(claim, { dir, id: await claimIdIn(dir) }));
}
