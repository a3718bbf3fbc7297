/** What pgBackRest is told by files of ours, and what PostgreSQL is told of it. */
import { join } from 'node:path';
import type { PgBackRestConfig } from './pgbackrest-config.ts';

/** Files of ours in the folder that only the cluster's user may enter. */
export const FILES = {
  configuration: 'pgbackrest.conf',
  passwords: 'pgpass',
  socket: 'socket',
  lock: 'lock',
  authority: 'authority.pem',
} as const;

/** Folder of ours for a store's pgBackRest, in its cluster's: outside of PostgreSQL's own, which a restore replaces. */
export function pgbackrestFolder(clusterDir: string): string {
  return join(clusterDir, 'pgbackrest');
}

/** How long PostgreSQL lets the path of a Unix socket be. Bytes. */
export const LONGEST_SOCKET_PATH = 107;

export interface RepositorySecrets {
  readonly passphrase: string;
  /** Of an object store. */
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
}

export interface OwnConfiguration {
  readonly config: PgBackRestConfig;
  /** Our folder. */
  readonly dir: string;
  /** PostgreSQL's data folder, and the port that its socket is named by. */
  readonly data: string;
  readonly port: number;
  readonly secrets: RepositorySecrets;
}

/**
 * pgBackRest's configuration. Nothing goes into a log of its own: what it says is read by us, who know what is secret. Throws
 * for a value that would end its line and begin another.
 */
export function configurationText({ config, dir, data, port, secrets }: OwnConfiguration): string {
  const { stanza, repository, keep, processes } = config;
  const section = (name: string, values: Readonly<Record<string, string>>): string =>
    `[${name}]\n${Object.entries(values)
      .map(([option, value]) => `${option}=${oneLine(option, value)}\n`)
      .join('')}`;
  const all = section('global', {
    ...(repository.kind === 'folder' ? { 'repo1-path': repository.dir } : s3(repository, secrets, dir)),
    'repo1-cipher-type': 'aes-256-cbc',
    'repo1-cipher-pass': secrets.passphrase,
    'repo1-retention-full': String(keep.full),
    'repo1-bundle': 'y',
    'compress-type': 'zst',
    'process-max': String(processes),
    'start-fast': 'y',
    'lock-path': `${dir}/${FILES.lock}`,
    'spool-path': `${dir}/spool`,
    'log-level-file': 'off',
    'log-level-console': 'off',
    'log-level-stderr': 'warn',
    'log-timestamp': 'n',
  });
  const own = section(stanza, {
    'pg1-path': data,
    'pg1-socket-path': `${dir}/${FILES.socket}`,
    'pg1-port': String(port),
    'pg1-user': 'postgres',
  });
  return `# Written by Headgate. Changes here are lost.\n${all}\n${own}`;
}

function s3(
  repository: Extract<PgBackRestConfig['repository'], { kind: 's3' }>,
  { accessKeyId = '', secretAccessKey = '' }: RepositorySecrets,
  dir: string,
): Record<string, string> {
  const { hostname, port } = new URL(repository.endpoint);
  return {
    'repo1-type': 's3',
    'repo1-path': `/${repository.prefix}`,
    'repo1-s3-bucket': repository.bucket,
    'repo1-s3-endpoint': hostname,
    'repo1-s3-region': repository.region,
    'repo1-s3-uri-style': repository.pathStyle ? 'path' : 'host',
    'repo1-s3-key': accessKeyId,
    'repo1-s3-key-secret': secretAccessKey,
    ...(port !== '' && { 'repo1-storage-port': port }),
    ...(repository.authorityFile !== undefined && { 'repo1-storage-ca-file': `${dir}/${FILES.authority}` }),
  };
}

function oneLine(option: string, value: string): string {
  if (value === '' || /[\p{Cc}]|^\s|\s$/u.test(value))
    throw new Error(
      `${option} can't be told to pgBackRest: it is empty, or has a control character or a space at an end`,
    );
  return value;
}

/** What PostgreSQL is to be set to, so that its log goes to the repository and pgBackRest reaches it. */
export function archivingSettings(
  { program, stanza, logEveryMs }: Pick<PgBackRestConfig, 'program' | 'stanza' | 'logEveryMs'>,
  dir: string,
): Record<string, string> {
  return {
    archive_mode: 'on',
    archive_library: '',
    archive_command: `${shellWord(program)} --config=${shellWord(`${dir}/${FILES.configuration}`)} --stanza=${stanza} archive-push "%p"`,
    archive_timeout: `${Math.max(1, Math.round(logEveryMs / 1_000))}s`,
    unix_socket_directories: socketSetting(`${dir}/${FILES.socket}`),
  };
}

/**
 * How recovery gets a piece of the log. A piece that isn't there ends recovery as PostgreSQL knows it; one that can't be read must
 * not: PostgreSQL would take it for the log's end, and go on with less than there is. Above 125 it gives up.
 */
export function restoreCommand(
  { program, stanza }: Pick<PgBackRestConfig, 'program' | 'stanza'>,
  configuration: string,
  data: string,
): string {
  const get = `${shellWord(program)} --config=${shellWord(configuration)} --stanza=${stanza} --pg1-path=${shellWord(data)} archive-get %f "%p"`;
  return `${get}; got=$?; [ $got -le 1 ] && exit $got; exit 126`;
}

/** One word of a shell's, in which PostgreSQL doesn't see a placeholder of its own either. */
function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''").replaceAll('%', '%%')}'`;
}

/** In a list of folders a comma parts two. */
function socketSetting(dir: string): string {
  return `"${dir.replaceAll('"', '""')}"`;
}
