/** For tests only: a real primary and real standbys of it, that stream from it. */
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type pg from 'pg';
import { freePort } from '../../../machine/free-port.ts';
import { asUser, runAs } from '../../../machine/run-as.ts';
import { withClient } from '../../../postgres-cluster/database.ts';
import { findTools } from '../../external-store/postgres-tools.ts';

const run = promisify(execFile);

/** Folder of the programs of the distribution's PostgreSQL 15, which has pg_basebackup; undefined: it isn't installed. */
export const BIN = await findTools(15, '/usr/lib/postgresql/15/bin');

/** One server that was started here. */
export class RealServer {
  readonly port: number;
  readonly data: string;

  constructor(data: string, port: number) {
    this.data = data;
    this.port = port;
  }

  async start(): Promise<void> {
    // A standby that was away for a while finds the log that it lacks.
    const kept = { wal_keep_size: '1GB', fsync: 'off' };
    const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', port: this.port, ...kept };
    const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
    const log = join(this.data, '..', `${this.port}.log`);
    await program('pg_ctl', ['-D', this.data, '-w', '-t', '60', '-l', log, '-o', options.join(' '), 'start']);
  }

  async stop(): Promise<void> {
    await program('pg_ctl', ['-D', this.data, '-m', 'immediate', '-w', 'stop']).catch(() => {});
  }

  async promote(): Promise<void> {
    await program('pg_ctl', ['-D', this.data, '-w', 'promote']);
  }

  connection(user = 'postgres'): pg.ClientConfig {
    return { host: '127.0.0.1', port: this.port, user, password: 'any', database: 'postgres' };
  }

  url(user = 'postgres', database = 'postgres'): string {
    return `postgres://${user}:any@127.0.0.1:${this.port}/${database}`;
  }

  async sql<T extends pg.QueryResultRow>(text: string): Promise<T[]> {
    return withClient(this.connection(), async (client) => (await client.query<T>(text)).rows);
  }
}

/** A folder of servers that trust everybody on this machine, which end with it. */
export class RealServers {
  readonly dir: string;
  readonly #all: RealServer[] = [];

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async make(): Promise<RealServers> {
    const dir = await mkdtemp(join(tmpdir(), 'headgate-standby-'));
    await chmod(dir, 0o755);
    return new RealServers(dir);
  }

  /** A cluster of its own, with the logins `watcher` (pg_monitor) and `bare` (nothing). */
  async primary(): Promise<RealServer> {
    const server = await this.#server();
    await program('initdb', [
      '-D',
      server.data,
      '-A',
      'trust',
      '-U',
      'postgres',
      '--no-sync',
      '--locale=C',
      '-E',
      'UTF8',
    ]);
    await server.start();
    await server.sql('create role watcher login in role pg_monitor; create role bare login; create table t(n int)');
    return server;
  }

  /** A standby that streams from it. */
  standbyOf(primary: RealServer): Promise<RealServer> {
    return this.#copyOf(primary, ['-R']);
  }

  /** A copy of it that goes on by itself, on the same timeline. */
  cloneOf(primary: RealServer): Promise<RealServer> {
    return this.#copyOf(primary, []);
  }

  /** A 0600 file with a URL. */
  async urlFile(name: string, url: string): Promise<{ readonly file: string }> {
    const file = join(this.dir, name);
    await writeFile(file, `${url}\n`, { mode: 0o600 });
    return { file };
  }

  async remove(): Promise<void> {
    for (const server of this.#all) await server.stop();
    await rm(this.dir, { recursive: true, force: true });
  }

  async #copyOf(primary: RealServer, more: readonly string[]): Promise<RealServer> {
    const server = await this.#server();
    const from = `host=127.0.0.1 port=${primary.port} user=postgres`;
    const args = ['-D', server.data, '-d', from, '-X', 'stream', '-c', 'fast', '--no-sync'];
    await program('pg_basebackup', [...args, ...more]);
    await server.start();
    return server;
  }

  async #server(): Promise<RealServer> {
    const port = await freePort();
    const own = join(this.dir, String(port));
    await mkdir(own, { mode: 0o700 });
    const user = runAs();
    if (user !== undefined) await chown(own, user.uid, user.gid);
    const server = new RealServer(join(own, 'data'), port);
    this.#all.push(server);
    return server;
  }
}

async function program(name: string, args: readonly string[]): Promise<void> {
  await run(join(BIN as string, name), args as string[], { ...asUser(runAs()), cwd: '/', timeout: 90_000 });
}
