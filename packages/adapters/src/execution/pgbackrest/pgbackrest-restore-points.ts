import { rm } from 'node:fs/promises';
import { type RestorePoint, takenForRollout } from '@headgate/domain';
import {
  type Answer,
  denied,
  granted,
  type RecoveryTarget,
  type RestorePointList,
  type RestorePoints,
  type StepContext,
} from '@headgate/execution';
import type { KeptPoints } from '../kept-points/kept-points.ts';
import { restoreInPlace } from '../restore-points/in-place.ts';
import { markLog } from '../restore-points/mark.ts';
import { archiveToNow, pushHistories } from './archived-log.ts';
import { expireBackups, expiryOf, neededBackup } from './expire-backups.ts';
import { keptOf, sameBackup } from './opened-point.ts';
import type { Bounds, PgBackRest } from './pgbackrest.ts';
import { openPgBackRest, type PgBackRestStore } from './pgbackrest-store.ts';
import { type PointManifest, sized } from './point-manifest.ts';
import { repositoryInfo } from './repository-info.ts';
import { listRepository } from './repository-list.ts';
import { restoreBackupAside } from './restore-aside.ts';
import { ensureStanza, noteDamage, takeBackup } from './take-backup.ts';
import { wholeBackup } from './whole-backup.ts';

/** For what isn't part of a step. Milliseconds. */
const LOOK_MS = 60_000;
/** All of the repository is read. Milliseconds. */
const VERIFY_MS = 12 * 60 * 60_000;

/** Restore points of stores whose PostgreSQL we keep, as backups in pgBackRest's repositories. */
export class PgBackRestRestorePoints implements RestorePoints {
  private readonly stores: ReadonlyMap<string, PgBackRestStore>;

  constructor(stores: ReadonlyMap<string, PgBackRestStore>) {
    this.stores = stores;
  }

  async take(name: string, ctx: StepContext): Promise<Answer<RestorePoint>> {
    const store = this.find(name);
    const kept = keptOf(store);
    const before = await kept.ofAttempt(ctx);
    if (before) return granted((await sizedOf(kept, before.id)) ?? before);
    const own = await openPgBackRest(store);
    const { id, partial } = await kept.begin();
    const taken = await takeBackup(store, own, id, ctx);
    if (!taken.ok) {
      await rm(partial, { recursive: true, force: true });
      return taken;
    }
    const point = await kept.complete(partial, taken.value);
    await this.tidy(kept, own, id, ctx);
    return granted(sized({ point, manifest: taken.value }));
  }

  async verify(name: string, id: string, signal: AbortSignal): Promise<Answer<RestorePoint>> {
    const store = this.find(name);
    const own = await openPgBackRest(store);
    const found = await keptOf(store).verify(id, signal, async (manifest) => {
      const whole = await wholeBackup(own, manifest, { deadlineMs: VERIFY_MS, signal });
      await noteDamage(own, !whole.ok && whole.code === 'check-failed');
      return whole;
    });
    return found.ok ? granted(sized(found.value)) : found;
  }

  async mark(store: string, ctx: StepContext): Promise<void> {
    await markLog(this.find(store), ctx.rollout);
  }

  /** Throws while the repository can't be looked at: nobody knows then what there is. */
  async list(name: string): Promise<RestorePointList> {
    const store = this.find(name);
    const bounds = { deadlineMs: LOOK_MS, signal: new AbortController().signal };
    const listed = await listRepository(store, await openPgBackRest(store), bounds);
    if (!listed.ok) throw new Error(listed.why);
    const { kept, unreadable } = listed;
    return {
      kept: kept.map((each) => ({
        ...{ point: sized(each), rollout: each.manifest.rollout, schemaVersion: each.manifest.schemaVersion },
      })),
      unreadable,
    };
  }

