/** The commands beside serving: each with flags of its own, and the server's for its folder and database. */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { dataFolderLock } from '@headgate/adapters/machine/data-folder-lock';
import { readIfThere } from '@headgate/adapters/machine/index';
import { BACKUP_STATUS_FILE, backupLines, readBackupStatus, wrongWithBackups } from '@headgate/documents';
import { bewareOf, gapInWords } from '@headgate/domain';
import { destination, pino } from 'pino';
import { readConfig, UsageError } from '../config.ts';
import { EmbeddedDatabase } from '../database/embedded.ts';
import { migrateExternal } from '../database/external.ts';
import { migrateCommand } from '../database/migrate-command.ts';
import { openFolder } from '../installation/folder.ts';
import { backUp } from './back-up.ts';
import { recover } from './recover.ts';
import { restoreBackup } from './restore.ts';

type Command = (args: readonly string[], env: NodeJS.ProcessEnv) => Promise<number>;

const USAGE = {
  backup: `headgate-server backup --to DIR [--data DIR] [--without-secrets]
  headgate-server backup --status [--data DIR]

  Copies the embedded database (rows, log, blobs) into DIR, a new folder (0700), while the server runs or not; and from its
  folder the trust file, the log's key, people's tokens and the notification keys. Whoever has DIR can sign as this
  installation: keep it as you keep those keys. With --without-secrets the keys stay out, and a restore needs them from
  elsewhere. An external PostgreSQL is backed up with its own tools. --status says how the backups stand that a server with --backup-to takes by itself;
  exit code 1 when something is wrong with them.
`,
  restore: `headgate-server restore --from DIR [--data DIR] [--sum HEX]

  Lays a backup out in the server's folder, after every file of it was compared with what was written. The database that is
  there is moved aside, never deleted. The server then refuses to start until "recover" was run. --sum is the manifest's SHA-256 that "backup" printed: who
  can write to DIR can't make a backup of their own pass for it.
`,
  recover: `headgate-server recover --by NAME --because WORDS [--data DIR] [--database-url URL] [--head FILE …]
                        [--epoch-above N] [--keep-tokens]

  Says that the control plane goes on from a backup: raises the epoch, so that agents refuse what the forgotten past still
  sends; puts on the log who said so, why, and which entries are gone. Agents then tell what they did, and nothing moves in
  a cell before. No server may run. --head names a file with a tree head that somebody remembers (an agent's
  tree-head.note), --epoch-above an epoch that an agent has seen. People's tokens from before are refused, because revoked
  ones would be worth something again, unless --keep-tokens; the local users' tokens in the folder become new ones.
`,
} as const;

const COMMANDS: Readonly<Record<string, Command>> = {
  backup,
  restore,
  recover: recoverCommand,
  migrate: migrateCommand,
};

/** The command that the first word names; undefined: it is none, the server is to run. */
export function commandOf([word]: readonly string[]): Command | undefined {
  return word !== undefined && Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
}

const text = { type: 'string' } as const;
const yes = { type: 'boolean' } as const;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function backup(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const values = flags(args, USAGE.backup, { data: text, to: text, status: yes, 'without-secrets': yes, help: yes });
  if (values === undefined) return 0;
  if (values.status === true) return backupStatus(dataDirOf(values, env));
  const to = needed(values.to, '--to', USAGE.backup);
  const folder = await openFolder(dataDirOf(values, env));
  const { manifest, sum } = await backUp({ folder, to, secrets: values['without-secrets'] !== true });
  const bytes = manifest.files.reduce((total, { size }) => total + size, 0);
  say(`backup ${to}: ${manifest.files.length} files, ${Math.round(bytes / 1024 / 1024)} MB, manifest SHA-256 ${sum}`);
  say(`  epoch ${manifest.epoch}, the log up to entry ${manifest.log.size - 1}, taken ${manifest.takenAt}`);
  say(
    manifest.secrets
      ? '  it holds the log’s key, people’s tokens and the database’s password: whoever has it can act as this installation'
      : '  without keys and tokens: a restore on another machine needs them from elsewhere',
  );
  return 0;
}

async function backupStatus(dataDir: string): Promise<number> {
  const file = join(dataDir, BACKUP_STATUS_FILE);
  const status = readBackupStatus((await readIfThere(file)) ?? '');
  if (status === undefined)
    throw new Error(`${file} isn’t there, or isn’t what a server wrote; to have one: headgate-server --backup-to DIR`);
  const now = Date.now();
  for (const line of backupLines(status, now)) say(line);
  return wrongWithBackups(status, now).length === 0 ? 0 : 1;
}

