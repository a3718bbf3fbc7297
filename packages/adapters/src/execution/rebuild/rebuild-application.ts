/** What serves, on stores that came back: the releases that ran last in their slots, and tenants led to them. */
import { chown, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Fence, RebuildServing } from '@headgate/domain';
import { compareFences } from '@headgate/domain/protocol/fence';
import type { StepContext } from '@headgate/execution';
import { makeRootFolder } from '../../machine/reachable.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { findPrograms } from '../../postgres-cluster/programs.ts';
import { type CellPorts, openCell } from '../cell.ts';
import { type AnyCellConfig, openAnyCell } from '../cell-kinds.ts';
import { readConnectionUrl } from '../external-store/connection-url.ts';
import { ExternalServer } from '../external-store/external-store.ts';
import { odooStores } from '../odoo/odoo-cell.ts';
import type { OdooCellConfig } from '../odoo/odoo-cell-config.ts';
import { inRecords } from '../odoo/records.ts';
import type { ReleaseWithFiles } from '../rehearsal/business/serving-releases.ts';
import { physicalStore } from '../restore-points/physical-store.ts';
import { controlConnection, fenceScope, type Store } from '../store/store-session.ts';
import { compareModules, neutraliseTenants } from './odoo-modules.ts';

/** How long a release may take until it is healthy, and a route until it is changed. Milliseconds. */
const LIFETIME_MS = 300_000;

export interface ApplicationToRebuild {
  readonly config: AnyCellConfig;
  /** Components that are started; absent: all. */
  readonly only?: readonly string[] | undefined;
  /** It is thrown away, and reaches nobody: Odoo makes its tenants' databases harmless before they are served. */
  readonly copy?: boolean | undefined;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** Starts what the cell is made of beside its application: stores and router. */
export function startCell(ask: ApplicationToRebuild): Promise<void> {
  return opened(ask, async () => {});
}

/** Starts a release in a slot, and waits for its health. Throws, in words, why it isn't there. */
export async function rebuildSlot(
  ask: ApplicationToRebuild,
  { slot, release, tenants }: Pick<RebuildServing, 'slot' | 'release' | 'tenants'>,
  files: ReleaseWithFiles,
): Promise<void> {
  const { config, copy, signal, say } = ask;
  await opened(ask, async (cell) => {
    const ctx = await contextOf(ask, files);
    const up = await cell.target.deploy(slot, release, files.manifest, ctx);
    if (!up.ok) throw new Error(up.why);
    if (config.kind !== 'odoo') return;
    const modules = { config, slot, tenants, version: release.version, signal };
    say(`slot ${slot}: the modules of its tenants are compared with those of ${release.version} …`);
    await compareModules(modules);
    if (copy !== true) return;
    say(`slot ${slot}: Odoo makes the copies harmless …`);
    await neutraliseTenants(modules, LIFETIME_MS);
  });
}

/** Leads tenants to their slots, in the router and for the workers, and reads back that they are. */
export async function rebuildRoutes(
  ask: ApplicationToRebuild,
  slots: readonly Pick<RebuildServing, 'slot' | 'tenants'>[],
): Promise<number> {
  return opened(ask, async (cell) => {
    const ctx = await contextOf(ask);
    for (const { slot, tenants } of slots) {
      const routed = await cell.traffic.route(tenants, slot, ctx);
      if (!routed.ok) throw new Error(routed.why);
    }
    const slotOf = new Map(slots.flatMap(({ slot, tenants }) => tenants.map((tenant) => [tenant, slot])));
    const wrong = (await cell.traffic.read()).filter(
      ({ tenant, router, workers }) => router !== slotOf.get(tenant) || workers !== slotOf.get(tenant),
    );
    if (wrong.length > 0)
      throw new Error(
        `the router or the workers’ tables lead elsewhere: ${wrong.map(({ tenant }) => tenant).join(', ')}`,
      );
    return slotOf.size;
  });
}

async function opened<T>(
  { config, only, say }: ApplicationToRebuild,
  work: (cell: CellPorts) => Promise<T>,
): Promise<T> {
  // Who makes them anew writes them where their folder is.
  const passwords = config.kind === 'odoo' ? [] : Object.values(config.stores).map((store) => store.passwordFile);
  const key = config.vault === undefined ? [] : [config.vault.keyFile];
  for (const file of [config.router.tokenFile, ...passwords, ...key]) await makeRootFolder(dirname(file));
  if (config.kind === 'odoo') await makeDataFolder(config);
  const cell = config.kind === 'odoo' ? await openAnyCell(config, say) : await openCell(config, say, only);
  try {
    return await work(cell);
  } finally {
    await cell.close();
  }
}

/**
 * By the newest decision that the stores have seen: nothing older may act on them, and nothing that a control plane decides from here
 * on is turned away for this.
 */
async function contextOf(
  { config, signal, say }: ApplicationToRebuild,
  files?: ReleaseWithFiles,
): Promise<StepContext> {
  const { cell, environment, application } = config;
  const until = performance.now() + LIFETIME_MS;
  const nothing = (): Promise<never> => Promise.reject(new Error('rebuilding a cell needs no documents'));
  return {
    ...{ cell, environment, application, rollout: 'rebuild', step: cell, idempotencyKey: `rebuild/${cell}` },
    fence: await newestFence(config),
    remainingMs: () => until - performance.now(),
    signal: AbortSignal.any([signal, AbortSignal.timeout(LIFETIME_MS)]),
    manifest: nothing,
    document: nothing,
    blob: (digest) => (files === undefined ? nothing() : files.file(digest)),
    log: say,
  };
}

/** Odoo's data folder, on a new machine: of the user that it runs as. */
async function makeDataFolder(config: OdooCellConfig): Promise<void> {
  const { dataDir, user } = odooStores(config).odoo;
  if ((await stat(dataDir).catch(() => undefined)) !== undefined) return;
  await makeRootFolder(dataDir);
  if (user) await chown(dataDir, user.uid, user.gid);
}

async function newestFence(config: AnyCellConfig): Promise<Fence> {
  let newest: Fence = { epoch: 0, n: 0 };
  if (config.kind === 'odoo')
    return inRecords(odooStores(config), async (client) => {
      const { rows } = await client.query<{ epoch: string; n: string }>(
        'select epoch::text, n::text from headgate.fence order by fence.epoch desc, fence.n desc limit 1',
      );
      return rows[0] === undefined ? newest : { epoch: Number(rows[0].epoch), n: Number(rows[0].n) };
    });
  const programs = await findPrograms(15, config.dir);
  const stores: Pick<Store, 'cluster' | 'database'>[] = Object.keys(config.stores).map((name) =>
    physicalStore(config, name, programs),
  );
  for (const { url, adminUrl } of Object.values(config.externalStores)) {
    const { database } = await readConnectionUrl(url);
    stores.push({ cluster: new ExternalServer(adminUrl, database), database });
  }
  for (const store of stores) {
    const found = await withClient(await controlConnection(store), async (client) => {
      const { rows } = await client.query<{ epoch: string; n: string }>(
        'select epoch::text, n::text from headgate.fence where scope = $1',
        [fenceScope(config)],
      );
      return rows.map(({ epoch, n }) => ({ epoch: Number(epoch), n: Number(n) }));
    });
    for (const each of found) if (compareFences(each, newest) > 0) newest = each;
  }
  return newest;
}
