import { join } from 'node:path';
import type { RestorePoint } from '@headgate/domain';
import {
  type Answer,
  denied,
  granted,
  type RecoveryTarget,
  type RestorePointList,
  type RestorePoints,
  type StepContext,
} from '@headgate/execution';
import type pg from 'pg';
import { copyTree } from '../../machine/copy-tree.ts';
import { countRows } from '../census/count-rows.ts';
import { dumpSource } from '../kept-points/dump-source.ts';
import { digestTree } from '../kept-points/kept-manifest.ts';
import { KeptPoints } from '../kept-points/kept-points.ts';
import { danglingAttachments } from './attachments.ts';
import type { DatabaseDoor } from './database-door.ts';
import { dumpDatabase } from './dump.ts';
import { installedModules } from './installed-modules.ts';
import { PointManifest } from './point-manifest.ts';
import { readerConnection } from './reader.ts';
import { holdStore, inRecords } from './records.ts';
import { restoreBeside } from './restore-beside.ts';
import { markServerLog } from './server-log.ts';
import { filestoreDir, findStore, type OdooStore, type OdooStores, storeDir } from './store.ts';
import { beginSwap, endSwap, finishSwap, readSwap } from './tenant-swap.ts';
import { declaredVersion, recordRestored, storeVersion } from './version-records.ts';

/**
 * Restore points of single tenants: a dump of the database and a copy of the filestore, taken while nobody of Odoo's may
 * write, so that both are of one moment. Restoring replaces this tenant alone; its neighbours in the cluster go on.
 *
 *   <store>/restore-points/<id>/manifest.json   every file with size and SHA-256, the modules' versions
 *   <store>/restore-points/<id>/dump/           pg_dump's folder
 *   <store>/restore-points/<id>/filestore/      the attachments' files
 */
export class OdooRestorePoints implements RestorePoints {
  private readonly stores: OdooStores;
  private readonly door: DatabaseDoor;

  private readonly logged: boolean;

  /** `logged`: somebody keeps the cluster's log, so moments are named in it. */
  constructor(stores: OdooStores, door: DatabaseDoor, logged = false) {
    this.stores = stores;
    this.door = door;
    this.logged = logged;
  }

  async take(name: string, ctx: StepContext): Promise<Answer<RestorePoint>> {
    const store = findStore(this.stores, name);
    const done = await holdStore(this.stores, store, ctx, () => this.takeHeld(store, ctx));
    return typeof done === 'string' ? held(done, name) : done;
  }

  async verify(store: string, id: string, signal: AbortSignal): Promise<Answer<RestorePoint>> {
    const found = await this.kept(findStore(this.stores, store)).verify(id, signal);
    return found.ok ? granted(found.value.point) : found;
  }

  async mark(store: string, { rollout }: StepContext): Promise<void> {
    if (this.logged) await markServerLog(this.stores.cluster, rollout, findStore(this.stores, store).name);
  }

  async list(store: string): Promise<RestorePointList> {
    return this.kept(findStore(this.stores, store)).told();
  }

  async restore(
    name: string,
    id: string,
    target: RecoveryTarget,
    ctx: StepContext,
  ): Promise<Answer<{ readonly schemaVersion: number }>> {
    const store = findStore(this.stores, name);
    if (target.kind !== 'restore-point')
      return denied('rejected', `a tenant's restore point holds one moment; ${target.kind} can't be reached with it`);
    const done = await holdStore(this.stores, store, ctx, (control) =>
      this.restoreHeld(control, store, this.kept(store), id, ctx),
    );
    return typeof done === 'string' ? held(done, name) : done;
  }

  /**
   * Puts the tenant back by a restore point that lies elsewhere, by the journal that a restore has. `lastLook`: asked right before the tenant
   * is replaced, once all is prepared beside it; what it refuses replaces nothing.
   */
  async place(
    name: string,
    from: KeptPoints<PointManifest>,
    id: string,
    ctx: StepContext,
    lastLook: () => Promise<Answer<unknown>>,
  ): Promise<Answer<{ readonly schemaVersion: number }>> {
    const store = findStore(this.stores, name);
    const done = await holdStore(this.stores, store, ctx, (control) =>
      this.restoreHeld(control, store, from, id, ctx, lastLook),
    );
    return typeof done === 'string' ? held(done, name) : done;
  }

