import { join, resolve } from 'node:path';
import type { Component } from '@headgate/domain';
import { boundLog } from '../../machine/bounded-log.ts';
import { runAs } from '../../machine/run-as.ts';
import { Cluster } from '../../postgres-cluster/cluster.ts';
import type { CellPorts } from '../cell.ts';
import { HttpChecks } from '../http-checks/http-checks.ts';
import { archivingSettings, pgbackrestFolder } from '../pgbackrest/own-configuration.ts';
import { type CellHold, holdCell } from '../process/cell-hold.ts';
import { FenceFile } from '../process/fence-file.ts';
import { KeptPart } from '../process/kept-part.ts';
import { ProcessTarget } from '../process/process-target.ts';
import { componentDir } from '../process/slot-files.ts';
import { readSlot, slotDir } from '../process/slot-record.ts';
import { Supervisor } from '../process/supervisor.ts';
import { StoreAndHttpSides } from '../reconcile/store-and-http-sides.ts';
import { RouterOperations } from '../router/router-operations.ts';
import { RouterProcess } from '../router/router-process.ts';
import { openCellVault } from '../vault/open-cell-vault.ts';
import { promisesRows } from '../vault/vault-config.ts';
import { vaultedStores } from '../vault/vaulted-stores.ts';
import { ChecksBehindDoor } from './checks-behind-door.ts';
import { odooEnvironment, serveCommand } from './command.ts';
import { CronWorkers } from './cron-workers.ts';
import { prepareDataView } from './data-view.ts';
import { DatabaseDoor } from './database-door.ts';
import type { OdooInstallation } from './installation.ts';
import type { OdooCellConfig } from './odoo-cell-config.ts';
import { OdooMigrator } from './odoo-migrator.ts';
import { OdooRestorePoints } from './odoo-restore-points.ts';
import { OdooTraffic } from './odoo-traffic.ts';
import { prepareReader } from './reader.ts';
import { ODOO_READS } from './reading-calls.ts';
import { prepareRecords } from './records.ts';
import { loggedServer, startLogged } from './server-log.ts';
import type { OdooStores } from './store.ts';
import { finishSwap } from './tenant-swap.ts';
import { servesLogin } from './warm-slot.ts';

const LOG_BYTES = 4 * 1024 * 1024;
/** The component of a release whose files are its modules. It has no command of its own but this word. */
export const ODOO_COMMAND = 'odoo';

/** The host by which the router knows a tenant; nobody resolves it. */
export function tenantHost(tenant: string): string {
  return `${tenant}.localhost`;
}

/** The stores of an Odoo cell, as its configuration names them. */
export function odooStores(config: OdooCellConfig): OdooStores {
  const user = runAs();
  const { clusterDir, port, programsDir, owner, pgbackrest } = config.postgresql;
  const archived = pgbackrest && archivingSettings(pgbackrest, pgbackrestFolder(resolve(clusterDir)));
  const { dir, python, dataDir } = config.odoo;
  return {
    odoo: { dir, python, dataDir, dataView: join(config.dir, 'odoo', 'data-view'), user },
    cluster: new Cluster(
      { dir: clusterDir, port, ...(archived !== undefined && { settings: archived }) },
      { major: 15, version: '15', bin: programsDir, user },
    ),
    owner,
    byName: new Map(Object.entries(config.stores).map(([name, database]) => [name, { name, database }])),
    dir: join(config.dir, 'odoo'),
    keep: config.keepRestorePoints,
    census: promisesRows(config.vault),
  };
}

/**
 * Opens an Odoo cell: takes hold of it, starts or adopts its cluster and its router, ends a restore that was killed in its
 * last part. What serves the slots, and the schedulers, are adopted as they are; `supervise` restarts what died.
 */
export async function openOdooCell(
  config: OdooCellConfig,
  report: (event: string) => void = () => {},
): Promise<CellPorts> {
  const hold = await holdCell(config.dir);
  try {
    return await assemble(config, report, hold);
  } catch (error) {
    await hold.release();
    throw error;
  }
}

