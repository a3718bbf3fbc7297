import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, isLastingPoint, type RestorePoint } from '@headgate/domain';
import {
  type Answer,
  denied,
  granted,
  type RecoveryTarget,
  type RestorePointList,
  type RestorePoints,
  type StepContext,
} from '@headgate/execution';
import { readBack } from '../../machine/copy-tree.ts';
import { readIfThere, syncFolder, writeDurably } from '../../machine/durable-file.ts';
import { SAME_ATTEMPT_MS } from '../kept-points/kept-points.ts';
import { outlived } from '../kept-points/outlived.ts';
import type { BackedStore } from './backed-store.ts';
import { takeCopy } from './backup.ts';
import { copySource } from './copy-source.ts';
import { restoreInPlace } from './in-place.ts';
import { digestOfText, Manifest, restorePointOf } from './manifest.ts';
import { markLog } from './mark.ts';
import { readAll, reportedOf } from './read-all.ts';
import { archivedBefore, shippedAlready } from './wal.ts';

export class PhysicalRestorePoints implements RestorePoints {
  private readonly stores: ReadonlyMap<string, BackedStore>;

  constructor(stores: ReadonlyMap<string, BackedStore>) {
    this.stores = stores;
  }

  async take(store: string, ctx: StepContext): Promise<Answer<RestorePoint>> {
    const backed = this.find(store);
    const before = (await readAll(backed)).kept.find(
      ({ manifest }) =>
        `${manifest.rollout}/${manifest.step}` === `${ctx.rollout}/${ctx.step}` &&
        Date.now() - manifest.takenAt < SAME_ATTEMPT_MS,
    );
    if (before) return granted(before.point);
    await mkdir(backed.restorePointsDir, { recursive: true, mode: 0o700 });
    await this.removeLeftovers(backed);

    const id = `rp-${new Date()
      .toISOString()
      .replace(/[-:]|\.\d+/g, '')
      .toLowerCase()}-${randomBytes(3).toString('hex')}`;
    const dir = join(backed.restorePointsDir, id);
    const partial = `${dir}.partial`;
    let taken: Awaited<ReturnType<typeof takeCopy>> | undefined;
    try {
      taken = await takeCopy(backed, id, partial, ctx);
      if (!taken.ok) return taken;
    } finally {
      // Half a store isn't left on the disk until somebody takes the next one, which may be in weeks.
      if (taken?.ok !== true) await rm(partial, { recursive: true, force: true });
    }
    const text = JSON.stringify(taken.value);
    const digest = digestOfText(text);
    await writeFile(join(partial, 'manifest.json'), text, { mode: 0o600, flush: true });
    await writeDurably(`${dir}.sha256`, `${digest}\n${ctx.rollout}\n`, 0o600);
    await rename(partial, dir);
    await syncFolder(backed.restorePointsDir);
    await this.prune(backed, id);
    return granted(restorePointOf(taken.value, digest, false));
  }

  async verify(store: string, id: string, signal: AbortSignal): Promise<Answer<RestorePoint>> {
    const backed = this.find(store);
    const dir = join(backed.restorePointsDir, plain(id));
    const mark = `${dir}.verified`;
    await rm(mark, { force: true });
    const text = await readIfThere(join(dir, 'manifest.json'));
    const { digest: expected } = await reportedOf(dir);
    if (text === undefined) return denied('check-failed', `the restore point ${id} of ${store} isn't there`);
    if (digestOfText(text) !== expected)
      return denied(
        'check-failed',
        `manifest.json of the restore point ${id} isn't what was reported when it was taken`,
      );
    const manifest = Manifest.parse(JSON.parse(text));
    for (const file of manifest.files) {
      signal.throwIfAborted();
      const found = await readBack(join(dir, file.path));
      if (!found) return denied('check-failed', `${file.path} of the restore point ${id} is missing`);
      if (found.size !== file.size || found.sha256 !== file.sha256) {
        return denied(
          'check-failed',
          `${file.path} of the restore point ${id} isn't what was written (size ${found.size} of ${file.size})`,
        );
      }
    }
    const extra = await unnamedFile(dir, manifest);
    if (extra) return denied('check-failed', `${extra} of the restore point ${id} isn't in its manifest`);
    await writeDurably(mark, `${new Date().toISOString()}\n`, 0o600);
    return granted(restorePointOf(manifest, expected as Digest, true));
  }