  private async takeHeld(store: OdooStore, ctx: StepContext): Promise<Answer<RestorePoint>> {
    const kept = this.kept(store);
    const before = await kept.ofAttempt(ctx);
    if (before) return granted(before);
    const version = await storeVersion(this.stores, store);
    if (version.kind !== 'at')
      return denied(
        'rejected',
        `the store ${store.name} isn't at a known version, so nothing would be brought back by it`,
      );
    const open = await this.door.admitted(store);
    if (open.length > 0)
      return denied('rejected', `${open.join(', ')} may still write to the store ${store.name}; hold its tenant first`);
    const { id, partial } = await kept.begin();
    const { database } = store;
    const filestore = filestoreDir(this.stores, store);
    const { bin } = this.stores.cluster.programs;
    const source = await inRecords(this.stores, (client) => dumpSource(client, bin));
    await dumpDatabase(this.stores, database, join(partial, 'dump'), ctx.remainingMs(), ctx.signal);
    // The dump's files again, for their digests; the filestore is copied and digested in one go.
    const dump = await digestTree(join(partial, 'dump'), 'dump', ctx.signal);
    const files = await copyTree(filestore, partial, 'filestore', (path) => path.startsWith('checklist'), ctx.signal);
    const modules = await installedModules(this.stores, database);
    // Nobody of Odoo's may write: what is counted now is what was dumped.
    const census = this.stores.census
      ? await countRows(await readerConnection(this.stores, database), 'dump', ctx.signal)
      : undefined;
    const declared = await inRecords(this.stores, (client) => declaredVersion(client, version.version));
    const manifest: PointManifest = {
      v: 1,
      id,
      store: store.name,
      database,
      rollout: ctx.rollout,
      step: ctx.step,
      schemaVersion: version.version,
      modules: Object.fromEntries([...modules.values()].map((module) => [module.name, module.version])),
      danglingAttachments: await danglingAttachments(this.stores, database, join(partial, 'filestore')),
      takenAt: Date.now(),
      source,
      fence: ctx.fence,
      ...(declared !== undefined && { declared }),
      ...(census !== undefined && { census }),
      files: [...dump, ...files.files],
    };
    const point = await kept.complete(partial, manifest);
    await kept.prune(this.stores.keep);
    return granted(point);
  }

  private async restoreHeld(
    control: pg.Client,
    store: OdooStore,
    kept: KeptPoints<PointManifest>,
    id: string,
    ctx: StepContext,
    lastLook: () => Promise<Answer<unknown>> = async () => granted(undefined),
  ): Promise<Answer<{ readonly schemaVersion: number }>> {
    const journal = await readSwap(this.stores, store);
    if (journal?.key !== ctx.idempotencyKey) {
      if (journal?.phase === 'swapping')
        return denied('unknown', `an earlier restore (${journal.key}) of the store ${store.name} isn't finished`);
      const verified = await kept.verify(id, ctx.signal);
      if (!verified.ok) return verified;
      await this.door.endAssignments(store);
      await this.door.close(store);
      const bounds = { deadlineMs: ctx.remainingMs(), signal: ctx.signal };
      const wrong = await restoreBeside(this.stores, store, verified.value.manifest, kept.folder(id), bounds);
      if (wrong !== undefined) return denied('check-failed', wrong);
      const right = await lastLook();
      if (!right.ok) return right;
      await beginSwap(this.stores, store, ctx.idempotencyKey, verified.value.manifest.schemaVersion);
    }
    const finished = (await finishSwap(this.stores, store))!;
    if (finished.phase === 'swapping') {
      await recordRestored(control, store, finished.schemaVersion);
      await endSwap(this.stores, store, finished);
    }
    return granted({ schemaVersion: finished.schemaVersion });
  }

  private kept(store: OdooStore): KeptPoints<PointManifest> {
    return new KeptPoints(join(storeDir(this.stores, store), 'restore-points'), PointManifest);
  }
}

function held(done: 'busy' | 'fenced', store: string): ReturnType<typeof denied> {
  return done === 'busy'
    ? denied('transient', `somebody else is at work on the store ${store}`)
    : denied('fenced', `the store ${store} has seen a later decision than this one`);
}
