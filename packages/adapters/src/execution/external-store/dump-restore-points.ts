import { join } from 'node:path';
import type { Census, RestorePoint } from '@headgate/domain';
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
import { withClient } from '../../postgres-cluster/database.ts';
import { holdMoment } from '../census/count-rows.ts';
import { dumpSource } from '../kept-points/dump-source.ts';
import { digestTree } from '../kept-points/kept-manifest.ts';
import { KeptPoints } from '../kept-points/kept-points.ts';
import { controlConnection } from '../store/store-session.ts';
import { bringBack } from './bring-back.ts';
import { DumpManifest } from './dump-manifest.ts';
import type { ExternalStore } from './external-store.ts';
import { likenessOf, placeAndRoles } from './likeness.ts';
import { findTools, runTool } from './postgres-tools.ts';

/** Restore points of databases that somebody else keeps: dumps of one moment each, with a manifest. */
export class DumpRestorePoints implements RestorePoints {
  private readonly stores: ReadonlyMap<string, ExternalStore>;

  constructor(stores: ReadonlyMap<string, ExternalStore>) {
    this.stores = stores;
  }

  async take(name: string, ctx: StepContext): Promise<Answer<RestorePoint>> {
    const store = this.find(name);
    const kept = keptPoints(store);
    const before = await kept.ofAttempt(ctx);
    if (before) return granted(before);
    const toolsDir = await toolsOf(store);
    if (toolsDir === undefined) return missingTools(store);
    return withClient(await controlConnection(store), async (client) => {
      const foreign = await ownedByOthers(client, store.user);
      if (foreign !== undefined)
        return denied(
          'rejected',
          `${foreign} doesn't belong to ${store.user}, and a dump would bring it back as theirs; give it to them`,
        );
      const { id, partial } = await kept.begin();
      const migrations = await recordOf(client);
      const source = await dumpSource(client, toolsDir);
      // Of before the dump's own moment: what is dated later than it is would be worth less than it says.
      const takenAt = Date.now();
      const census = await countingWhile(store, ctx, async (snapshot) => {
        await runTool({
          toolsDir,
          program: 'pg_dump',
          args: [
            '--format=directory',
            '--jobs=2',
            '--compress=1',
            '--exclude-schema=headgate',
            ...snapshot,
            '--file',
            join(partial, 'dump'),
            '--dbname',
            store.database,
          ],
          url: await store.cluster.url(),
          workDir: join(store.restorePointsDir, '.work'),
          deadlineMs: ctx.remainingMs(),
          signal: ctx.signal,
        });
      });
      if (JSON.stringify(await recordOf(client)) !== JSON.stringify(migrations))
        return denied('transient', `the store ${store.name} was migrated while it was dumped`);
      const { rows: extensions } = await client.query<{ name: string; schema: string }>(
        `select extname as name, extnamespace::regnamespace::text as schema from pg_extension where extname <> 'plpgsql' order by 1`,
      );
      const { place, roles } = await placeAndRoles(client, store.user);
      const point = await kept.complete(partial, {
        v: 1,
        id,
        store: store.name,
        database: store.database,
        rollout: ctx.rollout,
        step: ctx.step,
        schemaVersion: migrations.at(-1)?.version ?? 0,
        takenAt,
        source,
        ...(census !== undefined && { census }),
        files: await digestTree(join(partial, 'dump'), 'dump', ctx.signal),
        extensions,
        migrations,
        likeness: await likenessOf(client, store.database),
        ...{ place, owner: store.user, roles: [...roles], fence: ctx.fence },
      });
      await kept.prune(store.keep);
      return granted(point);
    });
  }

  async verify(store: string, id: string, signal: AbortSignal): Promise<Answer<RestorePoint>> {
    const found = await keptPoints(this.find(store)).verify(id, signal);
    return found.ok ? granted(found.value.point) : found;
  }

  async list(store: string): Promise<RestorePointList> {
    return keptPoints(this.find(store)).told();
  }

  async restore(
    name: string,
    id: string,
    target: RecoveryTarget,
    ctx: StepContext,
  ): Promise<Answer<{ readonly schemaVersion: number }>> {
    const store = this.find(name);
    if (target.kind !== 'restore-point')
      return denied('rejected', `a dump holds one moment; ${target.kind} can't be reached with it`);
    const toolsDir = await toolsOf(store);
    if (toolsDir === undefined) return missingTools(store);
    const kept = keptPoints(store);
    return bringBack(store, ctx, {
      toolsDir,
      dump: join(kept.folder(id), 'dump'),
      verify: () => kept.verify(id, ctx.signal),
    });
  }

  private find(name: string): ExternalStore {
    const store = this.stores.get(name);
    if (!store) throw new Error(`There is no store ${name} in this cell`);
    return store;
  }
}

/** Does the dump, and counts the rows of its very moment meanwhile, where they are promised. */
async function countingWhile(
  store: ExternalStore,
  { signal }: StepContext,
  dump: (snapshot: readonly string[]) => Promise<void>,
): Promise<Census | undefined> {
  if (store.census !== true) {
    await dump([]);
    return undefined;
  }
  const moment = await holdMoment(await controlConnection(store));
  try {
    const [counted] = await Promise.all([moment.count('dump', signal), dump([`--snapshot=${moment.snapshot}`])]);
    return counted;
  } finally {
    await moment.close();
  }
}

function keptPoints(store: ExternalStore): KeptPoints<DumpManifest> {
  return new KeptPoints(store.restorePointsDir, DumpManifest);
}

async function toolsOf(store: ExternalStore): Promise<string | undefined> {
  return findTools(await store.cluster.major(), store.toolsDir);
}

async function missingTools(store: ExternalStore): Promise<ReturnType<typeof denied>> {
  const major = await store.cluster.major();
  return denied(
    'rejected',
    `no pg_dump of PostgreSQL ${major} or later is on the agent's machine; install postgresql-client-${major}, or name its folder in toolsDir`,
  );
}

/** What brought the schema where it is, in order. */
async function recordOf(client: pg.ClientBase): Promise<DumpManifest['migrations']> {
  const { rows } = await client.query<DumpManifest['migrations'][number]>(
    `select version, id, digest, applied_by, applied_at::text, answer from headgate.migration order by version`,
  );
  return rows;
}

/** A table, view or sequence of somebody else's than the application's owner; extensions' own are theirs. */
async function ownedByOthers(client: pg.ClientBase, owner: string): Promise<string | undefined> {
  const { rows } = await client.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and n.nspname not in ('headgate', 'information_schema') and n.nspname !~ '^pg_'
       and pg_get_userbyid(c.relowner) <> $1
       and not exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     order by 1 limit 1`,
    [owner],
  );
  return rows[0]?.name;
}
