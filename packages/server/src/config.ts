import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Allowed } from '@headgate/adapters/control/notify/index';
import { trustedProxies } from './http/client-address.ts';

/** How one server runs. From flags, else from the environment, else these defaults. */
export interface Config {
  /** Everything that this server keeps outside of the database. */
  readonly dataDir: string;
  readonly host: string;
  /** `given` false: the next free port is as good. */
  readonly port: { readonly number: number; readonly given: boolean };
  /** An external PostgreSQL (15 or later); without it an embedded one is kept. Holds a password: never log it. */
  readonly databaseUrl: string | undefined;
  /** A role that may migrate the external database, when the one above may not. */
  readonly databaseAdminUrl: string | undefined;
  /** Whose releases and evidence count; read again when it changes. */
  readonly trustFile: string;
  /** Where notifications may go beyond public addresses over TLS: `host:port`, or networks. */
  readonly notifyAllow: readonly string[];
  /** Files that notifications' secrets are read from, by reference. */
  readonly notifyKeys: string;
  /** Addresses and networks of the balancers before this server: they are believed whom a request comes from. */
  readonly trustedProxies: readonly string[];
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Told to stop, it isn't ready for so long before it stops answering: a balancer sends nobody here meanwhile. Milliseconds. */
  readonly drainMs: number;
  /** Absent: nobody asked for backups. */
  readonly backups: BackupSchedule | undefined;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

/** Backups of the embedded database by themselves. */
export interface BackupSchedule {
  /** The folder that holds them. */
  readonly to: string;
  readonly everyMs: number;
  /** So many of the newest stay. */
  readonly keep: number;
  /** Each so many-th is restored in a drill. */
  readonly drillEvery: number;
}

export const DEFAULT_PORT = 7070;

export const USAGE = `headgate-server: the control plane; headgate-server migrate: only its external database

  --data DIR            its folder (default .headgate; env HEADGATE_DATA)
  --port N              default ${DEFAULT_PORT}, or the next free one when not given (env HEADGATE_PORT)
  --host ADDRESS        default 127.0.0.1; anything but loopback takes --tls-cert and --tls-key (env HEADGATE_HOST)
  --database-url URL    an external PostgreSQL, 15 or later, instead of the embedded one (env HEADGATE_DATABASE_URL)
  --database-admin-url URL   a role that may migrate it, if the first may not (env HEADGATE_DATABASE_ADMIN_URL)
  --trust FILE          whose releases and evidence count (default DIR/trust.yaml; env HEADGATE_TRUST)
  --notify-allow LIST   host:port or networks, separated by commas, that notifications may go to beyond public
                        addresses over TLS (env HEADGATE_NOTIFY_ALLOW)
  --notify-keys DIR  files of the channels' keys (default DIR/notify-keys; env HEADGATE_NOTIFY_KEYS)
  --trusted-proxy LIST  addresses or networks of balancers, separated by commas: of theirs alone X-Forwarded-For says whom
                        a request without a token is counted by (env HEADGATE_TRUSTED_PROXY)
  --tls-cert FILE, --tls-key FILE   serve HTTPS
  --drain-ms N          told to stop, say so on /readyz for so long before (default 0; env HEADGATE_DRAIN_MS)
  --backup-to DIR       back up the embedded database into new folders of DIR, read each back, and restore it in a drill
                        (env HEADGATE_BACKUP_TO); each holds keys and tokens: guard DIR as you guard those
  --backup-every HOURS  default 24 (env HEADGATE_BACKUP_EVERY); --backup-keep N   the newest N stay, default 7
                        (env HEADGATE_BACKUP_KEEP); --backup-drill-every N   each N-th is drilled, default 1
                        (env HEADGATE_BACKUP_DRILL_EVERY)
  --log-level LEVEL     debug, info (default), warn, error (env HEADGATE_LOG_LEVEL)
  --help, --version

headgate-server backup | restore | recover   a copy of the embedded database and the server's folder; laying one out; going on
                        from one, or from a backup of an external database (each with --help)
`;

/** What was asked for on the command line can't be done; the message says what to change. */
export class UsageError extends Error {}

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];

