import { join } from 'node:path';
import type { CellState, SlotState, StoreState, TenantState } from '@headgate/domain';
import type { ClosedNow, Migrator, Ports } from '@headgate/execution';
import pg from 'pg';
import { boundLog } from '../machine/bounded-log.ts';
import { reachableProgram } from '../machine/program-copy.ts';
import type { RunAs } from '../machine/run-as.ts';
import { ensureDatabase } from '../postgres-cluster/database.ts';
import { findPrograms } from '../postgres-cluster/programs.ts';
import type { CellConfig } from './cell-config.ts';
import { CommandMigrator, type CommandStore } from './command-migrator/command-migrator.ts';
import { componentEnvironment } from './component-environment.ts';
import { claimStore, ownClaim } from './external-store/claim.ts';
import { DumpRestorePoints } from './external-store/dump-restore-points.ts';
import { type ExternalStore, openExternalStore } from './external-store/external-store.ts';
import { HttpChecks } from './http-checks/http-checks.ts';
import { refuseLeft } from './left-cell.ts';
import { migratorByStore } from './migrator-by-store.ts';
import { PgBackRestRestorePoints } from './pgbackrest/pgbackrest-restore-points.ts';
import { hasPgBackRest, openPgBackRest, type PgBackRestStore } from './pgbackrest/pgbackrest-store.ts';
import { type CellHold, holdCell } from './process/cell-hold.ts';
import { FenceFile } from './process/fence-file.ts';
import { KeptPart } from './process/kept-part.ts';
import { ProcessTarget } from './process/process-target.ts';
import { Supervisor } from './process/supervisor.ts';
import { connectionsOf } from './reconcile/sides-to-look-at.ts';
import { StoreAndHttpSides } from './reconcile/store-and-http-sides.ts';
import type { BackedStore } from './restore-points/backed-store.ts';
import { finishRestore, restoring } from './restore-points/in-place.ts';
import { PhysicalRestorePoints } from './restore-points/physical-restore-points.ts';
import { physicalStore } from './restore-points/physical-store.ts';
import { restorePointsByStore } from './restore-points-by-store.ts';
import { CellTraffic } from './router/cell-traffic.ts';
import { RouterOperations } from './router/router-operations.ts';
import { RouterProcess } from './router/router-process.ts';
import { hasSnapshots, SnapshotRestorePoints, type SnapshotStore } from './snapshots/snapshot-restore-points.ts';
import { SqlMigrator } from './sql-migrator/sql-migrator.ts';
import { StoreFault } from './store/store-fault.ts';
import { prepareStore, type Store } from './store/store-session.ts';
import { openCellVault } from './vault/open-cell-vault.ts';
import { promisesRows } from './vault/vault-config.ts';
import { storesElsewhere, vaultedStores } from './vault/vaulted-stores.ts';

const LOG_BYTES = 4 * 1024 * 1024;

/** What every kind of cell says of itself. */
export interface CellIdentity {
  readonly cell: string;
  readonly environment: string;
  readonly application: string;
  /** The cell's folder. */
  readonly dir: string;
  readonly tenants: Readonly<Record<string, { readonly store: string; readonly ring: string }>>;
}

/** The ports of one cell, on the real things that its configuration names. */
export interface CellPorts extends Ports {
  readonly config: CellIdentity;
  /**
   * One look after what must be alive: clusters, router, components. Starts what died, and tells of it. Call it every few
   * hundred milliseconds, whether or not the last call has come back: a part that is still being started, or that failed
   * a moment ago, is left out and doesn't hold up the others.
   */
  supervise(): Promise<void>;
  /** Gives up the cell, so that another process may act on it. What runs goes on running. */
  close(): Promise<void>;
}

/**
 * Opens a cell: takes hold of it (one process acts on a cell at a time), starts or adopts its clusters and its router,
 * ends a restore that was killed in its last part. Slots are adopted as they are; `supervise` restarts what died there.
 * `report` gets a line for people about what was started. `only`: components of a release that are started, where it isn't all.
 */
export async function openCell(
  config: CellConfig,
  report: (event: string) => void = () => {},
  only?: readonly string[],
): Promise<CellPorts> {
  const hold = await holdCell(config.dir);
  try {
    await refuseLeft(config);
    return await assemble(config, report, hold, only);
  } catch (error) {
    await hold.release();
    throw error;
  }
}