async function assemble(config: OdooCellConfig, report: (event: string) => void, hold: CellHold): Promise<CellPorts> {
  const stores = odooStores(config);
  const { cluster, odoo } = stores;
  await cluster.init();
  const logged = loggedServer(config, cluster);
  if (logged === undefined) await cluster.start();
  else await startLogged(logged, report);
  await prepareDataView(odoo);
  await prepareRecords(stores);
  await prepareReader(stores);
  const slots = Object.keys(config.slots);
  const door = new DatabaseDoor(stores);
  await door.prepare(slots);
  for (const store of stores.byName.values()) await finishSwap(stores, store);
  const storeOf = new Map(Object.entries(config.tenants).map(([tenant, { store }]) => [tenant, store]));
  const databases = [...storeOf].map(([tenant, store]) => [tenant, config.stores[store]!] as const);
  const router = new RouterProcess({
    cellDir: config.dir,
    ...config.router,
    upstreams: config.slots,
    ...(config.odoo.workers > 0 ? { websockets: { path: '/websocket', ports: config.websocketPorts } } : {}),
    tenantBy: 'host',
    readingCalls: ODOO_READS,
    // With this header Odoo keeps no session, so nobody with a browser gets it: their host says which database is theirs.
    tenantHeader: { name: 'x-odoo-database', values: Object.fromEntries(databases), withBearerOnly: true },
    callGuard: 'odoo-rpc',
    user: odoo.user,
  });
  await router.start();

  const target = new ProcessTarget(
    {
      cellDir: config.dir,
      slots: Object.fromEntries(Object.entries(config.slots).map(([slot, web]) => [slot, { web }])),
      node: process.execPath,
      user: odoo.user,
      drainMs: config.drainMs,
      command: (slot, component, dir) => odooCommand(config, odoo, slot, component, dir),
      environment: async (slot) => odooEnvironment(odoo, await door.slotLogin(slot)),
    },
    new FenceFile(config.dir),
  );
  const traffic = new OdooTraffic({
    router: router.client,
    stores,
    door,
    cron: new CronWorkers(stores, door),
    slots,
    storeOf,
    addons: (slot) => addonsOf(config, slot),
    // Of several processes nobody can tell which one answers next.
    warm: async (slot, tenant, signal) =>
      config.odoo.workers === 0 && servesLogin(config.slots[slot]!, tenantHost(tenant), signal),
  });
  const checks = odooChecks(config);
  const supervisor = new Supervisor(target, report);
  const parts = [
    new KeptPart(async () => {
      await boundLog(cluster.logFile, LOG_BYTES);
      if (await cluster.postmaster()) return;
      report('the PostgreSQL of the cell had died and is started again');
      await cluster.start();
    }, report),
    new KeptPart(async () => {
      if (await router.running()) return;
      report('the router had died and is started again');
      await router.start();
    }, report),
    new KeptPart(() => traffic.tellSchedulers(), report),
    ...slots.map((slot) => new KeptPart(() => supervisor.look(slot), report)),
  ];
  return {
    config,
    tenancy: config.tenancy,
    target,
    traffic,
    operations: new RouterOperations(router.client),
    migrator: new OdooMigrator(stores, door),
    restorePoints: new OdooRestorePoints(stores, door, logged !== undefined),
    vault: await openCellVault(config.vault, vaultedStores(config)),
    checks: new ChecksBehindDoor({ checks, router: router.client, door, stores, storeOf }),
    // No reconciliation is declared for an Odoo cell: it has no stores of that kind.
    ledgerSides: new StoreAndHttpSides(new Map(), {}, storeOf),
    async supervise() {
      await Promise.all(parts.map((part) => part.look()));
    },
    close: () => hold.release(),
  };
}

/** Business transactions through the cell's router, for tenants that are served. */
export function odooChecks(config: OdooCellConfig): HttpChecks {
  return new HttpChecks({
    baseUrl: `http://127.0.0.1:${config.router.listenPort}`,
    tenantTokensFile: config.tenantTokensFile,
    routerTokenFile: config.router.tokenFile,
    hostOf: tenantHost,
    databaseOf: (tenant) => config.stores[config.tenants[tenant]?.store ?? ''] ?? tenant,
  });
}

function odooCommand(
  config: OdooCellConfig,
  odoo: OdooInstallation,
  slot: string,
  component: Component,
  dir: string,
): readonly string[] | undefined {
  if (component.command.length !== 1 || component.command[0] !== ODOO_COMMAND) return undefined;
  const { workers, serving } = config.odoo;
  const database = serving === 'dedicated' ? Object.values(config.stores)[0] : undefined;
  const httpPort = config.slots[slot]!;
  return serveCommand({ odoo, addons: [dir], httpPort, workers, websocketPort: config.websocketPorts[slot], database });
}

/** The modules of what runs in a slot. */
export async function addonsOf(
  config: Pick<OdooCellConfig, 'dir'>,
  slot: string,
): Promise<readonly string[] | undefined> {
  const dir = slotDir(config.dir, slot);
  const record = await readSlot(dir);
  const web = record?.phase === 'running' && record.components.find((c) => c.command[0] === ODOO_COMMAND);
  return web ? [componentDir(dir, web.name)] : undefined;
}
