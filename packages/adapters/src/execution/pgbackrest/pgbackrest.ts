import { chmod, chown, mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, readSecret, syncFolder, writeDurably } from '../../machine/durable-file.ts';
import type { RunAs } from '../../machine/run-as.ts';
import { secretOf } from '../object-store/open-object-store.ts';
import { endLeftovers, type RunResult, runBounded } from '../program-run/index.ts';
import { configurationText, FILES, type RepositorySecrets } from './own-configuration.ts';
import { type PgBackRestConfig, repositoryText } from './pgbackrest-config.ts';
import { failureWords, mayPass } from './words.ts';

export interface PgBackRestPlace {
  readonly config: PgBackRestConfig;
  /** Folder of ours: made, and closed to all but the cluster's user. */
  readonly dir: string;
  /** PostgreSQL's data folder, and where it listens. */
  readonly data: string;
  readonly port: number;
  /** The superuser's password, where a running PostgreSQL is asked. */
  readonly passwordFile?: string;
  readonly user: RunAs | undefined;
  /** Where its commands work; without one in our folder. What an agent that was killed left there is known by it. */
  readonly runsDir?: string;
}

export interface Bounds {
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/** What a command of pgBackRest's came to. */
export type Ran =
  | { readonly ok: true; readonly output: string }
  /** `later`: the same may succeed another time. */
  | { readonly ok: false; readonly code: number | undefined; readonly why: string; readonly later: boolean };

/** What reads and writes much beside those who serve customers. A restore is waited for. */
const YIELDING: ReadonlySet<string> = new Set(['backup', 'verify']);
const MOST_OUTPUT = 64 * 1024 * 1024;
const SHORTEST_PASSPHRASE = 16;
/** What it is given to put its own affairs in order. Milliseconds. */
const GRACE_MS = 5_000;
let runs = 0;

/** One pgBackRest: for one stanza, with a configuration of ours. It is held by no process: each command is one of its own. */
export class PgBackRest {
  readonly config: PgBackRestConfig;
  readonly dir: string;
  readonly user: RunAs | undefined;
  private readonly place: PgBackRestPlace;
  private readonly secrets: RepositorySecrets;

  private constructor(place: PgBackRestPlace, secrets: RepositorySecrets) {
    this.place = place;
    this.config = place.config;
    this.dir = place.dir;
    this.user = place.user;
    this.secrets = secrets;
  }

  /** Reads the secrets and writes what pgBackRest is to know. The repository isn't asked anything yet. */
  static async open(place: PgBackRestPlace): Promise<PgBackRest> {
    const { config, dir, data, port } = place;
    if (!(await stat(config.program).catch(() => undefined)))
      throw new Error(`${config.program} isn't there: apt-get install pgbackrest, or name it as pgbackrest.program`);
    const secrets = await secretsOf(config);
    const own = new PgBackRest(place, secrets);
    for (const folder of ['', FILES.socket, FILES.lock, 'spool']) await own.#folder(join(dir, folder));
    await own.#folder(own.#runs);
    await own.#write(FILES.configuration, configurationText({ config, dir, data, port, secrets }));
    // Whoever runs the cluster may not be let in where it stands.
    const authorityFile = config.repository.kind === 's3' ? config.repository.authorityFile : undefined;
    if (authorityFile !== undefined) await own.#write(FILES.authority, await readFile(authorityFile, 'utf8'));
    if (place.passwordFile !== undefined) {
      const password = (await readSecret(place.passwordFile)).replace(/[\\:]/g, '\\$&');
      await own.#write(FILES.passwords, `*:*:*:postgres:${password}\n`);
    }
    return own;
  }

  get #runs(): string {
    return this.place.runsDir ?? join(this.dir, 'runs');
  }

  /** In words, without a secret. */
  get name(): string {
    return repositoryText(this.config);
  }

  get configurationFile(): string {
    return join(this.dir, FILES.configuration);
  }

  /**
   * Runs one of its commands. `alone`: what an earlier one of that name left at work, whose agent was killed, is ended first.
   * What it prints holds no secret of the repository's; only plain text of it is told.
   */
  async run(args: readonly string[], bounds: Bounds, alone?: string): Promise<Ran> {
    return this.#bounded([this.config.program, ...this.#before(args[0]!), ...args], bounds, alone);
  }