/** Reads flags and environment; throws {@link UsageError}. `help` is true when only the usage was asked for. */
export function readConfig(args: readonly string[], env: NodeJS.ProcessEnv): Config | { readonly help: true } {
  const values = flagsOf(args);
  if (values.help === true) return { help: true };
  const setting = (flag: string, variable: string): string | undefined => {
    const value = (values[flag] as string | undefined) ?? env[variable];
    return value === undefined || value === '' ? undefined : value;
  };
  const dataDir = resolve(setting('data', 'HEADGATE_DATA') ?? '.headgate');
  const host = setting('host', 'HEADGATE_HOST') ?? '127.0.0.1';
  const tls = tlsOf(setting('tls-cert', 'HEADGATE_TLS_CERT'), setting('tls-key', 'HEADGATE_TLS_KEY'));
  if (tls === undefined && !LOOPBACK.includes(host))
    throw new UsageError(
      `--host ${host} is not loopback, and plain HTTP stays on loopback: give --tls-cert and --tls-key, or --host 127.0.0.1`,
    );
  const databaseUrl = databaseUrlOf('--database-url', setting('database-url', 'HEADGATE_DATABASE_URL'));
  const databaseAdminUrl = databaseUrlOf(
    '--database-admin-url',
    setting('database-admin-url', 'HEADGATE_DATABASE_ADMIN_URL'),
  );
  if (databaseUrl === undefined && databaseAdminUrl !== undefined)
    throw new UsageError('--database-admin-url goes with --database-url');
  const level = setting('log-level', 'HEADGATE_LOG_LEVEL') ?? 'info';
  if (!LEVELS.includes(level as Config['logLevel']))
    throw new UsageError(`--log-level ${level}: expected one of ${LEVELS.join(', ')}`);
  const backups = backupsOf({
    to: setting('backup-to', 'HEADGATE_BACKUP_TO'),
    every: setting('backup-every', 'HEADGATE_BACKUP_EVERY'),
    keep: setting('backup-keep', 'HEADGATE_BACKUP_KEEP'),
    drillEvery: setting('backup-drill-every', 'HEADGATE_BACKUP_DRILL_EVERY'),
  });
  if (backups !== undefined && databaseUrl !== undefined)
    throw new UsageError(
      '--backup-to backs up the embedded database; an external PostgreSQL is backed up with its own tools: docs/operations/backup-and-restore.md',
    );
  return {
    dataDir,
    host,
    port: portOf(setting('port', 'HEADGATE_PORT')),
    databaseUrl,
    databaseAdminUrl,
    trustFile: resolve(setting('trust', 'HEADGATE_TRUST') ?? `${dataDir}/trust.yaml`),
    notifyAllow: allowOf(setting('notify-allow', 'HEADGATE_NOTIFY_ALLOW')),
    notifyKeys: resolve(setting('notify-keys', 'HEADGATE_NOTIFY_KEYS') ?? `${dataDir}/notify-keys`),
    trustedProxies: proxiesOf(setting('trusted-proxy', 'HEADGATE_TRUSTED_PROXY')),
    tls,
    drainMs: drainOf(setting('drain-ms', 'HEADGATE_DRAIN_MS') ?? '0'),
    backups,
    logLevel: level as Config['logLevel'],
  };
}

function flagsOf(args: readonly string[]): Record<string, string | boolean | undefined> {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        data: text,
        port: text,
        host: text,
        'database-url': text,
        'database-admin-url': text,
        trust: text,
        'notify-allow': text,
        'notify-keys': text,
        'trusted-proxy': text,
        'tls-cert': text,
        'tls-key': text,
        'drain-ms': text,
        'backup-to': text,
        'backup-every': text,
        'backup-keep': text,
        'backup-drill-every': text,
        'log-level': text,
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${withoutPasswords((error as Error).message)}\n\n${USAGE}`);
  }
}

/** What somebody typed, to be repeated to them: a URL's password isn't, wherever the URL came to stand. */
function withoutPasswords(text: string): string {
  return text.replace(/:\/\/[^\s'"]*@/g, '://…@');
}

function portOf(text: string | undefined): Config['port'] {
  if (text === undefined) return { number: DEFAULT_PORT, given: false };
  const number = Number(text);
  if (!/^\d{1,5}$/.test(text) || number > 65_535)
    throw new UsageError(`--port ${text}: expected a port from 1 to 65535, or 0 for any free one`);
  return { number, given: true };
}

function drainOf(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 60_000)
    throw new UsageError(`--drain-ms ${text}: expected milliseconds, at most 60000`);
  return Number(text);
}

const HOUR_MS = 3_600_000;

function backupsOf(said: {
  readonly to: string | undefined;
  readonly every: string | undefined;
  readonly keep: string | undefined;
  readonly drillEvery: string | undefined;
}): BackupSchedule | undefined {
  const { to, every = '24', keep = '7', drillEvery = '1' } = said;
  if (to === undefined) {
    if (said.every ?? said.keep ?? said.drillEvery)
      throw new UsageError('--backup-every, --backup-keep and --backup-drill-every go with --backup-to DIR');
    return undefined;
  }
  const everyMs = Math.round(Number(every) * HOUR_MS);
  if (!/^\d{1,4}(\.\d{1,4})?$/.test(every) || everyMs < 1)
    throw new UsageError(`--backup-every ${every}: expected hours, like 24 or 0.5`);
  const count = (flag: string, text: string): number => {
    if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
    throw new UsageError(`${flag} ${text}: expected a number from 1 to 9999`);
  };
  return {
    to: resolve(to),
    everyMs,
    keep: count('--backup-keep', keep),
    drillEvery: count('--backup-drill-every', drillEvery),
  };
}

function allowOf(text: string | undefined): readonly string[] {
  const items = (text ?? '').split(',').flatMap((item) => item.trim() || []);
  try {
    new Allowed(items);
  } catch (error) {
    throw new UsageError(`--notify-allow ${withoutPasswords((error as Error).message)}`);
  }
  return items;
}

function proxiesOf(text: string | undefined): readonly string[] {
  const items = (text ?? '').split(',').flatMap((item) => item.trim() || []);
  try {
    trustedProxies(items);
  } catch (error) {
    throw new UsageError(`--trusted-proxy ${withoutPasswords((error as Error).message)}`);
  }
  return items;
}

function databaseUrlOf(flag: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The URL holds a password, so the message doesn't repeat it.
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol))
    throw new UsageError(`${flag}: expected postgres://user:password@host:port/database`);
  return text;
}

function tlsOf(cert: string | undefined, key: string | undefined): Config['tls'] {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) throw new UsageError('--tls-cert and --tls-key go together');
  try {
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  } catch (error) {
    throw new UsageError(`--tls-cert, --tls-key: ${(error as Error).message}`);
  }
}
