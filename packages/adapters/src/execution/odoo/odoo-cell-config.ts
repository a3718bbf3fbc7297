import { isAbsolute } from 'node:path';
import { NAME_PATTERN } from '@headgate/domain';
import { z } from 'zod';
import { dependsOn } from '../cell-config.ts';
import { PgBackRestConfig } from '../pgbackrest/pgbackrest-config.ts';
import { socketProblems } from '../pgbackrest/pgbackrest-problems.ts';
import { VaultConfig, vaultProblems } from '../vault/vault-config.ts';

const name = z.string().regex(NAME_PATTERN, 'a name: lower-case letters, digits and hyphens, at most 63');
const port = z.int().min(1).max(65_535);
const path = z.string().max(4_096).refine(isAbsolute, 'an absolute path');
const database = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'a plain name of a database');

/** pgBackRest for the cell's one PostgreSQL: its log, and backups of it that the agent takes by itself. */
const ServerPgBackRest = PgBackRestConfig.extend({
  /** A backup is taken when the last one is so old; a full one when the last full one is `fullEveryMs` old. Milliseconds. */
  backupEveryMs: z
    .int()
    .min(60_000)
    .default(24 * 60 * 60_000),
});
export type ServerPgBackRest = z.output<typeof ServerPgBackRest>;

/**
 * One cell of Odoo, as the agent is told about it. Its tenants' databases stand in one PostgreSQL cluster of ours; what
 * serves a slot runs the release's addons on the installation that all slots share.
 */
export const OdooCellConfig = z.strictObject({
  kind: z.literal('odoo'),
  cell: name,
  environment: name,
  application: name,
  /** Cells of the same agent's that have to be there first when all of it is rebuilt. */
  dependsOn,
  tenancy: z.literal('store-per-tenant').default('store-per-tenant'),
  /** The cell's folder: slots, restore points, the router's state. */
  dir: path,
  odoo: z.strictObject({
    /** Folder that holds `usr/bin/odoo`. */
    dir: path,
    python: path.default('/usr/bin/python3'),
    /** Odoo's data folder: filestores and sessions. */
    dataDir: path,
    /** 0: one process with threads; else so many worker processes. */
    workers: z.int().min(0).max(64).default(0),
    /**
     * `shared`: one set of processes serves all tenants of a slot. `dedicated`: the cell has one tenant, and its processes
     * know no database but that tenant's. Either way its scheduled jobs have a process of their own, since who is held is
     * to run none while the last requests are still answered.
     */
    serving: z.enum(['shared', 'dedicated']).default('shared'),
  }),
  postgresql: z.strictObject({
    clusterDir: path,
    port,
    /** PostgreSQL 15's own programs, pg_dump among them. */
    programsDir: path,
    /** The role that owns the tenants' databases. */
    owner: database.default('odoo'),
    /** Keeps its log, so that a tenant comes back to any moment; absent: to its restore points alone. */
    pgbackrest: ServerPgBackRest.optional(),
  }),
  /** Port of what serves each slot. */
  slots: z.record(name, port).refine((slots) => Object.keys(slots).length >= 2, 'at least two slots'),
  /** Port of what keeps each slot's WebSockets: one for each slot where `odoo.workers` is above 0, else none. */
  websocketPorts: z.record(name, port).default({}),
  /** Database by store; a store serves one tenant. */
  stores: z.record(name, database),
  tenants: z.record(name, z.strictObject({ store: name, ring: name })),
  router: z.strictObject({
    listenPort: port,
    adminPort: port,
    /** 0600, the admin API's bearer token; made when it isn't there. */
    tokenFile: path,
    maxBodyBytes: z
      .int()
      .min(1)
      .default(128 * 1024 * 1024),
    /** When a request of a tenant under maintenance is told to come again. Seconds. */
    retryAfterS: z.int().min(1).max(86_400).default(30),
  }),
  /** 0600, JSON: API key by tenant, with which business transactions are made. */
  tenantTokensFile: path.optional(),
  keepRestorePoints: z.int().min(1).max(1_000).default(5),
  /** How long Odoo may take to end its requests when its slot is emptied. Milliseconds. */
  drainMs: z.int().min(0).max(600_000).default(20_000),
  /** Where restore points are copied to, in a second failure domain; absent: they stay where they are taken. */
  vault: VaultConfig.optional(),
});
export type OdooCellConfig = z.output<typeof OdooCellConfig>;
/** Before defaults: what people write. */
export type OdooCellConfigInput = z.input<typeof OdooCellConfig>;

