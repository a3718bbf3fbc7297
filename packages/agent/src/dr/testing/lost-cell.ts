/** For tests only: a cell of two stores, of which one stands on the other, that ran a release and has a vault; and its loss. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CellPorts, openCell } from '@headgate/adapters/execution/cell';
import { type CellConfig, parseCellConfig } from '@headgate/adapters/execution/cell-config';
import { ownersConfig, readConnectionUrl } from '@headgate/adapters/execution/external-store/connection-url';
import type { ExternalStoreConfig } from '@headgate/adapters/execution/external-store/external-store';
import type { ObjectStoreConfig } from '@headgate/adapters/execution/object-store/object-store-config';
import { openObjectStore } from '@headgate/adapters/execution/object-store/open-object-store';
import { closeLog, noteReach } from '@headgate/adapters/execution/pgbackrest/log-reach';
import { hasPgBackRest, openPgBackRest } from '@headgate/adapters/execution/pgbackrest/pgbackrest-store';
import { finishRestore } from '@headgate/adapters/execution/restore-points/in-place';
import { physicalStore } from '@headgate/adapters/execution/restore-points/physical-store';
import { endRunning } from '@headgate/adapters/execution/running-cell';
import { newIdentity } from '@headgate/adapters/execution/vault/age-stream';
import { vaultKey } from '@headgate/adapters/execution/vault/vault-key';
import { closeWal } from '@headgate/adapters/execution/vault/wal/close-wal';
import { WalShipper } from '@headgate/adapters/execution/vault/wal/ship-wal';
import { freePorts } from '@headgate/adapters/machine/free-port';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import { canonicalBytes, digestOfJson } from '@headgate/documents';
import { execute } from '@headgate/execution';
import { manifestOf, stepContext } from '@headgate/testkit/execution/step-context';
import { sealedPlan } from '../../testing/sealed-plan.ts';

const WEB = `import http from 'node:http';
http.createServer((q, r) => {
  r.writeHead(200, { 'content-type': 'application/json', 'x-slot': process.env.SLOT });
  r.end(JSON.stringify({ state: 'done', language: process.env.LANGUAGE ?? 'none', payment: process.env.PAYMENT_URL ?? 'none' }));
}).listen(Number(process.env.PORT), process.env.HOST);`;

/** Works on the copy that it is told of: a row more in a table of the application's. */
const TRANSACTIONS = `
const { default: pg } = await import(process.argv[2]);
const client = new pg.Client(process.env.HEADGATE_DRILL_DATABASE_URL);
await client.connect();
if (process.argv[3] === 'fails') { console.error('the ledger is not there'); process.exit(3); }
await client.query("insert into entry(n, note) values (900000, 'exercised')");
const { rows } = await client.query('select count(*)::int as n from entry');
await client.end();
process.exit(rows[0].n > 1 ? 0 : 1);
`;

/** Of Terraform's, with a secret in it. */
const STATE = {
  ...{ version: 4, terraform_version: '1.11.4', serial: 7, lineage: 'l-1', outputs: {} },
  resources: [{ mode: 'managed', type: 'vlan', instances: [{ attributes: { key: 'the-vlan-key' } }] }],
};

export const STORES = ['main', 'platform'] as const;

export interface LostCell {
  readonly dir: string;
  /** The agent's own. */
  readonly dataDir: string;
  readonly config: CellConfig;
  readonly vaultDir: string;
  /** Of the agent, and folders that belong to it. */
  readonly agentFile: string;
  readonly releaseDir: string;
  readonly identityFile: string;
  readonly workDir: string;
  readonly verificationFile: string;
  query(store: string, sql: string): Promise<Record<string, unknown>[]>;
  /** A restore point of each store. */
  seal(rollout?: string): Promise<void>;
  /** Its log up to now. */
  ship(): Promise<void>;
  /** Ends a restore that was killed in its last part, and starts the store, as an agent does that opens the cell. */
  started(store: string): Promise<void>;
  /** Lets go of it, as an agent that ends: what runs goes on. */
  release(): Promise<void>;
  /** Ends all that runs, and takes away everything of the cell's but its vault and its configuration. */
  lose(): Promise<void>;
  /** Writes the agent's files anew, with another cell file. `more`: of agent.yaml. */
  configure(cell: object, more?: string): Promise<void>;
  remove(): Promise<void>;
}

/** Where else its copies lie than in a folder. */
export interface Elsewhere {
  /** The vault's store. */
  readonly vault?: ObjectStoreConfig;
  /** The repository of the store main, which has pgBackRest then, and no files beside it. */
  readonly repository?: object;
  /** Of the store main, which is on somebody else's server then, and has no files beside it: `url` and `adminUrl`. */
  readonly external?: Pick<ExternalStoreConfig, 'url' | 'adminUrl'>;
}

