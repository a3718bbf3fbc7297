/**
 * Git, run on repositories that nobody vouches for: none of their hooks, filters or programs, no configuration of the machine or
 * of a user, one protocol and no other, nobody asked anything, bounded in time and size. Credentials go by its environment,
 * never by its arguments.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSecret } from '../../machine/durable-file.ts';
import { secretOf } from '../object-store/open-object-store.ts';
import { type RunResult, runBounded } from '../program-run/bounded-run.ts';
import { type GitSource, protocolOf } from './backup-config.ts';
import { watchSize } from './folder-size.ts';
import { BackupTrouble, toldBy } from './trouble.ts';

/** Of lists of refs and files. Bytes. */
const MOST_LIST_BYTES = 64 * 1024 * 1024;
/** The first Git that takes a configuration by its environment and doesn't fetch what is missing behind our back. */
const OLDEST = [2, 39] as const;

/** Set for every run, before the command. */
const SAFE: readonly (readonly [string, string])[] = [
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['core.symlinks', 'false'],
  ['core.autocrlf', 'false'],
  ['core.askPass', '/bin/false'],
  ['core.pager', 'cat'],
  ['credential.helper', ''],
  ['fetch.unpackLimit', '1'],
  ['fetch.recurseSubmodules', 'false'],
  ['gc.auto', '0'],
  ['http.followRedirects', 'false'],
  ['http.lowSpeedLimit', '1000'],
  ['http.lowSpeedTime', '60'],
  ['maintenance.auto', 'false'],
  ['pack.threads', '1'],
  ['protocol.allow', 'never'],
  ['submodule.recurse', 'false'],
  ['transfer.bundleURI', 'false'],
];

export interface GitRunsParts {
  readonly source: GitSource;
  /** A folder of our own, where nothing else is. */
  readonly dir: string;
  readonly timeoutMs: number;
  /** The largest repository. Bytes. */
  readonly mostBytes: number;
  /** So many times that may lie in the folder, where more is there than the repository. */
  readonly times: number;
  readonly signal: AbortSignal;
  /** `false`: only what lies on this machine is read, and no credentials are taken. */
  readonly asksSource: boolean;
  readonly yields: boolean;
}

interface RunMore {
  readonly env?: Readonly<Record<string, string>>;
  /** The same for this run alone, where it is more. */
  readonly times?: number;
}

export class GitRuns {
  readonly dir: string;
  private readonly parts: GitRunsParts;
  private readonly environment: Readonly<Record<string, string>>;
  private readonly secrets: readonly string[];

  private constructor(parts: GitRunsParts, environment: Readonly<Record<string, string>>, secrets: readonly string[]) {
    this.dir = parts.dir;
    this.parts = parts;
    this.environment = environment;
    this.secrets = secrets;
  }

  /** Throws {@link BackupTrouble} where git isn't there or is too old, and where a credential can't be read. */
  static async open(parts: GitRunsParts): Promise<GitRuns> {
    const { source, dir, asksSource } = parts;
    const home = join(dir, 'home');
    await mkdir(home, { recursive: true, mode: 0o700 });
    const { environment, secrets } = asksSource ? await credentialsOf(source) : { environment: {}, secrets: [] };
    const config = join(home, 'gitconfig');
    // A person named this repository: whose it is doesn't matter, since nothing in it is run.
    const own = protocolOf(source.repository) === 'file' ? source.repository.replace(/\/+$/, '') : undefined;
    const safe = own === undefined ? [] : [own, `${own}/.git`, `${own}.git`];
    await writeFile(config, safe.map((path) => `[safe]\n\tdirectory = ${quotedValue(path)}\n`).join(''), {
      mode: 0o600,
    });
    const runs = new GitRuns(
      parts,
      {
        PATH: '/usr/local/bin:/usr/bin:/bin',
        HOME: home,
        LC_ALL: 'C',
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_CONFIG_GLOBAL: config,
        GIT_ATTR_NOSYSTEM: '1',
        GIT_TERMINAL_PROMPT: '0',
        GIT_ASKPASS: '/bin/false',
        SSH_ASKPASS: '/bin/false',
        GIT_ALLOW_PROTOCOL: asksSource ? protocolOf(source.repository) : 'file',
        GIT_PROTOCOL_FROM_USER: '0',
        GIT_NO_LAZY_FETCH: '1',
        GIT_NO_REPLACE_OBJECTS: '1',
        GIT_OPTIONAL_LOCKS: '0',
        ...environment,
      },
      secrets,
    );
    await runs.known();
    return runs;
  }