  async mark(store: string, ctx: StepContext): Promise<void> {
    await markLog(this.find(store), ctx.rollout);
  }

  async list(store: string): Promise<RestorePointList> {
    const { kept, unreadable } = await readAll(this.find(store));
    return {
      kept: kept.map(({ point, manifest: { rollout, schemaVersion } }) => ({ point, rollout, schemaVersion })),
      unreadable,
    };
  }

  async restore(
    store: string,
    id: string,
    target: RecoveryTarget,
    ctx: StepContext,
  ): Promise<Answer<{ readonly schemaVersion: number }>> {
    const backed = this.find(store);
    const point = join(backed.restorePointsDir, plain(id));
    const verify = () => this.verify(store, id, ctx.signal);
    return restoreInPlace(
      backed,
      copySource(backed, point, target, () => ctx.remainingMs(), verify),
      ctx,
    );
  }

  /** Removes what an agent left that was killed in the middle: for whoever holds the cell, before anything is taken. */
  async endLeftovers(): Promise<void> {
    for (const backed of this.stores.values()) await this.removeLeftovers(backed);
  }

  private async removeLeftovers(backed: BackedStore): Promise<void> {
    const names = (await readdir(backed.restorePointsDir).catch(() => [])).filter((name) => name.startsWith('rp-'));
    for (const name of names) {
      const [id, ending] = name.split('.');
      if (ending === 'partial' || (ending && !names.includes(id!)))
        await rm(join(backed.restorePointsDir, name), { recursive: true, force: true });
    }
  }

  /** Removes what is older than the kept ones, and the WAL that only those needed. */
  private async prune(backed: BackedStore, newest: string): Promise<void> {
    const { kept: all } = await readAll(backed);
    const manifests = all.map(({ manifest }) => manifest);
    const old = new Set(outlived(manifests, backed.keep).filter(({ id }) => id !== newest));
    for (const manifest of old) {
      const dir = join(backed.restorePointsDir, manifest.id);
      // Away first, then removed: what is half removed must not look like one that can't be read.
      await rename(dir, `${dir}.partial`);
      for (const ending of ['.partial', '.verified', '.sha256'])
        await rm(`${dir}${ending}`, { recursive: true, force: true });
    }
    // One that lasts has the segments of its own moment in it, and nothing goes on from it.
    const oldest = manifests
      .filter((each) => !old.has(each) && !isLastingPoint(each))
      .map(({ startWal }) => startWal)
      .sort((a, b) => (a.slice(8) < b.slice(8) ? -1 : 1))[0];
    if (!oldest) return;
    // Else the vault would have a gap: nothing that lies behind it could be brought back to a moment any more.
    const shipped = backed.shipsWal ? await shippedAlready(backed.restorePointsDir) : () => true;
    for (const name of await archivedBefore(backed.archiveDir, oldest))
      if (shipped(name)) await rm(join(backed.archiveDir, name), { force: true });
  }

  private find(name: string): BackedStore {
    const store = this.stores.get(name);
    if (!store) throw new Error(`There is no store ${name} in this cell`);
    return store;
  }
}

/** An id comes from outside and becomes a path. */
function plain(id: string): string {
  if (!/^rp-[0-9a-z-]{1,60}$/.test(id)) throw new Error('That is no id of a restore point');
  return id;
}

async function unnamedFile(dir: string, manifest: Manifest): Promise<string | undefined> {
  const named = new Set(['manifest.json', ...manifest.files.map((file) => file.path)]);
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name).slice(dir.length + 1);
    if (!named.has(path)) return path;
  }
  return undefined;
}
