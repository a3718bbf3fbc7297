import { isAbsolute } from 'node:path';
import { dependencyOrder, disorderWords, NAME_PATTERN } from '@headgate/domain';
import { z } from 'zod';
import { CommandMigrations } from './command-migrator/command-config.ts';
import { moves } from './moved/move-config.ts';
import { PgBackRestConfig } from './pgbackrest/pgbackrest-config.ts';
import { pgbackrestProblems } from './pgbackrest/pgbackrest-problems.ts';
import { RehearsalConfig, rehearsalProblems } from './rehearsal/business/rehearsal-config.ts';
import { SnapshotConfig, snapshotProblems } from './snapshots/snapshot-config.ts';
import { VaultConfig, vaultProblems } from './vault/vault-config.ts';

const name = z.string().regex(NAME_PATTERN, 'a name: lower-case letters, digits and hyphens, at most 63');
const port = z.int().min(1).max(65_535);
const path = z.string().max(4_096).refine(isAbsolute, 'an absolute path');
const variable = z.string().regex(/^[A-Z_][A-Z0-9_]{0,127}$/, 'the name of an environment variable');
const localUrl = z.url({ protocol: /^https?$/ }).max(2_000);

/** Of others that have to be there first when all of it is rebuilt. */
export const dependsOn = z
  .array(name)
  .max(100)
  .refine((names) => new Set(names).size === names.length, 'each name once')
  .default([]);

const Store = z.strictObject({
  /** Stores of this cell. */
  dependsOn,
  /** Folder of the embedded PostgreSQL 15 cluster that holds this store and nothing else. */
  clusterDir: path,
  port,
  database: z.string().min(1).max(63),
  /** The application's login, owner of the database. */
  user: z.string().min(1).max(63),
  /** 0600, the login's password. */
  passwordFile: path,
  /** Where the cluster archives its WAL. */
  archiveDir: path,
  restorePointsDir: path,
  /** Folders of files that belong to the store (attachments): restored together with the database. */
  files: z
    .array(z.strictObject({ name, dir: path }))
    .max(100)
    .default([]),
  /** Older restore points, and the WAL that only they need, are removed. */
  keepRestorePoints: z.int().min(1).max(1_000).default(5),
  /** Restore points are pgBackRest's backups, and the log is archived in its repository; absent: copies of ours. */
  pgbackrest: PgBackRestConfig.optional(),
  /** Restore points are snapshots that a program of somebody's takes of the disk; absent: copies of ours. */
  snapshots: SnapshotConfig.optional(),
  /** How the releases' migrations are carried out here: by a program of the application's; absent: they are SQL. */
  migrations: CommandMigrations.optional(),
  /** Data that is being moved there, by name. */
  moves,
});

const urlSource = z.union(
  [z.strictObject({ variable }), z.strictObject({ file: path })],
  'where the URL is: {variable: NAME} of our environment, or {file: /path} of mode 0600',
);

/** Standbys of one store. */
const MOST_STANDBYS = 5;

/** A store in a database that is there already, on a server that somebody else keeps. */
const ExternalStore = z.strictObject({
  dependsOn,
  /** The application's own login, owner of the database. */
  url: urlSource,
  /** A superuser of the same server. */
  adminUrl: urlSource,
  /** Dumps go here: for their size, and away from the database's own disk. */
  restorePointsDir: path,
  keepRestorePoints: z.int().min(1).max(1_000).default(5),
  /** Standbys that one would fail over to, by name: where the URL of each stands. The login needs pg_monitor, and nothing else. */
  standbys: z
    .record(name, urlSource)
    .refine((all) => Object.keys(all).length <= MOST_STANDBYS, `at most ${MOST_STANDBYS} standbys`)
    .default({}),
  /** Folder of pg_dump and pg_restore; by default the installed ones that fit the server. */
  toolsDir: path.optional(),
  migrations: CommandMigrations.optional(),
  /** Data that is being moved there, by name. */
  moves,
});

/** Another system that is asked for its side of business: its address, and a 0600 file with our token for it. */
const Connection = z.strictObject({ url: localUrl, tokenFile: path });

/**
 * One cell, as the agent is told about it: the only place where its folders, ports and credentials are named. Secrets
 * stand in files of their own (0600), never here.
 */