async function restore(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const values = flags(args, USAGE.restore, { data: text, from: text, sum: text, help: yes });
  if (values === undefined) return 0;
  const from = needed(values.from, '--from', USAGE.restore);
  const sum = values.sum as string | undefined;
  if (sum !== undefined && !/^[0-9a-f]{64}$/.test(sum)) throw new UsageError('--sum: expected 64 hexadecimal digits');
  const folder = await openFolder(dataDirOf(values, env));
  const lock = await dataFolderLock(folder.root);
  try {
    const { manifest, aside, brought } = await restoreBackup(folder, from, new Date(), sum);
    say(
      `laid out: the backup of ${manifest.takenAt}, epoch ${manifest.epoch}, the log up to entry ${manifest.log.size - 1}`,
    );
    if (aside !== undefined) say(`  the database of before is kept in ${aside}`);
    if (brought.length > 0) say(`  from the backup into ${folder.root}: ${brought.join(', ')}`);
    say('Now: headgate-server recover --by NAME --because "…", with the same --data');
    return 0;
  } finally {
    await lock.release();
  }
}

async function recoverCommand(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const own = { by: text, because: text, head: { ...text, multiple: true }, 'epoch-above': text, 'keep-tokens': yes };
  const shared = { data: text, 'database-url': text, 'database-admin-url': text, help: yes };
  const values = flags(args, USAGE.recover, { ...own, ...shared });
  if (values === undefined) return 0;
  const by = needed(values.by, '--by', USAGE.recover);
  const because = needed(values.because, '--because', USAGE.recover);
  if (!/^[\w.@-]{1,100}$/.test(by)) throw new UsageError('--by: expected a name of letters, digits, . _ - @');
  const epochAbove = Number(values['epoch-above'] ?? 0);
  if (!Number.isSafeInteger(epochAbove) || epochAbove < 0) throw new UsageError('--epoch-above: expected a number');
  const passed = Object.keys(shared).flatMap((name) => {
    const value = values[name];
    return typeof value === 'string' ? [`--${name}`, value] : [];
  });
  const config = readConfig(passed, env);
  if ('help' in config) return 0;
  const log = pino({ level: 'warn', base: null }, destination({ fd: 2, sync: true }));
  const folder = await openFolder(config.dataDir);
  const lock = await dataFolderLock(folder.root);
  const embedded = config.databaseUrl === undefined ? await EmbeddedDatabase.open(folder, log) : undefined;
  try {
    if (config.databaseUrl !== undefined) await migrateExternal({ ...config, databaseUrl: config.databaseUrl });
    const { recovery, note, rotated } = await recover({
      folder,
      databaseUrl: embedded?.databaseUrl ?? (config.databaseUrl as string),
      by,
      because: because.slice(0, 1_000),
      heads: (values.head as string[] | undefined) ?? [],
      epochAbove,
      refuseTokens: values['keep-tokens'] !== true,
      log,
    });
    const [, size, root] = note.split('\n');
    say(`recovered: epoch ${recovery.epoch}`);
    say(`  the gap: ${gapInWords(recovery)}`);
    const head = `${size}:${Buffer.from(root ?? '', 'base64').toString('hex')}`;
    say(`  the log now: ${head}`);
    if (rotated.length > 0) say(`  new tokens in ${folder.secrets}: ${rotated.join(', ')}`);
    for (const line of bewareOf(recovery.refuseTokens)) say(`  - ${line}`);
    say('Now: start the server; stop each agent, and take the log up there, by a person who looked:');
    say(`  headgate-agent accept-restored-log --config FILE --head ${head} --because "…"`);
    say('  (without --head and --because it shows what the agent holds); start it again; then headgate recovery');
    return 0;
  } finally {
    await embedded?.close();
    await lock.release();
  }
}

type Values = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

function flags(
  args: readonly string[],
  usage: string,
  options: NonNullable<Parameters<typeof parseArgs>[0]>['options'],
): Values | undefined {
  let values: Values;
  try {
    values = parseArgs({ args: [...args], strict: true, allowPositionals: false, options: options ?? {} })
      .values as Values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${usage}`);
  }
  if (values.help !== true) return values;
  process.stdout.write(usage);
  return undefined;
}

function needed(value: Values[string], flag: string, usage: string): string {
  if (typeof value === 'string' && value.trim() !== '') return value;
  throw new UsageError(`${flag} is missing\n\n${usage}`);
}

function dataDirOf(values: Values, env: NodeJS.ProcessEnv): string {
  return resolve((values.data as string | undefined) ?? env.HEADGATE_DATA ?? '.headgate');
}