  /** Its standard output, as text. Throws {@link BackupTrouble} with what git said, when it fails. */
  async git(args: readonly string[], more: RunMore = {}): Promise<string> {
    return (await this.run(args, more)).toString('utf8');
  }

  /** The same as bytes. */
  async run(args: readonly string[], { env = {}, times = 1 }: RunMore = {}): Promise<Buffer> {
    const { source, timeoutMs, signal, yields } = this.parts;
    const mostBytes = this.parts.mostBytes * Math.max(times, this.parts.times);
    signal.throwIfAborted();
    const options = SAFE.flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const size = watchSize(this.dir, mostBytes);
    let run: RunResult;
    try {
      run = await runBounded({
        command: [source.program, ...options, ...args],
        environment: { ...this.environment, ...env },
        workDir: join(this.dir, 'run'),
        user: undefined,
        yields,
        deadlineMs: timeoutMs,
        signal: AbortSignal.any([signal, size.signal]),
        secrets: this.secrets,
        wholeBytes: MOST_LIST_BYTES,
        maxOutputBytes: 8_192,
      });
    } finally {
      await size.stop();
    }
    signal.throwIfAborted();
    if (size.signal.aborted || (await size.over()))
      throw new BackupTrouble(
        `it is larger than ${Math.round(this.parts.mostBytes / 1024 / 1024)} MiB; to take it: a larger maxMiB`,
      );
    const what = `git ${args.find((arg) => /^[a-z][a-z-]+$/.test(arg)) ?? ''}`;
    if (run.ended === 'too-much') throw new BackupTrouble(`${what} lists more than ${MOST_LIST_BYTES} bytes`);
    if (run.ended === 'deadline')
      throw new BackupTrouble(`${what} wasn't at its end after ${timeoutMs / 1_000} s; to give it longer: timeoutMs`);
    if (run.exitCode !== 0) throw new BackupTrouble(`${what} failed: ${toldBy(run)}`);
    return run.whole ?? Buffer.alloc(0);
  }

  private async known(): Promise<void> {
    const { program } = this.parts.source;
    const said = await this.git(['version']).catch((error: Error) => {
      throw new BackupTrouble(`${program} can't be used (${error.message}): install git, or name it as git.program`);
    });
    const [, major = 0, minor = 0] = /(\d+)\.(\d+)/.exec(said)?.map(Number) ?? [];
    if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
      throw new BackupTrouble(`${program} is ${said.trim().slice(0, 40)}; ${OLDEST.join('.')} or newer is needed`);
  }
}

async function credentialsOf(
  source: GitSource,
): Promise<{ readonly environment: Readonly<Record<string, string>>; readonly secrets: readonly string[] }> {
  const { repository, login, ssh } = source;
  if (ssh !== undefined) {
    // ssh itself would say so in words that go by; and it is read here, so that it is known to be there.
    const key = await readSecret(ssh.keyFile).catch((error: Error) => {
      throw new BackupTrouble(`the key for ssh can't be read: ${error.message}`);
    });
    const options = [
      `-F /dev/null -i ${ssh.keyFile} -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none`,
      `-o StrictHostKeyChecking=yes -o UserKnownHostsFile=${ssh.knownHostsFile} -o GlobalKnownHostsFile=/dev/null`,
      '-o ForwardAgent=no -o PermitLocalCommand=no -o ConnectTimeout=30 -o ServerAliveInterval=15',
    ];
    return {
      environment: { GIT_SSH_COMMAND: `ssh ${options.join(' ')}`, GIT_SSH_VARIANT: 'ssh' },
      secrets: [key],
    };
  }
  if (login === undefined) return { environment: {}, secrets: [] };
  const password = await secretOf(login.password).catch((error: Error) => {
    throw new BackupTrouble(`the password of ${login.username} can't be read: ${error.message}`);
  });
  const basic = Buffer.from(`${login.username}:${password}`).toString('base64');
  return {
    environment: {
      GIT_CONFIG_COUNT: '1',
      // For this repository alone: no other host that it might lead to is told.
      GIT_CONFIG_KEY_0: `http.${repository}.extraHeader`,
      GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}`,
    },
    secrets: [password, basic],
  };
}

function quotedValue(path: string): string {
  return `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