  /** SHA-256 of a file in the repository, decrypted. */
  async digestOf(path: string, bounds: Bounds): Promise<Ran> {
    const get = [this.config.program, ...this.#before('repo-get'), 'repo-get', path];
    const ran = await this.#bounded(
      ['/bin/sh', '-c', 'set -e; rm -f got; "$@" > got; sha256sum < got; rm got', 'sh', ...get],
      bounds,
    );
    if (!ran.ok) return ran;
    const digest = /^([0-9a-f]{64}) {2}-\n$/.exec(ran.output)?.[1];
    if (digest !== undefined) return { ok: true, output: digest };
    return { ok: false, code: 0, why: `what it gave for ${path} can't be read`, later: false };
  }

  /** Whether its place is there, so that a disk that isn't mounted isn't taken for an empty one. In words what is wrong. */
  async away(): Promise<string | undefined> {
    const { repository } = this.config;
    if (repository.kind !== 'folder') return undefined;
    const found = await stat(repository.dir).catch(() => undefined);
    return found?.isDirectory() ? undefined : `${repository.dir} isn't there; is the disk mounted?`;
  }

  #before(command: string): readonly string[] {
    const own = [`--config=${this.configurationFile}`, `--stanza=${this.config.stanza}`];
    // It names what is wrong with a file on this level alone.
    return command === 'verify' ? [...own, '--log-level-console=info'] : own;
  }

  async #bounded(command: readonly string[], { deadlineMs, signal }: Bounds, alone?: string): Promise<Ran> {
    signal.throwIfAborted();
    const workDir = join(this.#runs, alone ?? `${process.pid}-${++runs}`);
    let ran: RunResult;
    try {
      ran = await runBounded({
        command,
        environment: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', PGPASSFILE: join(this.dir, FILES.passwords) },
        yields: command.some((each) => YIELDING.has(each)),
        ...{ workDir, user: this.user, deadlineMs, graceMs: GRACE_MS, signal, maxOutputBytes: MOST_OUTPUT },
        secrets: Object.values(this.secrets),
      });
    } finally {
      await rm(workDir, { recursive: true, force: true });
    }
    signal.throwIfAborted();
    if (ran.exitCode === 0) return { ok: true, output: ran.output };
    const why =
      ran.ended === 'deadline' ? 'it did not come to its end in time' : failureWords(ran.exitCode, ran.output);
    return { ok: false, code: ran.exitCode, why: `${this.name}: ${why}`, later: mayPass(ran.exitCode) };
  }

  /** Ends what a killed agent left at work under that name. */
  async endLeftover(alone: string): Promise<void> {
    await endLeftovers(join(this.#runs, alone));
  }

  async #folder(path: string): Promise<void> {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await this.#own(path);
    await chmod(path, 0o700);
  }

  async #write(name: string, text: string): Promise<void> {
    const path = join(this.dir, name);
    if ((await readIfThere(path)) === text) return;
    // PostgreSQL archives at any moment: its user may read what stands there, always.
    const next = `${path}.${process.pid}-${++runs}`;
    await writeDurably(next, text, 0o600);
    await this.#own(next);
    await rename(next, path);
    await syncFolder(this.dir);
  }

  async #own(path: string): Promise<void> {
    const { user } = this.place;
    if (user) await chown(path, user.uid, user.gid);
  }
}

async function secretsOf({ passphraseFile, repository }: PgBackRestConfig): Promise<RepositorySecrets> {
  const passphrase = await readSecret(passphraseFile);
  if (passphrase.length < SHORTEST_PASSPHRASE)
    throw new Error(
      `${passphraseFile}: a passphrase of ${SHORTEST_PASSPHRASE} characters at least, like openssl rand -base64 48 prints`,
    );
  if (repository.kind === 'folder') return { passphrase };
  return {
    passphrase,
    accessKeyId: await secretOf(repository.accessKeyId),
    secretAccessKey: await secretOf(repository.secretAccessKey),
  };
}