/** Made, with rows in both stores, and a release in its slot. */
export async function lostCell({ vault, repository, external }: Elsewhere = {}): Promise<LostCell> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-lost-'));
  await chmod(dir, 0o755);
  for (const name of ['vault', 'work', 'sealing', 'kept']) await mkdir(join(dir, name), { mode: 0o755 });
  const [listenPort, adminPort, one, two, blue, green] = (await freePorts(6)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const { identity, recipient } = await newIdentity();
  const at = (...path: string[]): string => join(dir, ...path);
  await writeFile(at('kept', 'identity.txt'), `${identity}\n`, { mode: 0o600 });
  await writeFile(at('kept', 'token'), 'test-token\n', { mode: 0o600 });
  await writeFile(at('kept', 'passphrase'), 'correct horse battery staple\n', { mode: 0o600 });
  await writeFile(at('kept', 'payment'), 'the-payment-key\n', { mode: 0o600 });
  await writeFile(at('kept', 'tokens.json'), JSON.stringify({ ada: 'a', bob: 'b' }), { mode: 0o600 });
  await writeFile(at('kept', 'transactions.mjs'), TRANSACTIONS);
  await writeFile(at('state.json'), JSON.stringify(STATE));
  await writeFile(at('kept', 'works.json'), JSON.stringify(VERIFICATION));
  const store = (name: string, port: number) => ({
    ...{
      clusterDir: at('machine', name),
      port,
      database: 'app',
      user: 'app',
      passwordFile: at('machine', `${name}-password`),
    },
    ...{ archiveDir: at('machine', `${name}-archive`), restorePointsDir: at('machine', `${name}-points`) },
  });
  const config = parseCellConfig({
    ...{ cell: 'shared', environment: 'production', application: 'psa', dir: at('machine', 'cell') },
    slots: { blue: { web: blue }, green: { web: green } },
    env: { LANGUAGE: 'de', PAYMENT_URL: 'https://payment.example.org' },
    secretEnv: { PAYMENT_KEY: at('kept', 'payment') },
    storeEnv: { DATABASE_URL: 'main' },
    stores: {
      ...(external === undefined && {
        main: {
          ...store('main', one),
          dependsOn: ['platform'],
          ...(repository === undefined
            ? { files: [{ name: 'attachments', dir: at('machine', 'attachments') }] }
            : { pgbackrest: { stanza: 'main', repository, passphraseFile: at('kept', 'passphrase') } }),
        },
      }),
      platform: store('platform', two),
    },
    ...(external !== undefined && {
      externalStores: {
        main: { ...external, dependsOn: ['platform'], restorePointsDir: at('machine', 'main-points') },
      },
    }),
    tenants: { ada: { store: 'main', ring: 'internal' }, bob: { store: 'main', ring: 'broad' } },
    router: { listenPort, adminPort, tokenFile: at('machine', 'router-token') },
    tenantTokensFile: at('kept', 'tokens.json'),
    drainMs: 1_000,
    rehearsal: { keep: ['LANGUAGE'] },
    vault: {
      store: vault ?? { kind: 'folder', dir: at('vault') },
      recipients: [recipient],
      keyFile: at('sealing', 'key.pem'),
      wal: { everyMs: 1_000 },
      drill: {
        identityFile: at('kept', 'identity.txt'),
        workDir: at('work'),
        transactions: {
          command: [process.execPath, at('kept', 'transactions.mjs'), import.meta.resolve('pg')],
          timeoutMs: 60_000,
        },
      },
    },
  });
  const release = await layOut(at('kept', 'release'));
  // What it sealed is believed by the public half alone: the key is lost with the machine.
  const key = await vaultKey(config.vault!.keyFile);
  const pem = key.publicKeyPem.trim().split('\n').join('\n          ');
  const signer = `    - name: lost-agent\n      may: [restore-point]\n      publicKey: |\n          ${pem}\n`;
  await writeFile(at('kept', 'trust.yaml'), sealedPlan().trustText.replace(/^ *signers:\n/m, `$&${signer}`));
  const objects = await openObjectStore(config.vault!.store);
  const agentFile = at('kept', 'agent.yaml');
  const configure = async (cell: object, more = ''): Promise<void> => {
    await writeFile(at('kept', 'cell.json'), JSON.stringify(cell));
    await writeFile(
      agentFile,
      `server: http://127.0.0.1:1\nname: agt_test\ntokenFile: ${at('kept', 'token')}\ndataDir: ${at('kept', 'data')}\ntrustFile: ${at('kept', 'trust.yaml')}\nenvironments: [{name: production}]\ncellFiles: [${at('kept', 'cell.json')}]\nbackups: [{name: network, terraform: {state: ${at('state.json')}}, everyMs: 3600000}]\n${more}`,
    );
  };
  await configure(config);
  const cell: CellPorts = await openCell(config);
  let steps = 0;
  const context = (rollout = 'r1') =>
    stepContext({
      rollout,
      step: `s${++steps}`,
      idempotencyKey: `${rollout}/s${steps}`,
      fence: { epoch: 3, n: steps },
      manifest: async () => release.manifest,
      blob: async () => release.bytes,
    });
  const act = async (action: Parameters<typeof execute>[0], rollout?: string): Promise<void> => {
    const outcome = await execute(action, context(rollout), cell);
    if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome));
  };
  const programs = await findPrograms(15, config.dir);
  const query: LostCell['query'] = async (name, sql) => {
    const elsewhere = config.externalStores[name];
    const connection =
      elsewhere === undefined
        ? await physicalStore(config, name, programs).cluster.connection('app')
        : await readConnectionUrl(elsewhere.url).then((url) =>
            ownersConfig(url, { user: url.user, password: url.password }),
          );
    return withClient(connection, async (client) => (await client.query(sql)).rows);
  };
  for (const name of STORES) {
    await query(name, 'create table entry(n int primary key, note text)');
    if (config.stores[name] !== undefined) await query(name, 'alter table entry owner to app');
    await query(name, `insert into entry select n, '${name} ' || n from generate_series(1, 3000) n`);
  }
  await mkdir(at('machine', 'attachments'));
  await writeFile(at('machine', 'attachments', 'one'), 'first');
  await act({ kind: 'deploy', slot: 'green', release: release.ref });
  await act({ kind: 'route', tenants: ['ada', 'bob'], slot: 'green' });
  return {
    ...{
      dir,
      dataDir: at('kept', 'data'),
      config,
      vaultDir: at('vault'),
      agentFile,
      releaseDir: at('kept', 'release'),
      configure,
      query,
    },
    ...{ identityFile: at('kept', 'identity.txt'), workDir: at('work'), verificationFile: at('kept', 'works.json') },
    async seal(rollout) {
      for (const name of STORES) await act({ kind: 'restore-point', store: name }, rollout);
    },
    async ship() {
      for (const name of STORES.filter((each) => config.stores[each] !== undefined)) {
        const store = physicalStore(config, name, programs);
        if (hasPgBackRest(store)) {
          const own = await openPgBackRest(store);
          const bounds = { deadlineMs: 60_000, signal: new AbortController().signal };
          await noteReach(own, await closeLog(store, own, { now: Date.now, bounds }));
          continue;
        }
        const of = { environment: 'production', cell: 'shared', store: name };
        const { recipients } = config.vault!;
        const signal = new AbortController().signal;
        const ask = { store: objects, archiveDir: store.archiveDir, of, recipients, key, now: Date.now, signal };
        await new WalShipper(ask).ship(await closeWal(store, Date.now));
      }
    },
    async started(name) {
      const store = physicalStore(config, name, programs);
      await finishRestore(store);
      await store.cluster.start();
    },
    release: () => cell.close(),
    async lose() {
      await cell.close();
      await endRunning({ ...config, drainMs: 0 }, () => {});
      await rename(at('machine'), at('lost'));
      await rename(at('sealing', 'key.pem'), at('lost', 'key.pem'));
    },
    async remove() {
      await cell.close().catch(() => {});
      await endRunning({ ...config, drainMs: 0 }, () => {}).catch(() => {});
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function layOut(dir: string) {
  const bytes = Buffer.from(WEB);
  const hex = createHash('sha256').update(bytes).digest('hex');
  const manifest = manifestOf('1.4.0', {
    schemaRange: { min: 0, max: 3 },
    components: [
      {
        ...{ name: 'web', role: 'web', recovery: 'stateless', healthPath: '/health' },
        files: [{ name: 'web.mjs', digest: `sha256:${hex}`, size: bytes.length }],
        command: ['${node}', '${dir}/web.mjs'],
      },
    ],
  });
  await mkdir(join(dir, 'files'), { recursive: true });
  await writeFile(join(dir, 'manifest.json'), canonicalBytes(manifest));
  await writeFile(join(dir, 'files', hex), bytes);
  return { manifest, bytes, ref: { digest: digestOfJson(manifest), version: '1.4.0' } };
}

const VERIFICATION = {
  ...{ apiVersion: 'headgate/v1', kind: 'Verification', metadata: { name: 'works', owner: 'team' } },
  spec: {
    workflows: [
      {
        workflowId: 'works',
        steps: [
          {
            stepId: 'ask',
            request: { method: 'GET', path: '/t/{$inputs.tenant}/work' },
            successCriteria: [
              { condition: '$statusCode == 200' },
              { condition: "$response.body#/state == 'done'" },
              // What the cell names for a copy comes along, and nothing else of its own.
              { condition: "$response.body#/language == 'de'" },
              { condition: "$response.body#/payment == 'none'" },
            ],
          },
        ],
      },
    ],
  },
};
