import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { compareCensus, type RestorePoint, takenForRollout } from '@headgate/domain';
import {
  type Answer,
  denied,
  granted,
  type RecoveryTarget,
  type RestorePointList,
  type RestorePoints,
  type StepContext,
} from '@headgate/execution';
import { z } from 'zod';
import { freePort } from '../../machine/free-port.ts';
import { Cluster } from '../../postgres-cluster/cluster.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { timelineOf } from '../../postgres-cluster/timelines.ts';
import { holdMoment } from '../census/count-rows.ts';
import { RowPromise } from '../census/row-promise.ts';
import { KeptManifest } from '../kept-points/kept-manifest.ts';
import { type KeptPoint, KeptPoints } from '../kept-points/kept-points.ts';
import { outlived } from '../kept-points/outlived.ts';
import type { BackedStore } from '../restore-points/backed-store.ts';
import { restoreInPlace } from '../restore-points/in-place.ts';
import { controlConnection } from '../store/store-session.ts';
import { readPlace, writePlace } from './place-in-log.ts';
import { clearAside, snapshotAside } from './snapshot-aside.ts';
import type { SnapshotConfig } from './snapshot-config.ts';
import { type Asked, SnapshotProgram } from './snapshot-program.ts';

/** A store whose restore points are snapshots that somebody's program takes. */
export interface SnapshotStore extends BackedStore {
  readonly snapshots: SnapshotConfig;
}

export function hasSnapshots(store: BackedStore): store is SnapshotStore {
  return store.snapshots !== undefined;
}

/** What is kept beside the store: by which name its program knows the snapshot, and what was promised. */
const SnapshotManifest = KeptManifest.extend({
  snapshot: z.string(),
  bytes: z.int().min(0),
  /** Of the cluster: a snapshot of another one isn't this one's. */
  systemIdentifier: z.string(),
});
type SnapshotManifest = z.output<typeof SnapshotManifest>;

/** For what isn't part of a step, and for bringing one back to look at it. Milliseconds. */
const LOOK_MS = 120_000;
const VERIFY_MS = 12 * 60 * 60_000;

/** Restore points of stores whose PostgreSQL we keep, as snapshots of the disk that it lies on. */
export class SnapshotRestorePoints implements RestorePoints {
  private readonly stores: ReadonlyMap<string, SnapshotStore>;

  constructor(stores: ReadonlyMap<string, SnapshotStore>) {
    this.stores = stores;
  }

  async take(name: string, ctx: StepContext): Promise<Answer<RestorePoint>> {
    const store = this.find(name);
    const kept = keptOf(store);
    const before = await kept.ofAttempt(ctx);
    if (before) return granted((await this.sizedOf(kept, before.id)) ?? before);
    const { id, partial } = await kept.begin();
    const taken = await takeSnapshot(store, { id, partial }, ctx);
    if (!taken.ok) {
      await rm(partial, { recursive: true, force: true });
      return taken;
    }
    const point = await kept.complete(partial, taken.value);
    await this.prune(store, kept, ctx);
    return granted(sized({ point, manifest: taken.value }));
  }

  /** It is brought back beside the store and read: a snapshot that its provider calls whole may still be one of nothing. */
  async verify(name: string, id: string, signal: AbortSignal): Promise<Answer<RestorePoint>> {
    const store = this.find(name);
    const found = await keptOf(store).verify(id, signal, (manifest) => broughtBack(store, manifest, signal));
    return found.ok ? granted(sized(found.value)) : found;
  }

  /** Throws while its program doesn't answer: nobody knows then what there is. */
  async list(name: string): Promise<RestorePointList> {
    const store = this.find(name);
    const { kept, unreadable } = await keptOf(store).list();
    const there = await lookFor(
      store,
      kept.map(({ manifest }) => manifest),
      {
        deadlineMs: LOOK_MS,
        signal: new AbortController().signal,
      },
    );
    if (!there.ok) throw new Error(there.why);
    const has = ({ manifest }: KeptPoint<SnapshotManifest>): boolean => there.value.has(manifest.snapshot);
    const gone = kept
      .filter((each) => !has(each))
      .map(({ manifest: { id, rollout, snapshot } }) => ({
        ...{ id, rollout, why: `its snapshot ${snapshot} isn’t there any more` },
      }));
    return {
      kept: kept.filter(has).map((each) => ({
        ...{ point: sized(each), rollout: each.manifest.rollout, schemaVersion: each.manifest.schemaVersion },
      })),
      unreadable: [...unreadable, ...gone].sort((a, b) => (a.id < b.id ? 1 : -1)),
    };
  }

