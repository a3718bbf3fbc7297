/**
 * A tenant's newest restore point as a copy that is thrown away: a PostgreSQL of its own, the database, the filestore. What
 * restores it is what restores after a failed promotion, pointed at the copy: a drill of that restore point, and of the way back.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeptRestorePoint } from '@headgate/execution';
import pg from 'pg';
import { closedFolder } from '../../../machine/reachable.ts';
import { withClient } from '../../../postgres-cluster/database.ts';
import type { Copy } from '../../rehearsal/copy.ts';
import { type Bounds, rehearsalContext } from '../../rehearsal/rehearsal-context.ts';
import { throwAwayFolder } from '../../rehearsal/throw-away-cluster.ts';
import { withoutTimeouts } from '../../store/store-session.ts';
import { prepareDataView } from '../data-view.ts';
import { DatabaseDoor } from '../database-door.ts';
import { createDatabase, dropDatabase } from '../dump.ts';
import { OdooRestorePoints } from '../odoo-restore-points.ts';
import { PointManifest } from '../point-manifest.ts';
import { filestoreDir, type OdooStore, type OdooStores, storeDir } from '../store.ts';
import { openAside } from '../stores-aside.ts';
import { declareBaseline } from '../version-records.ts';

/** The copy of a tenant's store; its restore point can be brought back again and again. */
export interface TenantCopy extends Copy {
  /** The copy's own cluster, data folder and records. */
  readonly stores: OdooStores;
  readonly tenant: OdooStore;
  readonly door: DatabaseDoor;
  /** Who reads and writes beside an upgrade: may do both everywhere, and own nothing. */
  readonly beside: pg.ClientConfig;
  /** Puts the restore point in the place of what is there. Returns how long that took, in milliseconds, or why it doesn't come back. */
  restore(): Promise<{ readonly ok: true; readonly tookMs: number } | { readonly ok: false; readonly why: string }>;
}

/** Role that canaries log in as. It isn't the owner's: whoever acts as that one is shut out while an upgrade runs. */
const BESIDE = 'headgate_beside';

/** Makes it below `root`. Throws, in words, why there is none. */
export async function copyOfTenant(
  stores: OdooStores,
  tenant: OdooStore,
  root: string,
  bounds: Bounds,
): Promise<TenantCopy> {
  const begun = performance.now();
  const { user } = stores.odoo;
  const closed = user && (await closedFolder(root, user));
  if (closed)
    throw new Error(
      `${closed} is closed to the user ${user.name}, who runs Odoo on the copy; choose another --work-dir`,
    );
  const { dir, remove } = await throwAwayFolder(root, stores.cluster.programs, 'rehearsal');
  try {
    const aside = await openAside(dir, stores, tenant, 'of-ours');
    await mkdir(filestoreDir(aside, tenant), { recursive: true, mode: 0o755 });
    await prepareDataView(aside.odoo);
    await mkdir(storeDir(aside, tenant), { recursive: true });
    // Read where they lie: a restore changes none of them.
    const kept = join(storeDir(stores, tenant), 'restore-points');
    await symlink(kept, join(storeDir(aside, tenant), 'restore-points'));
    const door = new DatabaseDoor(aside);
    const points = new OdooRestorePoints(aside, door);
    const { point, schemaVersion } = await newestOf(points, tenant);
    const { database } = tenant;
    await createDatabase(aside, database, 'if-missing');
    const beside = await makeBeside(aside, database);
    const restore: TenantCopy['restore'] = async () => {
      const from = performance.now();
      const context = rehearsalContext('restore', bounds);
      const restored = await points.restore(tenant.name, point.id, { kind: 'restore-point' }, context);
      bounds.signal.throwIfAborted();
      const tookMs = performance.now() - from;
      if (!restored.ok) return { ok: false, why: restored.why };
      await afterwards(aside, tenant);
      return { ok: true, tookMs };
    };
    const first = await restore();
    if (!first.ok) throw new Error(`the restore point ${point.id} doesn't come back: ${first.why}`);
    const manifest = PointManifest.parse(JSON.parse(await readFile(join(kept, point.id, 'manifest.json'), 'utf8')));
    await declareBaseline(aside, schemaVersion, manifest.modules);
    const { cluster, owner } = aside;
    return {
      store: { name: tenant.name, cluster, database, user: owner, passwordFile: cluster.passwordFile },
      origin: { how: 'restore-point', of: point.id, takenAt: point.takenAt, manifest: point.manifest },
      schemaVersion,
      readyMs: performance.now() - begun,
      stores: aside,
      tenant,
      door,
      beside,
      restore,
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function newestOf(points: OdooRestorePoints, { name }: OdooStore): Promise<KeptRestorePoint> {
  const { kept, unreadable } = await points.list(name);
  const [newest] = kept;
  if (newest !== undefined) return newest;
  const bad = unreadable[0];
  const why = bad === undefined ? 'it has none yet' : `${bad.id} can’t be read: ${bad.why}`;
  throw new Error(
    `there is no restore point of the store ${name} to rehearse on: ${why}; a promotion takes one while the tenant is held`,
  );
}

async function makeBeside(stores: OdooStores, database: string): Promise<pg.ClientConfig> {
  const password = randomBytes(24).toString('base64url');
  await withClient(await stores.cluster.controlConnection(), (client) =>
    client.query(
      `create role ${BESIDE} login password ${pg.escapeLiteral(password)} in role pg_read_all_data, pg_write_all_data`,
    ),
  );
  const options = await withoutTimeouts(stores.cluster);
  return stores.cluster.connectionAs({ user: BESIDE, password, options }, database);
}

/** What the restore put aside goes: on a copy nobody looks at it again. Rights to connect are the database's own, which is another one now. */
async function afterwards(stores: OdooStores, tenant: OdooStore): Promise<void> {
  const { database } = tenant;
  await withClient(await stores.cluster.controlConnection(), async (client) => {
    await client.query(`grant connect on database ${pg.escapeIdentifier(database)} to ${BESIDE}`);
    await dropDatabase(client, `${database}__before`);
  });
  await rm(`${filestoreDir(stores, tenant)}.before`, { recursive: true, force: true });
}
