/** The steps of a plan to rebuild a cell, carried out one after the other: each is timed, and the first that fails ends it. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { restoreBackup } from '@headgate/adapters/execution/backups/index';
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { readConnectionUrl } from '@headgate/adapters/execution/external-store/connection-url';
import { odooStores } from '@headgate/adapters/execution/odoo/odoo-cell';
import { findStore } from '@headgate/adapters/execution/odoo/store';
import { majorForExercise, makeExerciseServer } from '@headgate/adapters/execution/rebuild/exercise-server';
import type { DumpWants } from '@headgate/adapters/execution/rebuild/point-to-rebuild';
import {
  type ApplicationToRebuild,
  rebuildRoutes,
  rebuildSlot,
  startCell,
} from '@headgate/adapters/execution/rebuild/rebuild-application';
import { rebuildBackup } from '@headgate/adapters/execution/rebuild/rebuild-backup';
import { rebuildExternalStore } from '@headgate/adapters/execution/rebuild/rebuild-external-store';
import { rebuildOdooStore } from '@headgate/adapters/execution/rebuild/rebuild-odoo-store';
import { rebuildStore } from '@headgate/adapters/execution/rebuild/rebuild-store';
import { physicalStore } from '@headgate/adapters/execution/restore-points/physical-store';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import type { Trust } from '@headgate/documents';
import type { ExercisedStep, ExercisedStore, RebuildPlan, RebuildStep } from '@headgate/domain';
import { backupParts } from '../backups/keep-backup.ts';
import type { AgentConfig } from '../config.ts';
import { carryOutBusiness, type VerificationToRun } from './business.ts';
import { type Gathered, lostStore } from './facts.ts';

export interface RebuildRun {
  readonly agent: AgentConfig;
  readonly trust: Trust;
  readonly plan: RebuildPlan;
  readonly gathered: Gathered;
  /** The cell as it is configured: in an exercise it comes back elsewhere. */
  readonly source: AnyCellConfig;
  /** The cell in its new place. */
  readonly target: AnyCellConfig;
  /** Components that are started; absent: all. */
  readonly only?: readonly string[] | undefined;
  /** It is thrown away again, and reaches nobody. */
  readonly copy?: boolean | undefined;
  /** The folder of an exercise: servers that others keep elsewhere are made there. */
  readonly place?: string | undefined;
  /** Where repositories and states that were backed up go, a folder each. */
  readonly configurationDir: string;
  /** Where programs work that are run for it. */
  readonly programsDir: string;
  /** The program of the cell's business transactions, if any. */
  readonly transactions?: { readonly command: readonly string[]; readonly timeoutMs: number } | undefined;
  /** The application's own, by its router. */
  readonly verification?: VerificationToRun | undefined;
  /** Whether a step is done already. */
  isDone(step: RebuildStep): Promise<boolean>;
  /** Whether an earlier attempt was about to put it into its place. */
  begun(id: string): boolean;
  /** Of a store, just before it goes into its place: from then on it is there. Of another step: as it ended. */
  done(step: RebuildStep, store?: ExercisedStore): Promise<void>;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  readonly detail: (words: string) => void;
}

export interface CarriedOut {
  readonly steps: readonly ExercisedStep[];
  readonly stores: readonly ExercisedStore[];
  readonly routed: number;
  readonly transactions: number;
  /** When the first business transaction had succeeded. Milliseconds from the beginning. */
  readonly firstTransactionMs?: number;
}

/** For each part of a store. Milliseconds. */
const PART_MS = 12 * 60 * 60_000;

/** Carries `steps` of the plan out. `since`: milliseconds from the beginning. Throws when it is interrupted. */
export async function carryOut(
  run: RebuildRun,
  steps: readonly RebuildStep[],
  since: () => number,
): Promise<CarriedOut> {
  const told: ExercisedStep[] = [];
  const stores: ExercisedStore[] = [];
  let routed = 0;
  let transactions = 0;
  let firstTransactionMs: number | undefined;
  for (const step of steps) {
    run.signal.throwIfAborted();
    const { id, kind } = step;
    if (await run.isDone(step)) {
      run.say(`${id}: it is done already`);
      continue;
    }
    const begunMs = since();
    const ended = (failed?: string): void =>
      void told.push({ id, kind, begunMs, tookMs: since() - begunMs, ...(failed !== undefined && { failed }) });
    try {
      if (kind === 'store') stores.push(await oneStore(run, step));
      else if (kind === 'server') await oneServer(run, step);
      else if (kind === 'traffic') routed = await rebuildRoutes(applicationOf(run), run.plan.serving.slots);
      else if (kind === 'business')
        transactions = await carryOutBusiness(run, () => {
          firstTransactionMs ??= since();
        });
      else if (kind === 'application') await oneSlot(run, step.of, stores);
      else await oneBackup(run, step.of);
      if (kind !== 'store' && kind !== 'server') await run.done(step);
      ended();
      run.say(`${id}: done after ${(told.at(-1)!.tookMs / 1_000).toFixed(1)} s`);
    } catch (error) {
      run.signal.throwIfAborted();
      const why = (error as Error).message;
      ended(why.slice(0, 1_000));
      run.say(`${id}: NOT done: ${why}`);
      break;
    }
  }
  return { steps: told, stores, routed, transactions, ...(firstTransactionMs !== undefined && { firstTransactionMs }) };
}

