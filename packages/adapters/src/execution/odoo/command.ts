import { delimiter, join } from 'node:path';
import { coreAddons, libraryDir, type OdooInstallation } from './installation.ts';

/** How Odoo's own processes reach the database. */
export interface OdooLogin {
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** What serves requests. Scheduled jobs never run here: a `cronCommand` has them. */
export interface Serving {
  readonly odoo: OdooInstallation;
  /** Folders of the release's modules, before Odoo's own. */
  readonly addons: readonly string[];
  readonly httpPort: number;
  /** 0: one process with threads, which is right up to some ten users and for two cores; else worker processes. */
  readonly workers: number;
  /**
   * Of the process that then keeps the browsers' WebSockets: beside worker processes Odoo starts one, on port 8072 where it
   * isn't told another, for which two slots would fight.
   */
  readonly websocketPort: number | undefined;
  /** Databases that it may serve: one for a dedicated Odoo; `undefined`: whichever the request's header names. */
  readonly database: string | undefined;
}

/**
 * The argument vector of a serving Odoo. Which database a request is for Odoo's own filter says: the one that is named as
 * the first label of the host, which the router sets. (By `X-Odoo-Database` alone it would keep no session, and nobody
 * could log in with a browser; the router adds it to calls with a key.) The database itself refuses a login that it isn't
 * open for (see `DatabaseDoor`), also on the ways that the filter doesn't look at (XML-RPC names its own database).
 */
export function serveCommand(serving: Serving): readonly string[] {
  const { odoo, addons, httpPort, workers, websocketPort, database } = serving;
  if (workers > 0 && websocketPort === undefined) throw new Error('worker processes need a port for their WebSockets');
  return [
    ...program(odoo, addons),
    '--http-interface=127.0.0.1',
    `--http-port=${httpPort}`,
    '--proxy-mode',
    '--no-database-list',
    '--max-cron-threads=0',
    `--workers=${workers}`,
    ...(websocketPort === undefined ? [] : [`--gevent-port=${websocketPort}`]),
    // A dedicated Odoo loads its database's modules as it starts; where its tenant is held, with the first request after.
    ...(database === undefined
      ? ['--db-filter=^%d$']
      : ['-d', plainName(database), `--db-filter=^${escapePattern(database)}$`]),
  ];
}

/**
 * The argument vector of the one process that runs the scheduled jobs of a slot's databases. Odoo's scheduler polls
 * every database that it is given, so the list names exactly those that are routed to the slot.
 */
export function cronCommand(
  odoo: OdooInstallation,
  addons: readonly string[],
  databases: readonly string[],
): readonly string[] {
  if (databases.length === 0) throw new Error('a scheduler without databases would take all of them');
  return [...program(odoo, addons), '--no-http', '--max-cron-threads=1', '-d', databases.map(plainName).join(',')];
}

/** The argument vector of Odoo's own module upgrade. */
export function upgradeCommand(
  odoo: OdooInstallation,
  addons: readonly string[],
  database: string,
  modules: readonly string[],
): readonly string[] {
  const names = modules.map(plainName).join(',');
  return [...program(odoo, addons), '-d', plainName(database), '-u', names, ...ONCE];
}

/** The argument vector that makes a database with these modules, without demonstration data. */
export function installCommand(
  odoo: OdooInstallation,
  addons: readonly string[],
  database: string,
  modules: readonly string[],
): readonly string[] {
  const names = modules.map(plainName).join(',');
  return [...program(odoo, addons), '-d', plainName(database), '-i', names, '--without-demo=all', ...ONCE];
}

/** The argument vector of a shell that runs the Python it reads from its standard input. */
export function shellCommand(odoo: OdooInstallation, addons: readonly string[], database: string): readonly string[] {
  const [python, odooProgram, ...rest] = program(odoo, addons);
  return [python!, odooProgram!, 'shell', ...rest, '-d', plainName(database), '--no-http'];
}

/** The argument vector of Odoo's own neutralising of a copy: no mail server, scheduled job or service of others is used by it. */
export function neutraliseCommand(
  odoo: OdooInstallation,
  addons: readonly string[],
  database: string,
): readonly string[] {
  const [python, odooProgram, ...rest] = program(odoo, addons);
  return [python!, odooProgram!, 'neutralize', ...rest, '-d', plainName(database)];
}

/** All that an Odoo process gets of an environment. It holds the database login's password: never log it. */
export function odooEnvironment(odoo: OdooInstallation, login: OdooLogin): Readonly<Record<string, string>> {
  return {
    PATH: '/usr/bin:/bin',
    PYTHONPATH: libraryDir(odoo),
    // Nothing of a user's own packages.
    PYTHONNOUSERSITE: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONUNBUFFERED: '1',
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    HOME: odoo.dataDir,
    PGHOST: '127.0.0.1',
    PGPORT: String(login.port),
    PGUSER: login.user,
    PGPASSWORD: login.password,
    PGAPPNAME: 'odoo-{pid}',
  };
}

const ONCE = ['--stop-after-init', '--no-http', '--max-cron-threads=0', '--workers=0'] as const;

function program(odoo: OdooInstallation, addons: readonly string[]): string[] {
  const paths = [...addons, coreAddons(odoo)];
  for (const path of paths)
    if (path.includes(',') || path.includes(delimiter)) throw new Error(`${path} can't stand in an addons path`);
  return [
    odoo.python,
    join(odoo.dir, 'usr/bin/odoo'),
    '-c',
    '/dev/null', // the package's own configuration names another user and database
    `--addons-path=${paths.join(',')}`,
    `--data-dir=${odoo.dataView}`,
  ];
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

/** A database's or module's name, which stands in a list that is separated by commas. */
export function plainName(name: string): string {
  if (!NAME.test(name)) throw new Error(`"${name.slice(0, 80)}" isn't a plain name of a database or module`);
  return name;
}

function escapePattern(name: string): string {
  return plainName(name).replaceAll('-', '\\-');
}
