import { rm } from 'node:fs/promises';
import { isLastingPoint, type RestorePoint } from '@headgate/domain';
import {
  type Answer,
  denied,
  granted,
  type RecoveryTarget,
  type RestorePointList,
  type RestorePoints,
  type StepContext,
  type UnreadableRestorePoint,
} from '@headgate/execution';
import type { KeptPoints } from '../kept-points/kept-points.ts';
import { restoreInPlace } from '../restore-points/in-place.ts';
import { markLog } from '../restore-points/mark.ts';
import { archiveToNow, pushHistories } from './archived-log.ts';
import { keptOf, sameBackup } from './opened-point.ts';
import type { Bounds, PgBackRest } from './pgbackrest.ts';
import { openPgBackRest, type PgBackRestStore } from './pgbackrest-store.ts';
import { ANNOTATIONS, type PointManifest, sized } from './point-manifest.ts';
import { problemsOf } from './read-verify.ts';
import { repositoryInfo } from './repository-info.ts';
import { restoreBackupAside } from './restore-aside.ts';
import { ensureStanza, failedAs, noteDamage, takeBackup } from './take-backup.ts';

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
    // A rollout's first restore point may outdate what earlier rollouts left; later ones leave its own alone.
    const first =
      !isLastingPoint(ctx) && !(await kept.list()).kept.some(({ manifest }) => manifest.rollout === ctx.rollout);
    const taken = await takeBackup(store, own, id, ctx, first);
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
    const { kept, unreadable } = await keptOf(store).list();
    const own = await openPgBackRest(store);
    const looked = await repositoryInfo(own, { deadlineMs: LOOK_MS, signal: new AbortController().signal });
    if (!looked.ok) throw new Error(looked.why);
    const { backups } = looked.info;
    const labels = new Map(backups.map((backup) => [backup.label, backup]));
    const gone: UnreadableRestorePoint[] = kept.flatMap(({ manifest: { id, rollout, pgbackrest } }) => {
      const backup = labels.get(pgbackrest.label);
      if (backup?.annotation?.[ANNOTATIONS.id] === id) return [];
      const why = backup === undefined ? 'isn’t in the repository any more' : 'is another one’s in the repository';
      return [{ id, rollout, why: `its backup ${pgbackrest.label} ${why}` }];
    });
    const known = new Set([...kept.map(({ manifest }) => manifest.id), ...unreadable.map(({ id }) => id)]);
    const unknown = backups.flatMap(({ label, annotation }): UnreadableRestorePoint[] => {
      const id = annotation?.[ANNOTATIONS.id];
      if (id === undefined || known.has(id)) return [];
      const why = `nothing is kept beside the store of what its backup ${label} promised`;
      return [{ id, rollout: annotation?.[ANNOTATIONS.rollout], why }];
    });
    const lost = new Set(gone.map(({ id }) => id));
    return {
      kept: kept
        .filter(({ manifest }) => !lost.has(manifest.id))
        .map((each) => ({
          ...{ point: sized(each), rollout: each.manifest.rollout, schemaVersion: each.manifest.schemaVersion },
        })),
      unreadable: [...unreadable, ...gone, ...unknown].sort((a, b) => (a.id < b.id ? 1 : -1)),
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

  /** What pgBackRest's own expiry took is no restore point any more. What can't be looked at today is tomorrow. */
  private async tidy(
    kept: KeptPoints<PointManifest>,
    own: PgBackRest,
    newest: string,
    ctx: StepContext,
  ): Promise<void> {
    const looked = await repositoryInfo(own, { deadlineMs: Math.max(1_000, ctx.remainingMs()), signal: ctx.signal });
    if (!looked.ok) return;
    const labels = new Set(looked.info.backups.map(({ label }) => label));
    const outdated = (await kept.list()).kept.filter(
      ({ manifest }) =>
        manifest.id !== newest && manifest.rollout !== ctx.rollout && !labels.has(manifest.pgbackrest.label),
    );
    await kept.remove(outdated.map(({ manifest }) => manifest.id));
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

/** Whether all of it can be read and is whole, too. */
async function wholeBackup(own: PgBackRest, point: PointManifest, bounds: Bounds): Promise<Answer<unknown>> {
  const same = await sameBackup(own, point, bounds);
  if (!same.ok) return same;
  const read = await own.run(['verify', '--output=text', '--verbose'], bounds);
  if (!read.ok) return failedAs(read);
  const { label, firstWal, lastWal } = point.pgbackrest;
  const problems = problemsOf(read.output, {
    labels: [label, ...(same.value.backup.reference ?? [])],
    firstWal,
    lastWal,
  });
  if (problems.length === 0) return granted(undefined);
  return denied('check-failed', `${problems.join('; ')} (restore point ${point.id} in ${own.name})`);
}