  async restore(
    name: string,
    id: string,
    target: RecoveryTarget,
    ctx: StepContext,
  ): Promise<Answer<{ readonly schemaVersion: number }>> {
    const store = this.find(name);
    if (target.kind !== 'restore-point')
      return denied('rejected', `a snapshot holds one moment; ${target.kind} can't be reached with it`);
    const found = (await keptOf(store).list()).kept.find(({ manifest }) => manifest.id === id)?.manifest;
    if (found === undefined)
      return denied('check-failed', `the restore point ${id} of ${name} isn't there, or isn't what was reported`);
    const log = await readPlace(keptOf(store).folder(id), found);
    if (!log.ok) return log;
    const asked = (): Asked => ({ deadlineMs: Math.max(10_000, ctx.remainingMs()), signal: ctx.signal });
    return restoreInPlace(
      store,
      {
        verify: () => stillThere(store, found, asked()),
        archive: async () => granted(undefined),
        aside: (dir, port) =>
          snapshotAside(store, programOf(store), { ...found, log: log.value }, { dir, port, ...asked() }),
        layOutFiles: async () => {},
      },
      ctx,
    );
  }

  /** What a killed agent left at work is ended. */
  async endLeftovers(): Promise<void> {
    for (const store of this.stores.values()) {
      await programOf(store).endLeftovers();
      await clearAside(store.cluster, new Cluster({ dir: verifying(store), port: 1 }, store.cluster.programs));
    }
  }

  /** Those that no rule keeps, and with them their snapshots. What can't be removed today is tomorrow. */
  private async prune(store: SnapshotStore, kept: KeptPoints<SnapshotManifest>, ctx: StepContext): Promise<void> {
    const manifests = (await kept.list()).kept.map(({ manifest }) => manifest);
    for (const { id, snapshot, rollout } of outlived(manifests, store.keep)) {
      if (takenForRollout({ rollout }) && rollout === ctx.rollout) continue;
      const asked = { deadlineMs: Math.max(1_000, ctx.remainingMs()), signal: ctx.signal };
      const gone = await programOf(store).ask('remove', { id, snapshot }, asked);
      if (gone.ok) await kept.remove([id]);
      else ctx.log(`store ${store.name}: the snapshot of ${id} stays: ${gone.why}`);
    }
  }

  private async sizedOf(kept: KeptPoints<SnapshotManifest>, id: string): Promise<RestorePoint | undefined> {
    const found = (await kept.list()).kept.find(({ manifest }) => manifest.id === id);
    return found && sized(found);
  }

  private find(name: string): SnapshotStore {
    const store = this.stores.get(name);
    if (!store) throw new Error(`There is no store ${name} in this cell`);
    return store;
  }
}

/**
 * The newest restore point as a cluster of its own in `dir`, for a copy that is thrown away; one that isn't right and newer isn't
 * passed over. `programDir`: where the store's program works for it, so that it keeps nobody waiting who takes one meanwhile.
 */
export async function newestAside(
  store: SnapshotStore,
  { programDir, ...place }: { readonly dir: string; readonly port: number; readonly programDir: string } & Asked,
): Promise<Answer<{ readonly cluster: Cluster; readonly point: RestorePoint; readonly schemaVersion: number }>> {
  const { kept, unreadable } = await keptOf(store).list();
  const [newest] = kept;
  const wrong = unreadable.find(({ id }) => id > (newest?.manifest.id ?? ''));
  if (wrong !== undefined) return denied('check-failed', `${wrong.id} isn't right: ${wrong.why}`);
  if (newest === undefined)
    return denied('rejected', `no restore point of the store ${store.name} is in ${store.restorePointsDir}`);
  const { manifest, point } = newest;
  const log = await readPlace(keptOf(store).folder(manifest.id), manifest);
  if (!log.ok) return log;
  const program = new SnapshotProgram(store.snapshots, programDir);
  const cluster = await snapshotAside(store, program, { ...manifest, log: log.value }, place);
  if (!cluster.ok) return cluster;
  return granted({ cluster: cluster.value, point, schemaVersion: manifest.schemaVersion });
}

function keptOf({ restorePointsDir }: SnapshotStore): KeptPoints<SnapshotManifest> {
  return new KeptPoints(restorePointsDir, SnapshotManifest);
}

function programOf({ snapshots, restorePointsDir }: SnapshotStore): SnapshotProgram {
  return new SnapshotProgram(snapshots, join(restorePointsDir, '.program'));
}

function verifying({ cluster }: SnapshotStore): string {
  return join(cluster.dir, 'verifying');
}

function sized({ point, manifest }: KeptPoint<SnapshotManifest>): RestorePoint {
  return { ...point, bytes: manifest.bytes };
}

