/**
 * For tests only: a cell of Odoo whose PostgreSQL's log goes to a real pgBackRest, with two tenants and the files of its agent. No Odoo is needed
 * for it: of a tenant's database there are the two tables that are looked at, and one for its business.
 */
import { createHash } from 'node:crypto';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findTools } from '@headgate/adapters/execution/external-store/postgres-tools';
import {
  createDatabase,
  DatabaseDoor,
  declareBaseline,
  filestoreDir,
  findStore,
  OdooRestorePoints,
  type OdooStores,
  prepareReader,
  prepareRecords,
} from '@headgate/adapters/execution/odoo/index';
import { odooStores } from '@headgate/adapters/execution/odoo/odoo-cell';
import { type OdooCellConfig, parseOdooCellConfig } from '@headgate/adapters/execution/odoo/odoo-cell-config';
import {
  backUpServer,
  type LoggedServer,
  loggedServer,
  roundOfLog,
  startLogged,
} from '@headgate/adapters/execution/odoo/server-log';
import { openPgBackRest } from '@headgate/adapters/execution/pgbackrest/pgbackrest-store';
import { newIdentity } from '@headgate/adapters/execution/vault/age-stream';
import { openCellVault } from '@headgate/adapters/execution/vault/open-cell-vault';
import { vaultedStores } from '@headgate/adapters/execution/vault/vaulted-stores';
import { freePorts } from '@headgate/adapters/machine/free-port';
import { runAs } from '@headgate/adapters/machine/run-as';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { sealedPlan } from './sealed-plan.ts';
import { typed } from './typed.ts';

export const TENANTS = ['ada', 'bob'] as const;