/** Noted first: what stands in its folder from then on is its own, and is gone on with. */
async function oneServer(run: RebuildRun, step: RebuildStep): Promise<void> {
  await run.done(step);
  await startCell(applicationOf(run));
}

async function oneStore(run: RebuildRun, step: RebuildStep): Promise<ExercisedStore> {
  const { plan, source, target, gathered, signal, say } = run;
  const { point } = plan.stores.find(({ name }) => name === step.of)!;
  await mkdir(target.dir, { recursive: true, mode: 0o755 });
  const of = { environment: plan.environment, cell: plan.cell, store: step.of };
  const { vault, trust, identities } = gathered;
  const common = { of, point, deadlineMs: PART_MS, signal, say };
  const placing = (rebuilt: ExercisedStore): Promise<void> => run.done(step, rebuilt);
  if (target.kind === 'odoo') {
    const stores = odooStores(target);
    const store = findStore(stores, step.of);
    const released = releasedModules(run);
    const own = { stores, store, released, begun: run.begun(step.id) };
    return rebuildOdooStore({ ...common, ...own, vault, trust, identities, placing });
  }
  const external = target.externalStores[step.of];
  if (external !== undefined) {
    const wants = gathered.dumps.get(step.of)!;
    if (run.place !== undefined) await exerciseServer(run.place, source, step.of, wants);
    const own = { config: external, cell: target, wants, thrownAway: run.place !== undefined };
    return rebuildExternalStore({ ...common, ...own, vault, trust, identities, placing });
  }
  const store = physicalStore(target, step.of, await findPrograms(15, target.dir));
  if (source.kind !== 'odoo' && source.stores[step.of]?.pgbackrest !== undefined)
    return rebuildBackup({ ...common, store, lost: await lostStore(source, step.of, target.dir), placing });
  return rebuildStore({ ...common, store, vault, trust, identities, placing });
}

/** A server for it, in an exercise: with the database and the login that it has where it is configured. */
async function exerciseServer(place: string, source: AnyCellConfig, name: string, wants: DumpWants): Promise<void> {
  const lives = source.kind === 'odoo' ? undefined : source.externalStores[name];
  if (lives === undefined) throw new Error(`the cell has no store ${name} on somebody else's server`);
  await makeExerciseServer(place, name, majorForExercise(wants.major)!, await readConnectionUrl(lives.url));
}

/** Names of the modules of Odoo that the releases bring. */
function releasedModules({ gathered }: RebuildRun): ReadonlySet<string> {
  const files = [...gathered.releases.values()].flatMap(({ manifest }) =>
    manifest.components.flatMap((component) => component.files),
  );
  return new Set(files.flatMap(({ name }) => /^([^/]+)\/__manifest__\.py$/.exec(name)?.[1] ?? []));
}

async function oneSlot(run: RebuildRun, name: string, stores: readonly ExercisedStore[]): Promise<void> {
  const serving = run.plan.serving.slots.find(({ slot }) => slot === name)!;
  const { release, schemaRange, tenants } = serving;
  // With its log a store may have come back newer than the copy that the plan knew of.
  const lived = new Set(tenants.map((tenant) => run.target.tenants[tenant]?.store));
  for (const { store, schema } of stores)
    if (lived.has(store) && schema !== undefined && (schema < schemaRange.min || schema > schemaRange.max))
      throw new Error(
        `${release.version} is for the schemas ${schemaRange.min} to ${schemaRange.max}, and ${store} came back with ${schema}; name the release that ran on that (--release DIR)`,
      );
  await rebuildSlot(applicationOf(run), serving, run.gathered.releases.get(serving.release.digest)!);
}

function applicationOf({ target, only, copy, signal, say }: RebuildRun): ApplicationToRebuild {
  return { config: target, only, copy, signal, say };
}

async function oneBackup(run: RebuildRun, name: string): Promise<void> {
  const { agent, plan, trust, gathered, configurationDir, signal } = run;
  const backup = agent.backups.find((each) => each.name === name)!;
  const { id } = plan.backups.find((each) => each.name === name)!;
  const { workDir: _, ...parts } = await backupParts({
    ...{ config: agent, backup, trust, signal, yields: false },
    say: () => {},
  });
  const { drill } = await restoreBackup(parts, id, gathered.identities, join(configurationDir, name));
  if (drill.because.length > 0) throw new Error(drill.because.join('; '));
}
