import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFile, chmod, chown, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { boundLog, logTail } from '../machine/bounded-log.ts';
import { readSecret, writeDurably } from '../machine/durable-file.ts';
import { gone, signalProcess } from '../machine/process-identity.ts';
import { processesIn } from '../machine/processes-in.ts';
import { closedFolder } from '../machine/reachable.ts';
import { asUser } from '../machine/run-as.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { withClient } from './database.ts';
import { type Login, ownSession } from './own-session.ts';
import { findPostmaster, lockFileIsStale, type Postmaster } from './postmaster.ts';
import type { Programs } from './programs.ts';
import { archivingOf, SETTINGS_FILE, settingsOf } from './settings.ts';

/** The cluster's superuser. */
export const SUPERUSER = 'postgres';

const LOG_BYTES = 4 * 1024 * 1024;
const run = promisify(execFile);

/** One embedded PostgreSQL cluster. Nothing here is held in memory: every call looks at what is there. */
export class Cluster {
  readonly config: ClusterConfig;
  readonly programs: Programs;
  readonly dir: string;
  /** PostgreSQL's data folder. */
  readonly data: string;
  readonly passwordFile: string;
  readonly logFile: string;

  constructor(config: ClusterConfig, programs: Programs) {
    this.config = config;
    this.programs = programs;
    this.dir = resolve(config.dir);
    this.data = join(this.dir, 'data');
    this.passwordFile = join(this.dir, 'password');
    this.logFile = join(this.dir, 'server.log');
  }

  /** Whether the cluster was initialised (the data folder appears by a rename, so it is whole). */
  async initialised(): Promise<boolean> {
    return (await stat(join(this.data, 'PG_VERSION')).catch(() => undefined)) !== undefined;
  }

  /** PostgreSQL's major version, as the data folder says it. */
  async major(): Promise<number> {
    return Number.parseInt(await readFile(join(this.data, 'PG_VERSION'), 'utf8'), 10);
  }

  /** Creates the cluster unless it is there: data checksums, UTF-8, SCRAM, a random password in a 0600 file. */
  async init(): Promise<void> {
    if (await this.initialised()) return;
    const user = this.programs.user;
    await mkdir(this.dir, { recursive: true, mode: 0o755 });
    if (user) {
      const closed = await closedFolder(this.dir, user);
      if (closed)
        throw new Error(
          `${closed} is closed to the user ${user.name}, who runs the cluster in ${this.dir}; choose a folder that it can reach`,
        );
    }
    const password = randomBytes(24).toString('base64url');
    await writeDurably(this.passwordFile, `${password}\n`, 0o600);
    const staging = join(this.dir, 'data.new');
    const passwordCopy = join(this.dir, `.password-${randomBytes(4).toString('hex')}`);
    await rm(staging, { recursive: true, force: true });
    await this.ownFolder(staging);
    try {
      await writeFile(passwordCopy, password, { mode: 0o600, flag: 'wx' });
      if (user) await chown(passwordCopy, user.uid, user.gid);
      await run(
        join(this.programs.bin, 'initdb'),
        [
          '-D',
          staging,
          '-U',
          SUPERUSER,
          '--auth=scram-sha-256',
          `--pwfile=${passwordCopy}`,
          '--encoding=UTF8',
          '--locale=C',
          '--data-checksums',
          '--no-instructions',
        ],
        { ...asUser(user), cwd: staging, env: environment(), timeout: 120_000 },
      );
    } finally {
      await rm(passwordCopy, { force: true });
    }
    await appendFile(join(staging, 'postgresql.conf'), `\ninclude = '${SETTINGS_FILE}'\n`);
    await rename(staging, this.data);
  }

  /**
   * Makes sure that the cluster runs and accepts connections: adopts a living postmaster, else starts one that lives on
   * without us. After a kill -9 of the postmaster it first waits until its orphaned children have gone.
   */
  async start(deadlineMs = 60_000): Promise<Postmaster> {
    const until = performance.now() + deadlineMs;
    await boundLog(this.logFile, LOG_BYTES);
    while (performance.now() < until) {
      const running = await findPostmaster(this.data);
      if (running?.ready) return running;
      if (!running && (await processesIn(this.data)).length === 0) await this.launch(until);
      await pause(25);
    }
    throw new Error(
      `PostgreSQL in ${this.dir} didn't accept connections within ${deadlineMs} ms: ${await logTail(this.logFile)}`,
    );
  }