export interface LoggedTenants {
  readonly dir: string;
  readonly config: OdooCellConfig;
  readonly stores: OdooStores;
  readonly server: LoggedServer;
  readonly repositoryDir: string;
  readonly identityFile: string;
  /** A command as a person types it. No passphrase may show. */
  asked(command: (args: readonly string[]) => Promise<number>, ...args: string[]): ReturnType<typeof typed>;
  query(tenant: string, sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** An invoice with a file, as Odoo writes them: the file first, then both rows. Answers the file's name. */
  invoice(tenant: string, name: string): Promise<string>;
  /** Where a file of the live filestore stands. */
  live(tenant: string, file: string): string;
  backUp(): Promise<void>;
  round(): ReturnType<typeof roundOfLog>;
  /** A restore point of ada, sealed in the vault. Answers its id. */
  point(): Promise<string>;
  configure(cell: object): Promise<void>;
  remove(): Promise<void>;
}

const bounds = { deadlineMs: 120_000, signal: new AbortController().signal };

export async function loggedTenants(): Promise<LoggedTenants> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-logged-'));
  await chmod(dir, 0o755);
  const at = (...path: string[]): string => join(dir, ...path);
  const user = runAs();
  for (const each of ['repository', 'vault', 'cell', 'odoo-data', 'odoo-data/filestore']) await mkdir(at(each));
  for (const own of ['repository', 'odoo-data', 'odoo-data/filestore'])
    if (user) await chown(at(own), user.uid, user.gid);
  await writeFile(at('passphrase'), 'correct horse battery staple\n', { mode: 0o600 });
  const { identity, recipient } = await newIdentity();
  await writeFile(at('identity.txt'), `${identity}\n`, { mode: 0o600 });
  const [port, blue, green, listenPort, adminPort] = (await freePorts(5)) as [number, number, number, number, number];
  const config = parseOdooCellConfig({
    ...{ kind: 'odoo', cell: 'erp', environment: 'production', application: 'odoo', dir: at('cell') },
    odoo: { dir: at('odoo'), dataDir: at('odoo-data') },
    postgresql: {
      ...{ clusterDir: at('pg'), port, programsDir: (await findTools(15, '/usr/lib/postgresql/15/bin'))! },
      pgbackrest: {
        ...{ stanza: 'erp', repository: { kind: 'folder', dir: at('repository') } },
        ...{ passphraseFile: at('passphrase'), keep: { full: 1 } },
      },
    },
    slots: { blue, green },
    stores: { ada: 'ada', bob: 'bob' },
    tenants: { ada: { store: 'ada', ring: 'internal' }, bob: { store: 'bob', ring: 'internal' } },
    router: { listenPort, adminPort, tokenFile: at('router.token') },
    vault: { store: { kind: 'folder', dir: at('vault') }, recipients: [recipient], keyFile: at('vault-key.pem') },
  });
  const stores = odooStores(config);
  const { cluster } = stores;
  const server = loggedServer(config, cluster)!;
  await cluster.init();
  await startLogged(server, (event) => {
    throw new Error(event);
  });
  await mkdir(stores.dir, { recursive: true });
  await prepareRecords(stores);
  await prepareReader(stores);
  const door = new DatabaseDoor(stores);
  await door.prepare(['blue', 'green']);
  const query: LoggedTenants['query'] = async (tenant, sql, values) =>
    withClient(await cluster.connection(tenant), async (client) => (await client.query(sql, values)).rows);
  for (const tenant of TENANTS) {
    await createDatabase(stores, tenant, 'anew');
    await query(
      tenant,
      `set role odoo;
       create table public.ir_module_module(name varchar, state varchar, latest_version varchar);
       create table public.ir_attachment(store_fname varchar, checksum varchar, file_size integer);
       create table public.account_move(name varchar, filler text);
       insert into public.ir_module_module values ('headgate_ps', 'installed', '19.0.1.0.1')`,
    );
    await mkdir(filestoreDir(stores, findStore(stores, tenant)));
  }
  await declareBaseline(stores, 1, { headgate_ps: '19.0.1.0.1' });
  const live: LoggedTenants['live'] = (tenant, file) => join(filestoreDir(stores, findStore(stores, tenant)), file);
  const own = await openPgBackRest(server);
  const vault = (await openCellVault(config.vault, vaultedStores(config)))!;
  const points = new OdooRestorePoints(stores, door, true);
  const configure = (cell: object): Promise<void> => writeFile(at('cell.json'), JSON.stringify(cell));
  await writeFile(at('token'), 'test-token\n', { mode: 0o600 });
  await writeFile(at('trust.yaml'), sealedPlan().trustText);
  await configure(config);
  await writeFile(
    at('agent.yaml'),
    `server: http://127.0.0.1:1
name: agt_test
tokenFile: ${at('token')}
dataDir: ${at('data')}
trustFile: ${at('trust.yaml')}
environments: [{name: production}]
cellFiles: [${at('cell.json')}]
`,
  );
  let steps = 0;
  return {
    ...{ dir, config, stores, server, query, live, configure },
    ...{ repositoryDir: at('repository'), identityFile: at('identity.txt') },
    asked: (command, ...args) =>
      typed(command, ['--config', at('agent.yaml'), '--cell', 'erp', ...args], /correct horse/),
    async invoice(tenant, name) {
      const content = `the contract of ${name}`;
      const sha1 = createHash('sha1').update(content).digest('hex');
      const file = `${sha1.slice(0, 2)}/${sha1}`;
      await mkdir(dirname(live(tenant, file)), { recursive: true });
      await writeFile(live(tenant, file), content);
      await query(
        tenant,
        `with filed as (insert into public.ir_attachment values ($1, $2, $3)) insert into public.account_move values ($4)`,
        [file, sha1, content.length, name],
      );
      return file;
    },
    backUp: () => backUpServer(server, own, bounds),
    round: () => roundOfLog(server, own, bounds),
    async point() {
      const n = ++steps;
      const ctx = stepContext({ cell: 'erp', step: `s${n}`, idempotencyKey: `r1/s${n}`, fence: { epoch: 1, n } });
      const taken = await points.take('ada', ctx);
      if (!taken.ok) throw new Error(taken.why);
      const sealed = await vault.keep({ ...taken.value, verified: true }, ctx);
      if (sealed.kind !== 'sealed') throw new Error(JSON.stringify(sealed));
      return taken.value.id;
    },
    async remove() {
      await cluster.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
