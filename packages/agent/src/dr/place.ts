/** Where a cell is rebuilt for good: what stands in its way there, and what was done already. Nothing is written over. */
import { mkdir, readdir, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { filestoreOf } from '@headgate/adapters/execution/odoo/installation';
import { odooStores } from '@headgate/adapters/execution/odoo/odoo-cell';
import { clearExternal } from '@headgate/adapters/execution/rebuild/rebuild-external-store';
import { databaseThere } from '@headgate/adapters/execution/rebuild/rebuild-odoo-store';
import { clearStaging } from '@headgate/adapters/execution/rebuild/rebuild-store';
import { standsThere } from '@headgate/adapters/execution/rebuild/server-of-new-place';
import { physicalStore } from '@headgate/adapters/execution/restore-points/physical-store';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import type { Digest, ExercisedStore, RebuildPlan, RebuildStep, Refusal } from '@headgate/domain';
import { z } from 'zod';

const Stored = z.strictObject({
  plan: z.string(),
  by: z.string(),
  because: z.string(),
  startedAt: z.int(),
  /** By step: when it was done, and of a store the restore point. */
  done: z.record(z.string(), z.strictObject({ at: z.int(), point: z.string().exactOptional() })),
});
export type RebuildRecord = Readonly<z.output<typeof Stored>>;

/** In the cell's folder: whoever rebuilds it holds this one, and programs work in it. */
export const WORK = 'rebuild';

const fileOf = ({ dir }: Pick<AnyCellConfig, 'dir'>): string => join(dir, 'rebuild.json');
/** Beside two copies: what PostgreSQL writes as it starts. Bytes. */
const ROOM = 256 * 1024 * 1024;

export async function readRebuild(target: AnyCellConfig): Promise<RebuildRecord | undefined> {
  // Where a file stands for a folder no record is either; that it is in the way is said with the rest.
  const text = await readIfThere(fileOf(target)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  return text === undefined ? undefined : Stored.parse(JSON.parse(text));
}

async function writeRebuild(target: AnyCellConfig, record: RebuildRecord): Promise<void> {
  await mkdir(target.dir, { recursive: true, mode: 0o755 });
  await writeDurably(fileOf(target), `${JSON.stringify(record)}\n`, 0o600);
}

/** What stands where the cell is to come back, that no earlier attempt of this put there; and disks without room. */
export async function inTheWay(
  target: AnyCellConfig,
  plan: Pick<RebuildPlan, 'stores'>,
  record: RebuildRecord | undefined,
): Promise<readonly Refusal[]> {
  const refusals: Refusal[] = [];
  const refuse = (where: string, why: string, unblock: string): void =>
    void refusals.push({ code: 'rebuild-place', what: `rebuild ${target.cell}`, where, why, unblock });
  const full = async (dir: string): Promise<boolean> =>
    (await readdir(dir).catch(absent)).some((name) => dir !== target.dir || name !== WORK);
  const move = 'name another folder in the cell’s file, or move what is there away';
  if (record === undefined && (await full(target.dir)))
    refuse('dir', `${target.dir} isn’t empty: a cell lives there, or lived`, move);
  for (const { where, dir } of placesOf(target, plan, record))
    if (await full(dir)) refuse(where, `${dir} isn’t empty, and nothing is written over`, move);
  for (const { where, dir, bytes } of roomsOf(target, plan, record)) {
    const why = await unusable(dir, bytes);
    if (why !== undefined) refuse(where, why, 'make room, or name a folder on another disk');
  }
  return refusals;
}

interface Place {
  readonly where: string;
  readonly dir: string;
}

/** Folders that have to be empty, of what no earlier attempt was about to put there. */
function placesOf(
  target: AnyCellConfig,
  plan: Pick<RebuildPlan, 'stores'>,
  record: RebuildRecord | undefined,
): readonly Place[] {
  const left = plan.stores.filter(({ name }) => record?.done[`store/${name}`] === undefined);
  if (target.kind === 'odoo') {
    const { odoo, postgresql, stores } = target;
    const server = { where: 'postgresql.clusterDir', dir: postgresql.clusterDir };
    return [
      ...(record?.done.server === undefined ? [server] : []),
      ...left.map(({ name }) => ({ where: `stores.${name}`, dir: filestoreOf(odoo, stores[name]!) })),
    ];
  }
  return left.flatMap(({ name }) => {
    const store = target.stores[name];
    // On somebody else's server: that is looked at by itself.
    if (store === undefined) return [];
    const { clusterDir, archiveDir, files } = store;
    return [
      { where: `stores.${name}.clusterDir`, dir: clusterDir },
      { where: `stores.${name}.archiveDir`, dir: archiveDir },
      ...files.map((each) => ({ where: `stores.${name}.files.${each.name}`, dir: each.dir })),
    ];
  });
}

/** How many bytes come to which disk. */
function roomsOf(
  target: AnyCellConfig,
  plan: Pick<RebuildPlan, 'stores'>,
  record: RebuildRecord | undefined,
): readonly (Place & { readonly bytes: number })[] {
  const left = plan.stores.filter(({ name }) => record?.done[`store/${name}`] === undefined);
  if (target.kind !== 'odoo')
    return left.map(({ name, point }) => {
      const store = target.stores[name];
      return store === undefined
        ? {
            where: `externalStores.${name}.restorePointsDir`,
            dir: target.externalStores[name]!.restorePointsDir,
            bytes: point.bytes + ROOM,
          }
        : {
            where: `stores.${name}.clusterDir`,
            dir: dirname(store.clusterDir),
            bytes: 2 * point.bytes + ROOM,
          };
    });
  // A dump is compressed: what it comes to as a database nobody knows before. Twice its size is the least.
  const bytes = left.reduce((sum, { point }) => sum + 2 * point.bytes, ROOM);
  const { postgresql, odoo } = target;
  return [
    { where: 'postgresql.clusterDir', dir: dirname(postgresql.clusterDir), bytes },
    { where: 'odoo.dataDir', dir: dirname(odoo.dataDir), bytes },
  ];
}

/** Why a folder can't take so many bytes. What is missing above it is made, and goes again. */
async function unusable(dir: string, bytes: number): Promise<string | undefined> {
  try {
    const made = await mkdir(dir, { recursive: true, mode: 0o755 });
    const probe = join(dir, `.headgate-probe-${process.pid}`);
    await mkdir(probe);
    const { bavail, bsize } = await statfs(probe);
    await rm(made ?? probe, { recursive: true, force: true });
    return bavail * bsize < bytes ? `${dir} has room for ${bavail * bsize} bytes, ${bytes} are needed` : undefined;
  } catch (error) {
    return `nothing can be written to ${dir} (${(error as NodeJS.ErrnoException).code})`;
  }
}

function absent(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  // A file where a folder should be is in the way as well.
  if (error.code === 'ENOTDIR') return [''];
  throw error;
}

/** A rebuild for good, written down step by step: begun again it goes on where it was killed. */
export class StandingRebuild {
  record: RebuildRecord;
  readonly #target: AnyCellConfig;

  private constructor(target: AnyCellConfig, record: RebuildRecord) {
    this.#target = target;
    this.record = record;
  }

  /** Begins one, or goes on with it. */
  static async begin(
    target: AnyCellConfig,
    who: { readonly plan: Digest; readonly by: string; readonly because: string; readonly now: number },
    before: RebuildRecord | undefined,
  ): Promise<StandingRebuild> {
    const { plan, by, because, now } = who;
    const record = { done: {}, startedAt: now, ...before, plan, by, because };
    await writeRebuild(target, record);
    return new StandingRebuild(target, record);
  }

  /** A store is done once it stands in its place: what was only about to go there isn’t. */
  async isDone({ id, kind, of }: RebuildStep): Promise<boolean> {
    if (!this.begun(id)) return false;
    if (kind !== 'store') return kind === 'configuration';
    const target = this.#target;
    if (target.kind === 'odoo') {
      const stores = odooStores(target);
      await stores.cluster.start();
      return databaseThere(stores, target.stores[of]!);
    }
    const external = target.externalStores[of];
    if (external !== undefined) {
      const there = await standsThere(external, target.dir);
      if (there) await clearExternal({ config: external, cell: target, of: { ...target, store: of } });
      return there;
    }
    const store = physicalStore(target, of, await findPrograms(15, target.dir));
    if (!(await store.cluster.initialised())) return false;
    await clearStaging(store);
    return true;
  }

  /** Whether it was done, or about to be: what stands in its place then is its own. */
  begun(id: string): boolean {
    return this.record.done[id] !== undefined;
  }

  async done({ id }: RebuildStep, store?: ExercisedStore): Promise<void> {
    const entry = { at: Date.now(), ...(store !== undefined && { point: store.point }) };
    this.record = { ...this.record, done: { ...this.record.done, [id]: entry } };
    await writeRebuild(this.#target, this.record);
  }
}