  /**
   * As `start`; where a living postmaster archives elsewhere than it is told to now (its settings are read as it starts), it is
   * stopped first. True: it was.
   */
  async startAsSet(): Promise<boolean> {
    await this.start();
    const wanted = archivingOf(this.config);
    const has = await withClient(await this.connection(), async (client) => {
      const { rows } = await client.query<{ name: string; setting: string }>(
        'select name, setting from pg_settings where name = any($1)',
        [Object.keys(wanted)],
      );
      return rows;
    });
    if (has.every(({ name, setting }) => wanted[name] === setting)) return false;
    await this.stop();
    await this.start();
    return true;
  }

  private async launch(until: number): Promise<void> {
    if (await lockFileIsStale(this.data)) await rm(join(this.data, 'postmaster.pid'), { force: true });
    const user = this.programs.user;
    if (this.config.archiveDir) await this.ownFolder(this.config.archiveDir);
    const settings = join(this.data, SETTINGS_FILE);
    await writeDurably(settings, settingsOf(this.config), 0o600);
    if (user) await chown(settings, user.uid, user.gid);
    const log = await open(this.logFile, 'a', 0o600);
    try {
      const child = spawn(join(this.programs.bin, 'postgres'), ['-D', this.data], {
        ...asUser(user),
        cwd: this.data,
        env: environment(),
        detached: true, // a session of its own: our death, and a Ctrl-C in our terminal, don't reach it
        stdio: ['ignore', log.fd, log.fd],
      });
      const exit = new Promise<string | undefined>((done) => {
        child.once('error', (error) => done(error.message));
        child.once('exit', (code, signal) => done(`exit ${code ?? signal}`));
      });
      child.unref();
      let exited: string | undefined;
      void exit.then((how) => {
        exited = how;
      });
      while (exited === undefined && performance.now() < until) {
        if ((await findPostmaster(this.data))?.ready) return;
        await pause(20);
      }
      // Another process may have started it at the same moment; PostgreSQL's own lock lets one win.
      if (exited !== undefined && !(await findPostmaster(this.data))) {
        throw new Error(`PostgreSQL in ${this.dir} didn't start (${exited}): ${await logTail(this.logFile)}`);
      }
    } finally {
      await log.close();
    }
  }

  /** The living postmaster, if any. */
  async postmaster(): Promise<Postmaster | undefined> {
    return (await this.initialised()) ? findPostmaster(this.data) : undefined;
  }

  /**
   * Stops the cluster: fast, then, if it hangs (it does when the archive's folder is gone), immediately; crash recovery
   * then runs at the next start.
   */
  async stop(deadlineMs = 30_000): Promise<void> {
    const running = await this.postmaster();
    if (!running) return;
    signalProcess(running, 'SIGINT');
    if (await gone(running, deadlineMs)) return;
    signalProcess(running, 'SIGQUIT');
    if (!(await gone(running, 10_000))) throw new Error(`PostgreSQL in ${this.dir} (pid ${running.pid}) doesn't stop`);
  }

  /** Whether it answers a query within the deadline. */
  async healthy(deadlineMs = 2_000): Promise<boolean> {
    try {
      const client = new pg.Client({
        ...(await this.connection()),
        connectionTimeoutMillis: deadlineMs,
        query_timeout: deadlineMs,
      });
      client.on('error', () => {}); // the query's own rejection tells
      try {
        await client.connect();
        await client.query('select 1');
        return true;
      } finally {
        await client.end().catch(() => {});
      }
    } catch {
      return false;
    }
  }

  /**
   * How to connect as the superuser, by what the database's owner set: to databases that are our own alone. In any other
   * the owner could run what it likes by it; those are for `controlConnection`.
   */
  async connection(database = 'postgres'): Promise<pg.ClientConfig> {
    return {
      host: '127.0.0.1',
      port: this.config.port,
      user: SUPERUSER,
      password: await readSecret(this.passwordFile),
      database,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    };
  }

  /** How to connect as the superuser to whomever's database, in a session of ours. */
  async controlConnection(database?: string): Promise<pg.ClientConfig> {
    return ownSession(await this.connection(database));
  }

  /** How to connect as somebody else. */
  async connectionAs(login: Login, database: string): Promise<pg.ClientConfig> {
    return { ...(await this.connection(database)), ...login };
  }

  /** Creates a 0700 folder that belongs to the user that PostgreSQL runs as. */
  async ownFolder(path: string): Promise<void> {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, 0o700);
    const user = this.programs.user;
    if (user) await chown(path, user.uid, user.gid);
  }
}

/** Initialises and starts a cluster, or adopts it: what callers mostly want. */
export async function openCluster(config: ClusterConfig, programs: Programs): Promise<Cluster> {
  const cluster = new Cluster(config, programs);
  await cluster.init();
  await cluster.start();
  return cluster;
}

/** A clean environment: PG* variables of ours must not reach it. */
function environment(): Record<string, string> {
  return { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
