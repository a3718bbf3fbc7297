import { type MigrationRef, type MigrationTime, MOST_MEASURED } from '@headgate/domain';
import type { MigrationBack } from '../ports/migrator.ts';
import type { Ports } from '../ports/ports.ts';
import type { KeptRestorePoint, UnreadableRestorePoint } from '../ports/restore-points.ts';
import type { StepContext } from '../ports/step-context.ts';
import { keepBefore } from './keep-before.ts';
import { whileClosed } from './operation-closer.ts';
import { misfitOfStore } from './schema-fit.ts';
import { done, failed, overdue, type StepExecutor } from './step-executor.ts';

/**
 * Brings a store's schema forward, one file at a time, while what runs on it can live with each version. What each migration
 * took is told with the outcome, also with that of a step which failed after it.
 */
export const migrate: StepExecutor<'migrate'> = async (action, ctx, ports) => {
  const times: MigrationTime[] = [];
  const took = (migration: string, ms: number) => times.push({ migration, durationMs: Math.max(0, Math.round(ms)) });
  const outcome = await forward(action, { ...ctx, took }, ports);
  if (times.length === 0 || outcome.kind === 'waiting') return outcome;
  return { ...outcome, result: { ...outcome.result, migrations: longest(times) } };
};

/** In the order in which they ran. */
function longest(times: readonly MigrationTime[]): readonly MigrationTime[] {
  if (times.length <= MOST_MEASURED) return times;
  const kept = new Set([...times].sort((a, b) => b.durationMs - a.durationMs).slice(0, MOST_MEASURED));
  return times.filter((each) => kept.has(each));
}

const migrateStore: StepExecutor<'migrate'> = async ({ store, migrations, from, to }, ctx, ports) => {
  const early = overdue(ctx);
  if (early) return early;
  const spoiled = (await changedBefore(ports, store, from, ctx)) ?? (await spoiledRestorePoint(ports, store, to, ctx));
  if (spoiled) return failed('rejected', spoiled);
  if ((await ports.migrator.version(store)) < to) await ports.restorePoints.mark?.(store, ctx);
  for (const migration of migrations) {
    const late = overdue(ctx);
    if (late) return late;
    if ((await ports.migrator.version(store)) < migration.to) {
      const misfit = await misfitOfStore(ports, store, migration.to);
      if (misfit) return failed('rejected', misfit);
    }
    const sql = new TextDecoder('utf-8', { fatal: true }).decode(await ctx.blob(migration.file.digest));
    const answer = await ports.migrator.up(store, migration, sql, ctx);
    if (!answer.ok) return failed(answer.code, answer.why);
    ctx.log(`store ${store}: at schema version ${answer.value.version}`);
  }
  const version = await ports.migrator.version(store);
  if (version !== to) return failed('rejected', `the store ${store} is at version ${version}; the plan says ${to}`);
  return done({ schemaVersion: version });
};

const forward = whileClosed(migrateStore, true);

/**
 * Whether the store was at another version than the plan's before anything of the plan began: this rollout's restore
 * points say what it was at. Somebody changed it by hand then, and there would be no way back to where the plan starts.
 */
async function changedBefore(
  { restorePoints }: Ports,
  store: string,
  from: number,
  ctx: StepContext,
): Promise<string | undefined> {
  const taken = (await restorePoints.list(store)).kept.filter((kept) => kept.rollout === ctx.rollout);
  const [newest] = taken;
  if (newest === undefined || taken.some((kept) => kept.schemaVersion === from)) return undefined;
  return `the store ${store} was at version ${newest.schemaVersion} before this plan began, and the plan starts from ${from}: somebody changed it by hand; bring it back, or adopt it as it is`;
}

/**
 * What is wrong with the restore point that this rollout took of the store as it is now: it was found whole when it was
 * taken, and reading it back once more costs less than a migration that nothing brings back. One that can't be read any
 * more counts as this rollout's unless it is known to be another's.
 */
async function spoiledRestorePoint(
  { migrator, restorePoints }: Ports,
  store: string,
  to: number,
  ctx: StepContext,
): Promise<string | undefined> {
  const version = await migrator.version(store);
  if (version >= to) return undefined;
  const own = (kept: KeptRestorePoint) => kept.rollout === ctx.rollout && kept.schemaVersion === version;
  const { kept, unreadable } = await restorePoints.list(store);
  const taken = kept.find(own);
  const lost = unreadable.find((each) => each.rollout === undefined || each.rollout === ctx.rollout);
  if (!taken) return lost && sayUnreadable(store, lost);
  const whole = await restorePoints.verify(store, taken.point.id, ctx.signal);
  return whole.ok ? undefined : whole.why;
}

/** Which restore point can't be read, why, and what helps. */
export function sayUnreadable(store: string, { id, why }: UnreadableRestorePoint): string {
  return `restore point ${id} of store ${store}: manifest unreadable: ${why}; take a new one`;
}

/** Takes a store's schema back, with its operations closed meanwhile: no step comes after it that would open them. */
export const unmigrate: StepExecutor<'unmigrate'> = async (action, ctx, ports) =>
  whileClosed(takeBack, false)(action, ctx, ports);

/**
 * In the order that the plan lists. What still runs must be able to live with it. What an SQL file takes away its runner keeps;
 * before a program's way back all of the store is kept.
 */
const takeBack: StepExecutor<'unmigrate'> = async (action, ctx, ports) => {
  const late = overdue(ctx);
  if (late) return late;
  const { migrator } = ports;
  if (migrator.byProgram?.(action.store) !== true || (await migrator.version(action.store)) <= action.to)
    return backward(action, ctx, ports);
  // Where it may not go on at all, nothing has to be kept for it.
  const misfit = await misfitOfStore(ports, action.store, action.to);
  if (misfit) return failed('rejected', misfit);
  const kept = await keepBefore(action.store, ctx, ports);
  if ('stands' in kept) return kept.stands;
  const outcome = await backward(action, ctx, ports);
  return outcome.kind === 'waiting' ? outcome : { ...outcome, result: { ...outcome.result, keptBefore: kept.point } };
};

const backward: StepExecutor<'unmigrate'> = async ({ store, migrations, to }, ctx, ports) => {
  for (const migration of migrations) {
    const late = overdue(ctx);
    if (late) return late;
    if ((await ports.migrator.version(store)) > migration.from) {
      const misfit = await misfitOfStore(ports, store, migration.from);
      if (misfit) return failed('rejected', misfit);
    }
    const sql = new TextDecoder('utf-8', { fatal: true }).decode(await ctx.blob(migration.file.digest));
    const back = await withItsWayThere(migration, ctx);
    if (!back) return failed('rejected', `the release doesn't say with which file ${migration.id} went forward`);
    const answer = await ports.migrator.down(store, back, sql, ctx);
    if (!answer.ok) return failed(answer.code, answer.why);
    ctx.log(`store ${store}: back at schema version ${answer.value.version}`);
  }
  const version = await ports.migrator.version(store);
  // Below it: the migration had not begun to have an effect, so there is nothing left to take back.
  if (version > to) return failed('rejected', `the store ${store} is at version ${version}; the plan says ${to}`);
  return done({ schemaVersion: version });
};

/** The migration with the file that the sealed release says it went forward with: the plan names only the way back. */
async function withItsWayThere(migration: MigrationRef, ctx: StepContext): Promise<MigrationBack | undefined> {
  const manifest = ctx.release && (await ctx.manifest(ctx.release));
  const own = manifest?.migrations.find((each) => each.id === migration.id && each.to === migration.to);
  return own && { ...migration, up: own.up };
}