async function assemble(
  config: CellConfig,
  report: (event: string) => void,
  hold: CellHold,
  only: readonly string[] | undefined,
): Promise<CellPorts> {
  const programs = await findPrograms(15, config.dir);
  const { user } = programs;
  const node = await reachableProgram(config.node, `node-${process.version}`, user);
  const stores = new Map<string, BackedStore>();
  for (const name of Object.keys(config.stores)) stores.set(name, physicalStore(config, name, programs));
  for (const store of stores.values()) {
    await finishRestore(store);
    await store.cluster.init();
    if (hasPgBackRest(store)) await openPgBackRest(store);
    if (await store.cluster.startAsSet())
      report(`the PostgreSQL of the store ${store.name} is started anew, since its archive is another one`);
    await ensureDatabase(store.cluster, { ...config.stores[store.name]! });
    await prepareStore(store);
  }
  const external = new Map<string, ExternalStore>();
  for (const [name, store] of Object.entries(config.externalStores))
    external.set(name, await openExternalStore(name, { ...store, census: promisesRows(config.vault) }));
  for (const store of external.values()) {
    await prepareStore(store);
    // Of one that has none yet. Another installation's is left to its fences here: `take-up` is where it is refused.
    await claimStore(store, await ownClaim(config));
  }
  const all = new Map<string, Store>([...stores, ...external]);
  const migrator = await migratorOf(config, all, user, node);
  const copies = new PhysicalRestorePoints(stores);
  await copies.endLeftovers();
  const backups = new PgBackRestRestorePoints(new Map([...stores].filter(hasOwnRepository)));
  await backups.prepare(report);
  const taken = new SnapshotRestorePoints(new Map([...stores].filter(hasOwnSnapshots)));
  await taken.endLeftovers();
  const router = new RouterProcess({
    cellDir: config.dir,
    ...config.router,
    upstreams: Object.fromEntries(
      Object.entries(config.slots).map(([slot, ports]) => [slot, ports[config.webComponent]!]),
    ),
    user,
  });
  await router.start();

  const storeOf = new Map(Object.entries(config.tenants).map(([tenant, { store }]) => [tenant, store]));
  const target = new ProcessTarget(
    {
      cellDir: config.dir,
      slots: config.slots,
      node,
      user,
      drainMs: config.drainMs,
      ...(only !== undefined && { only }),
      environment: (slot) => componentEnvironment(config, slot, user),
    },
    new FenceFile(config.dir),
  );
  const supervisor = new Supervisor(target, report);
  const parts = [
    ...[...stores.values()].map((store) => new KeptPart(() => keepStore(store, report), report)),
    new KeptPart(async () => {
      if (await router.running()) return;
      report('the router had died and is started again');
      await router.start();
    }, report),
    ...target.slots.map((slot) => new KeptPart(() => supervisor.look(slot), report)),
  ];
  return {
    config,
    tenancy: config.tenancy,
    target,
    traffic: new CellTraffic(router.client, all, storeOf),
    operations: new RouterOperations(router.client),
    migrator,
    restorePoints: restorePointsByStore(
      [...stores.keys()],
      restorePointsByStore(
        [...stores.values()].filter(hasPgBackRest).map(({ name }) => name),
        backups,
        restorePointsByStore(
          [...stores.values()].filter(hasSnapshots).map(({ name }) => name),
          taken,
          copies,
        ),
      ),
      new DumpRestorePoints(external),
    ),
    vault: await openCellVault(config.vault, vaultedStores(config), storesElsewhere(config)),
    checks: new HttpChecks({
      baseUrl: `http://127.0.0.1:${config.router.listenPort}`,
      tenantTokensFile: config.tenantTokensFile,
      routerTokenFile: config.router.tokenFile,
    }),
    ledgerSides: new StoreAndHttpSides(all, connectionsOf(config), storeOf),
    async supervise() {
      await Promise.all(parts.map((part) => part.look()));
    },
    close: () => hold.release(),
  };
}

function hasOwnRepository(entry: [string, BackedStore]): entry is [string, PgBackRestStore] {
  return hasPgBackRest(entry[1]);
}

function hasOwnSnapshots(entry: [string, BackedStore]): entry is [string, SnapshotStore] {
  return hasSnapshots(entry[1]);
}