export const CellConfig = z.strictObject({
  kind: z.literal('process').default('process'),
  cell: name,
  environment: name,
  application: name,
  /** Cells of the same agent's. */
  dependsOn,
  /** As the application declares it: whether a store serves one tenant alone. */
  tenancy: z.enum(['rows', 'schema-per-tenant', 'store-per-tenant']).default('rows'),
  /** The cell's folder: slots, the fence, the router's state. */
  dir: path,
  /** The Node that `${node}` in a component's command stands for; by default the one that we run on. */
  node: path.default(process.execPath),
  /** For each slot the port of each component; 0 for a component that serves none. */
  slots: z
    .record(name, z.record(name, z.int().min(0).max(65_535)))
    .refine((slots) => Object.keys(slots).length >= 2, 'at least two slots'),
  /** The component that the router sends requests to. */
  webComponent: name.default('web'),
  /** Variable that tells a component its slot's name. */
  slotVariable: variable.default('SLOT'),
  /** Response header in which a component says its slot, so that checks can see who answered. */
  slotHeader: z
    .string()
    .regex(/^[a-z0-9-]{1,100}$/, 'a lower-case header name')
    .optional(),
  /** Environment of all components. */
  env: z.record(variable, z.string().max(32_768)).default({}),
  /** Variables whose value is the content of a 0600 file. */
  secretEnv: z.record(variable, path).default({}),
  /** Variables whose value is the path of a private copy of that 0600 file, made for the component's user. */
  secretFiles: z.record(variable, path).default({}),
  /** Variables that hold a store's connection URL, by store. */
  storeEnv: z.record(variable, name).default({}),
  stores: z.record(name, Store).default({}),
  /** Stores in databases of somebody else's. */
  externalStores: z.record(name, ExternalStore).default({}),
  tenants: z.record(name, z.strictObject({ store: name, ring: name })),
  router: z.strictObject({
    listenPort: port,
    adminPort: port,
    /** 0600, the admin API's bearer token; made when it isn't there. */
    tokenFile: path,
    /** Requests with a larger body are refused with 413. Bytes. */
    maxBodyBytes: z
      .int()
      .min(1)
      .default(8 * 1024 * 1024),
    /** How a request names its tenant: `/t/<tenant>/…`, the first label of its host name, or not at all: every request is of `one`. */
    tenantBy: z.union([z.enum(['path', 'host']), z.strictObject({ one: name })]).default('path'),
    /** When a request of a tenant under maintenance is told to come again. Seconds. */
    retryAfterS: z.int().min(1).max(86_400).default(30),
  }),
  /** The other side of reconciliations: the connection that their documents call `ledger`. */
  ledger: Connection.optional(),
  /** Others, by the names that the documents call them. */
  connections: z.record(name, Connection).optional(),
  /** 0600, JSON: token by tenant, with which business transactions are made. */
  tenantTokensFile: path.optional(),
  /** How long a component may take to end its work when its slot is emptied. Milliseconds. */
  drainMs: z.int().min(0).max(600_000).default(10_000),
  /** How the application is started on a copy of a store, for a rehearsal; absent: it isn't. */
  rehearsal: RehearsalConfig.optional(),
  /** Where restore points are copied to, in a second failure domain; absent: they stay where they are taken. */
  vault: VaultConfig.optional(),
});
export type CellConfig = z.output<typeof CellConfig>;
/** Before defaults: what people write. */
export type CellConfigInput = z.input<typeof CellConfig>;

/** Reads a cell's configuration; every mistake comes with its place and what was expected. */
export function parseCellConfig(input: unknown): CellConfig {
  const parsed = CellConfig.safeParse(input);
  if (!parsed.success) throw new Error(`The cell's configuration isn't right:\n${z.prettifyError(parsed.error)}`);
  const config = parsed.data;
  const wrong: string[] = [];
  const known = (store: string): boolean =>
    Object.hasOwn(config.stores, store) || Object.hasOwn(config.externalStores, store);
  for (const twice of Object.keys(config.stores).filter((each) => Object.hasOwn(config.externalStores, each)))
    wrong.push(`externalStores.${twice}: stores has one of that name, too`);
  if (config.ledger && config.connections && Object.hasOwn(config.connections, 'ledger'))
    wrong.push('connections.ledger: ledger says it already');
  const { tenantBy } = config.router;
  if (typeof tenantBy === 'object' && Object.keys(config.tenants).join() !== tenantBy.one)
    wrong.push(`router.tenantBy.one: the cell has to have this tenant alone, ${tenantBy.one}`);
  for (const [tenant, { store }] of Object.entries(config.tenants)) {
    if (!known(store)) wrong.push(`tenants.${tenant}.store: there is no store ${store}`);
  }
  for (const [into, store] of Object.entries(config.storeEnv)) {
    if (!known(store)) wrong.push(`storeEnv.${into}: there is no store ${store}`);
  }
  for (const [slot, components] of Object.entries(config.slots)) {
    if (!components[config.webComponent]) wrong.push(`slots.${slot}: the component ${config.webComponent} has no port`);
  }
  const ordered = dependencyOrder(
    Object.entries({ ...config.externalStores, ...config.stores }).map(([store, { dependsOn }]) => ({
      name: store,
      dependsOn,
    })),
  );
  if (!ordered.ok) wrong.push(...disorderWords(ordered, 'store').map((words) => `stores: ${words}`));
  const all = [...Object.values(config.stores), ...Object.values(config.externalStores)];
  const moving = all.flatMap((store) => Object.keys(store.moves));
  for (const twice of new Set(moving.filter((each, i) => moving.indexOf(each) !== i)))
    wrong.push(`moves.${twice}: two stores have one of that name`);
  wrong.push(...pgbackrestProblems(config), ...snapshotProblems(config), ...rehearsalProblems(config));
  wrong.push(...vaultProblems(config.vault, !all.every((store) => 'pgbackrest' in store)));
  const ports = [
    ...Object.values(config.slots).flatMap((components) => Object.values(components).filter((p) => p !== 0)),
    ...Object.values(config.stores).map((store) => store.port),
    config.router.listenPort,
    config.router.adminPort,
  ];
  for (const p of new Set(ports.filter((p, i) => ports.indexOf(p) !== i))) wrong.push(`the port ${p} is named twice`);
  if (wrong.length > 0) throw new Error(`The cell's configuration isn't right:\n${wrong.join('\n')}`);
  return config;
}
