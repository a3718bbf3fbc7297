/** The tutorial's service taken under control, as its page says, with operations that its customers' requests ask for. */
import { appendFile, chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findTools } from '@headgate/adapters/execution/external-store/postgres-tools';
import { ComponentProcess } from '@headgate/adapters/execution/process/component-process';
import { readSlot, slotDir } from '@headgate/adapters/execution/process/slot-record';
import { type RealStore, realStore } from '@headgate/adapters/execution/testing/real-store';
import { readSecret } from '@headgate/adapters/machine/durable-file';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { commandsOf, Shell, writePrograms } from './programs.ts';
import { ORDERS, writeShop } from './shop.ts';

const TUTORIAL = join(import.meta.dirname, '..', '..', 'docs', 'tutorial.md');
const DEADLINE_MS = 90_000;

/** Undefined: this machine can't dump PostgreSQL 15, so that no shop runs on it. */
export const tools = await findTools(15, undefined);

const OPERATIONS = `  operations:
    - name: place-order
      says: Nothing can be ordered at the moment.
      requests:
        - {methods: [POST], path: /orders}
`;

export class RunningShop {
  readonly real: RealStore;
  readonly dir: string;
  readonly shell: Shell;
  #url = '';

  constructor(real: RealStore, dir: string, shell: Shell) {
    this.real = real;
    this.dir = dir;
    this.shell = shell;
  }

  /** Sets it up as far as the tutorial's adoption; `more` stands in the service's spec, `beside` behind it in its file. */
  static async start(more = '', beside = ''): Promise<RunningShop> {
    const real = await realStore();
    const dir = await mkdtemp(join(tmpdir(), 'headgate-shop-'));
    await chmod(dir, 0o755);
    await writeShop(join(dir, 'shop'));
    await writePrograms(join(dir, 'bin'));
    const { cluster } = real.store;
    await withClient(await cluster.connection(), async (client) => {
      await client.query(`create role shop login password 'plain'`);
      await client.query('create database shop owner shop');
    });
    const owner = { ...(await cluster.connection('shop')), user: 'shop', password: 'plain' };
    await withClient(owner, (client) => client.query(ORDERS));
    const { HEADGATE_SERVER: _s, HEADGATE_DATA: _d, HEADGATE_TOKEN_FILE: _t, ...env } = process.env;
    const { port } = cluster.config;
    const shell = new Shell(dir, {
      ...env,
      PATH: `${join(dir, 'bin')}:${env.PATH}`,
      SHOP_DATABASE_URL: `postgres://shop:plain@127.0.0.1:${port}/shop`,
      SHOP_ADMIN_URL: `postgres://postgres:${await readSecret(cluster.passwordFile)}@127.0.0.1:${port}/postgres`,
    });
    const shop = new RunningShop(real, dir, shell);
    await shop.#setUp(more, beside).catch(async (error) => {
      await shop.remove();
      throw error;
    });
    return shop;
  }

  async #setUp(more: string, beside: string): Promise<void> {
    const commands = await commandsOf(TUTORIAL);
    const setup = commands.indexOf('headgate setup shop');
    const adopt = commands.findIndex((command) => command.startsWith('headgate adopt'));
    for (const command of commands.slice(0, setup)) await this.run(command);
    await this.change(/^ {2}environments:/m, `${OPERATIONS}${more}  environments:`);
    await appendFile(join(this.dir, 'shop', 'headgate.yaml'), beside);
    for (const command of commands.slice(setup, adopt + 1)) await this.run(command);
    const { router } = JSON.parse(await readFile(join(this.dir, '.headgate/cells/shop-production.json'), 'utf8'));
    this.#url = `http://127.0.0.1:${router.listenPort}`;
  }

  /** Changes the service's own file. */
  async change(from: RegExp | string, to: string): Promise<void> {
    const file = join(this.dir, 'shop', 'headgate.yaml');
    const text = await readFile(file, 'utf8');
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`${from} isn't in\n${text}`);
    await writeFile(file, changed);
  }

  async run(command: string): Promise<string> {
    const { code, output } = await this.shell.run(command, DEADLINE_MS);
    if (code !== 0) throw new Error(`${command}\nended with ${code}:\n${output}\n${await this.shell.said()}`);
    return output;
  }

  async until<T>(look: () => Promise<T | undefined>, what: string): Promise<T> {
    for (const end = Date.now() + 120_000; Date.now() < end; ) {
      const seen = await look();
      if (seen !== undefined) return seen;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`${what}\n${await this.shell.said()}`);
  }

  /** The promotion that is open. */
  async open(): Promise<string> {
    const id = /"id":"(prm_[^"]*)"/.exec(await this.run('headgate promotion list --open --json'))?.[1];
    if (id === undefined) throw new Error(`no promotion is open\n${await this.shell.said()}`);
    return id;
  }

  /** What a customer does who orders, and one who reads. */
  order(): Promise<Response> {
    return fetch(`${this.#url}/orders`, { method: 'POST' });
  }

  orders(): Promise<Response> {
    return fetch(`${this.#url}/orders`);
  }

  /** Ends all that runs of it, and removes it. */
  async remove(): Promise<void> {
    await this.shell.close();
    const cell = join(this.dir, '.headgate', 'cells', 'shop-production');
    await new ComponentProcess(join(cell, 'router'), { name: 'router' }).stop(2_000);
    for (const slot of ['blue', 'green'])
      for (const component of (await readSlot(slotDir(cell, slot)))?.components ?? [])
        await new ComponentProcess(slotDir(cell, slot), component).stop(2_000);
    await this.real.remove();
    await rm(this.dir, { recursive: true, force: true });
  }
}