/** SQL files where the configuration says nothing else. What a killed agent's commands left running is ended. */
async function migratorOf(
  config: CellConfig,
  stores: ReadonlyMap<string, Store>,
  user: RunAs | undefined,
  node: string,
): Promise<Migrator> {
  const sql = new Map<string, Store>();
  const commands = new Map<string, CommandStore>();
  for (const [name, store] of stores) {
    const { migrations } = config.stores[name] ?? config.externalStores[name]!;
    if (migrations) commands.set(name, { ...store, migrations });
    else sql.set(name, store);
  }
  const command = new CommandMigrator(commands, { dir: join(config.dir, 'migrations'), user, node });
  await command.endLeftovers();
  // Beside the store's restore points, which nobody else may read either.
  const keptIn = (name: string) =>
    join((config.stores[name] ?? config.externalStores[name]!).restorePointsDir, 'taken-back');
  return migratorByStore([new SqlMigrator(sql, keptIn), command]);
}

async function keepStore(store: BackedStore, report: (event: string) => void): Promise<void> {
  await boundLog(store.cluster.logFile, LOG_BYTES);
  // In this order: a restore writes its journal before it stops the cluster.
  if (await store.cluster.postmaster()) return;
  if (await restoring(store.cluster)) return;
  report(`the PostgreSQL of the store ${store.name} had died and is started again`);
  await store.cluster.start();
}

/**
 * What a cell really is, read from the real things: a slot counts as holding a release only while all of its files are
 * that release's and nothing is under way there; a tenant is on the slot that the router and the workers' table agree
 * on. A tenant on which they don't agree, or that isn't routed at all, is left out. A store that can't be looked at has
 * drifted, and its neighbours are told of as they are. Throws when nobody can be asked: a cluster or a router is away.
 */
export async function observeCell(cell: CellPorts): Promise<CellState> {
  const { config } = cell;
  const slots: Record<string, SlotState> = {};
  for (const slot of cell.target.slots) {
    const seen = await cell.target.observe(slot);
    const holds = seen.phase === 'running' && seen.intact && seen.release && seen.schemaRange;
    slots[slot] = holds ? { release: seen.release, schemaRange: seen.schemaRange } : {};
  }
  const stores: Record<string, StoreState> = {};
  for (const store of cell.migrator.stores) stores[store] = await lookAt(cell.migrator, store);
  const tenants: Record<string, TenantState> = {};
  for (const route of await cell.traffic.read()) {
    const declared = config.tenants[route.tenant];
    if (!declared || route.router === undefined || route.workers !== (route.held ? undefined : route.router)) continue;
    const tenant = { slot: route.router, store: declared.store, ring: declared.ring };
    tenants[route.tenant] = route.held ? { ...tenant, held: true } : tenant;
  }
  return {
    cell: config.cell,
    application: config.application,
    environment: config.environment,
    slots,
    stores,
    tenants,
    ...closedIn(await cell.operations.closed(), tenants),
  };
}

/** So many are told, the longest closed first. */
const MOST_CLOSED = 100;

/** What is closed on one slot counts for those who are there: nobody else is refused anything by it. */
function closedIn(closed: readonly ClosedNow[], where: CellState['tenants']): Pick<CellState, 'closed'> {
  const all = closed.flatMap(({ says: _, tenants, ...each }) => {
    const refused = each.slot === undefined ? tenants : tenants.filter((name) => where[name]?.slot === each.slot);
    return refused.length === 0 ? [] : [{ ...each, tenants: refused.length }];
  });
  if (all.length === 0) return {};
  return { closed: all.sort((a, b) => a.since - b.since).slice(0, MOST_CLOSED) };
}

/** What a store is, or that its database doesn't let itself be looked at: in our words, none of which its owner chose. */
async function lookAt(migrator: Migrator, store: string): Promise<StoreState> {
  try {
    return await migrator.look(store);
  } catch (error) {
    if (error instanceof StoreFault) return { schemaVersion: 0, drift: [error.message] };
    // Of a server that is going down, or coming up, each store would say the same.
    if (!(error instanceof pg.DatabaseError) || /^(57P0[1-3]|08)/.test(error.code ?? '')) throw error;
    return { schemaVersion: 0, drift: [`its database can't be looked at (PostgreSQL's error ${error.code})`] };
  }
}
