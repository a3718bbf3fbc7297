import type { ClusterConfig } from './cluster-config.ts';

/** The file in the data folder that holds our settings; included by postgresql.conf, rewritten before every start. */
export const SETTINGS_FILE = 'headgate.conf';

/**
 * Settings of a cluster, in PostgreSQL's own format. Durable (fsync stays on), loopback only, no Unix socket (a folder
 * less to protect), statements never in the log (they hold customers' data).
 */
export function settingsOf(config: ClusterConfig): string {
  return `# Written by Headgate before every start. Changes here are lost.\n${Object.entries(allSettings(config))
    .map(([name, value]) => `${name} = ${quote(value)}\n`)
    .join('')}`;
}

/** By which a running server is known to archive where it should. */
const ARCHIVING = ['archive_mode', 'archive_library', 'archive_command', 'unix_socket_directories'] as const;

/** What a running server's own answer has to be, by name. */
export function archivingOf(config: ClusterConfig): Readonly<Record<string, string>> {
  const all: Record<string, string> = allSettings(config);
  // Where nothing is archived, PostgreSQL says so in place of the command.
  const defaults: Record<string, string> = { archive_command: all.archive_mode === 'off' ? '(disabled)' : '' };
  return Object.fromEntries(ARCHIVING.map((name) => [name, all[name] ?? defaults[name] ?? '']));
}

function allSettings(config: ClusterConfig): Record<string, string> {
  return {
    listen_addresses: '127.0.0.1',
    port: String(config.port),
    unix_socket_directories: '',
    password_encryption: 'scram-sha-256',
    wal_level: 'replica',
    max_wal_senders: '0',
    max_connections: '100',
    shared_buffers: '32MB',
    max_wal_size: '512MB',
    // After a crash: one syncfs in place of an fsync for each of a thousand files (0.3 s in place of 1.7 s).
    recovery_init_sync_method: 'syncfs',
    log_min_messages: 'warning',
    log_min_error_statement: 'panic',
    log_line_prefix: '%m [%p] ',
    tcp_keepalives_idle: '30',
    tcp_keepalives_interval: '5',
    tcp_keepalives_count: '3',
    idle_in_transaction_session_timeout: '120s',
    // A session whose client was killed gives up its statement and its locks within a second.
    client_connection_check_interval: '1s',
    timezone: 'UTC',
    lc_messages: 'C',
    ...archiving(config.archiveDir),
    ...config.settings,
  };
}

function archiving(archiveDir: string | undefined): Record<string, string> {
  if (!archiveDir) return { archive_mode: 'off' };
  return { archive_mode: 'on', archive_library: 'basic_archive', 'basic_archive.archive_directory': archiveDir };
}

/** A quoted value of postgresql.conf: quotes doubled, backslashes too; a line's end can't be said. */
export function quote(value: string): string {
  if (/[\r\n\0]/.test(value)) throw new Error('a PostgreSQL setting may not hold a line end');
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
