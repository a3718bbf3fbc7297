/**
 * The server's own PostgreSQL: started, or adopted when a killed server left it running, and kept: whenever its
 * postmaster dies it is started again within a second, on the same port, and the pool's sessions mend themselves.
 */

import { join } from 'node:path';
import { type EmbeddedControl, openEmbeddedControl } from '@headgate/adapters/control/postgres/index';
import {
  alive,
  boundLog,
  freePort,
  homeFor,
  readIfThere,
  sweepHomes,
  writeDurably,
} from '@headgate/adapters/machine/index';
import { Cluster, findPostmaster, findPrograms, type Postmaster } from '@headgate/adapters/postgres-cluster/index';
import type { Logger } from 'pino';
import type { Folder } from '../installation/folder.ts';

/** PostgreSQL of the control plane; the example's stores have another. */
const MAJOR = 18;
/** How often the postmaster is looked at. Milliseconds. */
const WATCH_MS = 150;
const LOG_BYTES = 8 * 1024 * 1024;

/** Small: the control plane's working set is. A dead peer's locks go within seconds. */
const SETTINGS = { max_connections: '60', shared_buffers: '48MB', max_wal_size: '256MB', autovacuum_naptime: '15s' };

export class EmbeddedDatabase {
  readonly databaseUrl: string;
  readonly #cluster: Cluster;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  #postmaster: Postmaster;
  #watch: Promise<void> | undefined;
  #trouble = '';
  #unread = false;

  private constructor(control: EmbeddedControl, postmaster: Postmaster, log: Logger) {
    this.databaseUrl = control.databaseUrl;
    this.#cluster = control.cluster;
    this.#postmaster = postmaster;
    this.#log = log;
  }

  /** Finds the programs, starts or adopts the cluster, brings its schema up to date, and keeps it from then on. */
  static async open(folder: Folder, log: Logger): Promise<EmbeddedDatabase> {
    const { config, programs } = await clusterIn(folder);
    const { port } = config;
    const control = await openEmbeddedControl(config, programs);
    const postmaster = await control.cluster.start();
    log.info({ postgres: programs.version, port, pid: postmaster.pid }, 'the embedded database runs');
    // Only with root are there homes. Nobody waits for it.
    if (programs.user) void sweepHomes((line) => log.info(line));
    const database = new EmbeddedDatabase(control, postmaster, log);
    database.#watch = database.#keep();
    return database;
  }

  /** Why it doesn't run; empty when it does. */
  get trouble(): string {
    return this.#trouble;
  }

  /** Lets it end in an orderly way. A server that is killed leaves it running, and the next one adopts it. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#watch;
    await this.#cluster.stop();
  }

  /** Whether the postmaster lives. What can't be read now, with every descriptor in use, is no death: it is looked at again. */
  #lives(): boolean {
    try {
      const lives = alive(this.#postmaster);
      this.#unread = false;
      return lives;
    } catch (error) {
      if (!this.#unread) this.#log.warn({ err: error }, 'the embedded database can’t be looked at; it is tried again');
      this.#unread = true;
      return true;
    }
  }

  async #keep(): Promise<void> {
    let looks = 0;
    while (!this.#stop.signal.aborted) {
      await pause(WATCH_MS, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      if (++looks % 400 === 0) await boundLog(this.#cluster.logFile, LOG_BYTES).catch(() => {});
      if (this.#lives()) continue;
      this.#trouble = `PostgreSQL (pid ${this.#postmaster.pid}) died and is being started`;
      this.#log.warn({ pid: this.#postmaster.pid }, 'the embedded database died; it is started again');
      try {
        this.#postmaster = await this.#cluster.start();
        this.#trouble = '';
        this.#log.info({ pid: this.#postmaster.pid }, 'the embedded database runs again');
      } catch (error) {
        this.#trouble = (error as Error).message;
        this.#log.error({ err: error }, 'the embedded database does not start; it is tried again');
        await pause(1_000, this.#stop.signal);
      }
    }
  }
}

/** The cluster of a server's folder, which need not be there yet. */
export async function clusterIn(folder: Folder): Promise<Cluster> {
  const programs = await findPrograms(MAJOR, folder.root);
  const dir = join(await homeFor(folder.root, programs.user), 'control-database');
  return new Cluster({ dir, port: await portOf(dir, folder), settings: SETTINGS }, programs);
}

/** The port of the postmaster that runs, else the one of last time, else a free one. */
async function portOf(dir: string, folder: Folder): Promise<number> {
  const file = join(folder.root, 'database.port');
  const running = await findPostmaster(join(dir, 'data')).catch(() => undefined);
  const known = running?.port ?? Number((await readIfThere(file))?.trim() ?? Number.NaN);
  if (running !== undefined || (Number.isSafeInteger(known) && known > 0 && (await isFree(known)))) return known;
  const port = await freePort();
  await writeDurably(file, `${port}\n`);
  return port;
}

async function isFree(port: number): Promise<boolean> {
  const { createServer } = await import('node:net');
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      stop.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    stop.addEventListener('abort', done, { once: true });
  });
}