/** Reads an Odoo cell's configuration; every mistake comes with its place and what was expected. */
export function parseOdooCellConfig(input: unknown): OdooCellConfig {
  const parsed = OdooCellConfig.safeParse(input);
  if (!parsed.success) throw new Error(`The cell's configuration isn't right:\n${z.prettifyError(parsed.error)}`);
  const config = parsed.data;
  const wrong: string[] = [];
  const livesIn = new Map<string, string>();
  for (const [tenant, { store }] of Object.entries(config.tenants)) {
    if (!Object.hasOwn(config.stores, store)) wrong.push(`tenants.${tenant}.store: there is no store ${store}`);
    const other = livesIn.get(store);
    if (other !== undefined) wrong.push(`tenants.${tenant}.store: ${other} lives in ${store}, and a store serves one`);
    livesIn.set(store, tenant);
  }
  if (config.odoo.serving === 'dedicated') {
    for (const [what, { length }] of [
      ['tenants', Object.keys(config.tenants)],
      ['stores', Object.keys(config.stores)],
    ] as const)
      if (length !== 1)
        wrong.push(
          `${what}: a dedicated Odoo has exactly one, not ${length}; odoo.serving is shared where there are more`,
        );
  }
  if (config.odoo.serving === 'shared')
    for (const [tenant, { store }] of Object.entries(config.tenants)) {
      const named = config.stores[store];
      // Odoo makes links to the very host by which it finds the database, so the two can't be told apart.
      if (named !== undefined && named !== tenant)
        wrong.push(
          `stores.${store}: the database of the tenant ${tenant} is ${named}; a shared Odoo finds a tenant's database by the first label of its host, so it has to be named ${tenant}, or served by an Odoo of its own (odoo.serving: dedicated)`,
        );
      if (tenant === 'www')
        wrong.push('tenants.www: Odoo takes a leading www. for no part of a host; name it otherwise');
    }
  const databases = Object.values(config.stores);
  for (const twice of new Set(databases.filter((each, i) => databases.indexOf(each) !== i)))
    wrong.push(`stores: the database ${twice} is named twice`);
  const { workers } = config.odoo;
  for (const slot of Object.keys(config.slots))
    if (workers > 0 && !Object.hasOwn(config.websocketPorts, slot))
      wrong.push(`websocketPorts.${slot}: with odoo.workers above 0 each slot needs a port of its own for WebSockets`);
  for (const slot of Object.keys(config.websocketPorts)) {
    if (!Object.hasOwn(config.slots, slot)) wrong.push(`websocketPorts.${slot}: there is no slot ${slot}`);
    if (workers === 0) wrong.push(`websocketPorts.${slot}: with odoo.workers 0 a slot's one port takes WebSockets too`);
  }
  const { listenPort, adminPort } = config.router;
  const ports = [
    ...Object.values(config.slots),
    ...Object.values(config.websocketPorts),
    config.postgresql.port,
    listenPort,
    adminPort,
  ];
  wrong.push(...vaultProblems(config.vault, true));
  if (config.postgresql.pgbackrest !== undefined) {
    const { clusterDir, port: cluster } = config.postgresql;
    wrong.push(...socketProblems('postgresql', clusterDir, cluster));
  }
  for (const p of new Set(ports.filter((p, i) => ports.indexOf(p) !== i))) wrong.push(`the port ${p} is named twice`);
  if (wrong.length > 0) throw new Error(`The cell's configuration isn't right:\n${wrong.join('\n')}`);
  return config;
}