/** The disk as it is at one moment, with rows counted right before it and right after. */
async function takeSnapshot(
  store: SnapshotStore,
  { id, partial }: { readonly id: string; readonly partial: string },
  ctx: StepContext,
): Promise<Answer<SnapshotManifest>> {
  const control = await controlConnection(store);
  const facts = () =>
    withClient(control, async (client) => {
      const { rows } = await client.query<{ v: number; system: string; server: string; lsn: string; segment: string }>(
        `select (select coalesce(max(version), 0)::int from headgate.migration) as v, current_setting('server_version') as server,
           (select system_identifier::text from pg_control_system()) as system,
           pg_current_wal_insert_lsn()::text as lsn, pg_walfile_name(pg_current_wal_insert_lsn()) as segment`,
      );
      return rows[0]!;
    });
  // A record of our own, on the disk with all that was committed before it: by it what comes back is known for this snapshot.
  const mark = async (): Promise<string> =>
    withClient(control, async (client) => {
      const { rows } = await client.query<{ lsn: string }>(
        `select pg_logical_emit_message(true, 'headgate', $1)::text as lsn`,
        [`snapshot of ${id}`],
      );
      return rows[0]!.lsn;
    });
  // What it would have to be recovered from lies behind it then.
  await withClient(control, (client) => client.query('checkpoint'));
  const promise = new RowPromise(store.census === true ? control : undefined);
  try {
    const from = await mark();
    await promise.before();
    const before = await facts();
    const takenAt = Date.now();
    const asked = { deadlineMs: Math.max(1_000, ctx.remainingMs()), signal: ctx.signal };
    const { environment, cell } = ctx;
    const data = store.cluster.data;
    const taken = await programOf(store).ask('take', { id, environment, cell, store: store.name, data }, asked);
    if (!taken.ok) return taken;
    await promise.after();
    const after = await facts();
    if (after.v !== before.v)
      return denied('transient', `the store ${store.name} was migrated while its snapshot was taken`);
    const place = { timeline: timelineOf(after.segment), from, until: after.lsn };
    if (timelineOf(before.segment) !== place.timeline)
      return denied('transient', `the store ${store.name} was brought back while its snapshot was taken`);
    const census = await promise.count(ctx.signal);
    const files = [await writePlace(partial, place)];
    return granted({
      ...{ v: 1, id, store: store.name, database: store.database, rollout: ctx.rollout, step: ctx.step, takenAt },
      ...{ schemaVersion: before.v, files, ...(census !== undefined && { census }) },
      source: { server: before.server, tool: store.snapshots.command[0]!, lsn: from },
      ...{ snapshot: taken.value.snapshot, bytes: taken.value.bytes ?? 0, systemIdentifier: before.system },
    });
  } finally {
    await promise.close();
  }
}

async function lookFor(
  store: SnapshotStore,
  manifests: readonly SnapshotManifest[],
  asked: Asked,
): Promise<Answer<ReadonlySet<string>>> {
  if (manifests.length === 0) return granted(new Set<string>());
  const said = await programOf(store).ask('look', { snapshots: manifests.map(({ snapshot }) => snapshot) }, asked);
  return said.ok ? granted(new Set(said.value.snapshots)) : said;
}

async function stillThere(store: SnapshotStore, manifest: SnapshotManifest, asked: Asked): Promise<Answer<unknown>> {
  const there = await lookFor(store, [manifest], asked);
  if (!there.ok || there.value.has(manifest.snapshot)) return there;
  return denied(
    'check-failed',
    `the snapshot ${manifest.snapshot} isn’t there any more (restore point ${manifest.id})`,
  );
}

/** It recovers, it is of this cluster, and every row of it can be read: as it was promised, where it was. */
async function broughtBack(
  store: SnapshotStore,
  manifest: SnapshotManifest,
  signal: AbortSignal,
): Promise<Answer<unknown>> {
  const asked = { deadlineMs: VERIFY_MS, signal };
  const there = await stillThere(store, manifest, asked);
  if (!there.ok) return there;
  const dir = verifying(store);
  const log = await readPlace(keptOf(store).folder(manifest.id), manifest);
  if (!log.ok) return log;
  const aside = await snapshotAside(
    store,
    programOf(store),
    { ...manifest, log: log.value },
    { dir, port: await freePort(), ...asked },
  );
  if (!aside.ok) return aside;
  try {
    const connection = await controlConnection({ cluster: aside.value, database: store.database });
    const { rows } = await withClient(connection, (client) =>
      client.query<{ v: number }>('select coalesce(max(version), 0)::int as v from headgate.migration'),
    );
    const bad = (what: string) => denied('check-failed', `${what} (restore point ${manifest.id})`);
    if (rows[0]!.v !== manifest.schemaVersion)
      return bad(`schema version ${rows[0]!.v} came back, ${manifest.schemaVersion} was promised`);
    const moment = await holdMoment(connection);
    try {
      const found = await moment.count('physical', signal);
      const wrong = manifest.census === undefined ? [] : compareCensus(manifest.census, found).differences;
      const [first] = wrong;
      if (first !== undefined) return bad(`${first.relation} didn’t come back as it was promised`);
    } finally {
      await moment.close();
    }
    return granted(undefined);
  } catch (error) {
    signal.throwIfAborted();
    const { code } = error as { readonly code?: unknown };
    return denied(
      'check-failed',
      `what came back can’t be read${typeof code === 'string' ? ` (${code})` : ''} (restore point ${manifest.id})`,
    );
  } finally {
    await clearAside(store.cluster, aside.value);
  }
}