  async restore(
    name: string,
    id: string,
    target: RecoveryTarget,
    ctx: StepContext,
  ): Promise<Answer<{ readonly schemaVersion: number }>> {
    const store = this.find(name);
    const own = await openPgBackRest(store);
    const bounds = (): Bounds => ({ deadlineMs: Math.max(10_000, ctx.remainingMs()), signal: ctx.signal });
    const found = (await keptOf(store).list()).kept.find(({ manifest }) => manifest.id === id)?.manifest;
    if (found === undefined)
      return denied('check-failed', `the restore point ${id} of ${name} isn't there, or isn't what was reported`);
    const { label, moment } = found.pgbackrest;
    const restored = await restoreInPlace(
      store,
      {
        // Each file's checksum is compared as it is brought back aside: reading all of it twice would only take longer.
        verify: () => sameBackup(own, found, bounds()),
        async archive() {
          const late = target.kind === 'restore-point' ? undefined : await archiveToNow(store.cluster, own, bounds());
          return late === undefined ? granted(undefined) : denied('transient', `the store ${name}: ${late}`);
        },
        aside(dir, port) {
          const { programs, passwordFile } = store.cluster;
          return restoreBackupAside({
            lost: 'refuse',
            ...{ own, label, target, moment, dir, port, programs, passwordFile, bounds: bounds() },
          });
        },
        layOutFiles: async () => {},
      },
      ctx,
    );
    // Also tried with the next one that is taken: until then nobody can follow the log over this point.
    if (restored.ok) {
      const untold = await pushHistories(store.cluster, own, bounds());
      if (untold !== undefined) ctx.log(`store ${name}: the new timeline isn't in the repository yet: ${untold}`);
    }
    return restored;
  }

  /** What a killed agent left at work is ended; the stanza is made where there is none. What can't be done now is told. */
  async prepare(report: (event: string) => void): Promise<void> {
    for (const store of this.stores.values()) {
      const own = await openPgBackRest(store);
      for (const alone of ['backup', 'restore']) await own.endLeftover(alone);
      const ready = await ensureStanza(own, { deadlineMs: LOOK_MS, signal: new AbortController().signal });
      if (!ready.ok) report(`the log of the store ${store.name} isn't archived yet: ${ready.why}`);
    }
  }

  /** What pgBackRest's own expiry takes is no restore point any more. What can't be tidied up today is tomorrow. */
  private async tidy(
    kept: KeptPoints<PointManifest>,
    own: PgBackRest,
    newest: string,
    ctx: StepContext,
  ): Promise<void> {
    const bounds = (): Bounds => ({ deadlineMs: Math.max(1_000, ctx.remainingMs()), signal: ctx.signal });
    const before = await repositoryInfo(own, bounds());
    if (!before.ok) return;
    const manifests = (await kept.list()).kept.map(({ manifest }) => manifest);
    const expiry = expiryOf(before.info.backups, own.config.keep.full, neededBackup(manifests, ctx.rollout));
    const ran = await expireBackups(own, expiry, bounds());
    if (!ran.ok) ctx.log(`older backups stay in ${own.name}: ${ran.why}`);
    const looked = await repositoryInfo(own, bounds());
    if (!looked.ok) return;
    const labels = new Set(looked.info.backups.map(({ label }) => label));
    // One of the rollout at work that is gone isn't outdated: somebody took it away, and that is told.
    const ofThis = ({ rollout }: PointManifest): boolean => rollout === ctx.rollout && takenForRollout({ rollout });
    const outdated = manifests.filter(
      (each) => each.id !== newest && !ofThis(each) && !labels.has(each.pgbackrest.label),
    );
    await kept.remove(outdated.map(({ id }) => id));
  }

  private find(name: string): PgBackRestStore {
    const store = this.stores.get(name);
    if (!store) throw new Error(`There is no store ${name} in this cell`);
    return store;
  }
}

async function sizedOf(kept: KeptPoints<PointManifest>, id: string): Promise<RestorePoint | undefined> {
  const found = (await kept.list()).kept.find(({ manifest }) => manifest.id === id);
  return found && sized(found);
}
