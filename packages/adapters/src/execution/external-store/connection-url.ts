import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { readSecret } from '../../machine/durable-file.ts';
import { type Login, ownSession } from '../../postgres-cluster/own-session.ts';

/** Where a connection URL stands: it holds a password, so it never stands in a configuration. */
export type UrlSource = { readonly variable: string } | { readonly file: string };

/** A server and a login, as a URL says them. */
export interface ConnectionUrl {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** `sslmode` of libpq; what isn't said is `prefer`, which for us is: none. */
  readonly ssl: 'disable' | 'require' | 'verify-full';
  /** File of the authority's certificate, for `verify-full`. */
  readonly rootCertificate: string | undefined;
}

/** Reads the URL. Errors name the place and never the URL. */
export async function readConnectionUrl(source: UrlSource): Promise<ConnectionUrl> {
  const where = 'file' in source ? source.file : `the environment variable ${source.variable}`;
  const text = 'file' in source ? await readSecret(source.file) : process.env[source.variable];
  if (text === undefined || text === '')
    throw new Error(`${where} is not set; put the database's connection URL there, where the agent is started`);
  return parseConnectionUrl(text, where);
}

/** Takes a URL apart. `where` is for errors. */
export function parseConnectionUrl(text: string, where: string): ConnectionUrl {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
  const wrong = (expected: string): Error => new Error(`${where}: expected ${expected}`);
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol) || url.hostname === '')
    throw wrong('a connection URL, postgres://user:password@host:port/database');
  const database = decodeURIComponent(url.pathname.slice(1));
  if (url.username === '' || database === '' || database.includes('/')) throw wrong('a URL with a user and a database');
  const mode = url.searchParams.get('sslmode') ?? 'disable';
  const modes = { disable: 'disable', allow: 'disable', prefer: 'disable', require: 'require' } as const;
  const ssl =
    mode === 'verify-full' ? mode : Object.hasOwn(modes, mode) ? modes[mode as keyof typeof modes] : undefined;
  if (ssl === undefined) throw wrong('an sslmode of disable, require or verify-full');
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 5432 : Number(url.port),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database,
    ssl,
    rootCertificate: url.searchParams.get('sslrootcert') ?? undefined,
  };
}

/** For the driver, in a session of ours: whoever the URL names may be a superuser. */
export function clientConfig(url: ConnectionUrl, database = url.database): pg.ClientConfig {
  return ownSession(driverConfig({ ...url, database }));
}

/** For the driver, with the rights of a login of the owner's, and by what the database's owner set. */
export function ownersConfig(url: ConnectionUrl, login: Login): pg.ClientConfig {
  return { ...driverConfig(url), ...login };
}

function driverConfig(url: ConnectionUrl): pg.ClientConfig {
  const { host, port, user, password, database, ssl, rootCertificate } = url;
  const base = { host, port, user, password, database, connectionTimeoutMillis: 5_000, keepAlive: true };
  if (ssl === 'disable') return base;
  if (ssl === 'require') return { ...base, ssl: { rejectUnauthorized: false } };
  const ca = rootCertificate === undefined ? {} : { ca: readFileSync(rootCertificate, 'utf8') };
  return { ...base, ssl: { rejectUnauthorized: true, ...ca } };
}

/** For PostgreSQL's own programs: the same in their environment, where no list of processes shows it. */
export function toolEnvironment(url: ConnectionUrl): Readonly<Record<string, string>> {
  return {
    PATH: '/usr/bin:/bin',
    LC_ALL: 'C',
    PGHOST: url.host,
    PGPORT: String(url.port),
    PGUSER: url.user,
    PGPASSWORD: url.password,
    PGSSLMODE: url.ssl,
    ...(url.rootCertificate === undefined ? {} : { PGSSLROOTCERT: url.rootCertificate }),
    PGCONNECT_TIMEOUT: '10',
    PGOPTIONS: '-c statement_timeout=0 -c lock_timeout=60000',
  };
}
