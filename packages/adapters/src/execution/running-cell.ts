import { join } from 'node:path';
import { runAs } from '../machine/run-as.ts';
import { Cluster } from '../postgres-cluster/cluster.ts';
import type { AnyCellConfig } from './cell-kinds.ts';
import { ComponentProcess } from './process/component-process.ts';
import { readSlot, slotDir, startedIn } from './process/slot-record.ts';
import { restoring } from './restore-points/in-place.ts';
import { RouterClient } from './router/router-client.ts';

/** Scheduled jobs may take so long to end. Milliseconds. */
const SCHEDULER_DRAIN_MS = 20_000;
/** Requests that run when the router is asked to end have at least so long. Milliseconds. */
const ROUTER_DRAIN_MS = 5_000;

/** One thing of a cell that runs. */
export interface RunningPart {
  /** `slot blue: web of 1.1.0`. */
  readonly what: string;
  readonly pid: number;
}

/** What of a cell runs, and for whom. */
export interface RunningCell {
  readonly parts: readonly RunningPart[];
  /** Tenants whom a living router sends somewhere. */
  readonly served: readonly string[];
  /** What somebody was in the midst of when last seen, in words: ended now, it would stay half done. */
  readonly halfWay: readonly string[];
}

/** Something of a cell that can be ended. */
interface Part extends RunningPart {
  end(): Promise<void>;
}

/** Looks at what of a cell runs; starts nothing, touches nothing, and asks nobody but the cell's own router. */
export async function lookAtRunning(config: AnyCellConfig): Promise<RunningCell> {
  const inOrder = await partsOf(config);
  return {
    parts: inOrder.flat().map(({ what, pid }) => ({ what, pid })),
    served: await servedBy(config),
    halfWay: [...(await slotsHalfWay(config)), ...(await restoresHalfWay(config))],
  };
}

/**
 * Ends what of a cell runs, the caller holding it: the router first, so that nobody comes any more, then what serves and
 * works, letting it drain, then the PostgreSQL that is kept for it. What it is made of stays, and `run` starts all of it
 * again. `report` gets each thing as it has ended.
 */
export async function endRunning(config: AnyCellConfig, report: (ended: RunningPart) => void): Promise<void> {
  for (const group of await partsOf(config))
    await Promise.all(
      group.map(async ({ what, pid, end }) => {
        await end();
        report({ what, pid });
      }),
    );
}

/** Everything that runs, in the order in which it is ended. */
async function partsOf(config: AnyCellConfig): Promise<readonly (readonly Part[])[]> {
  const { dir, drainMs } = config;
  const router = await processPart(join(dir, 'router'), 'router', 'router', Math.max(drainMs, ROUTER_DRAIN_MS));
  const components = await Promise.all(Object.keys(config.slots).map((slot) => inSlot(dir, slot, drainMs)));
  return [router, [...components.flat(), ...(await schedulers(config))], await clustersOf(config)];
}

async function inSlot(cellDir: string, slot: string, drainMs: number): Promise<readonly Part[]> {
  const dir = slotDir(cellDir, slot);
  const record = await readSlot(dir);
  const names = new Set([...(record?.components ?? []).map(({ name }) => name), ...(await startedIn(dir))]);
  const of = record === undefined ? '' : ` of ${record.release.version}`;
  const parts = [...names].map((name) => processPart(dir, name, `slot ${slot}: ${name}${of}`, drainMs));
  return (await Promise.all(parts)).flat();
}

/** Of Odoo: a process for each slot that runs scheduled jobs. */
async function schedulers(config: AnyCellConfig): Promise<readonly Part[]> {
  if (config.kind !== 'odoo') return [];
  const parts = Object.keys(config.slots).map((slot) =>
    processPart(
      join(config.dir, 'odoo', 'scheduler', slot),
      'scheduler',
      `slot ${slot}: scheduler`,
      SCHEDULER_DRAIN_MS,
    ),
  );
  return (await Promise.all(parts)).flat();
}

async function processPart(dir: string, name: string, what: string, drainMs: number): Promise<readonly Part[]> {
  const process = new ComponentProcess(dir, { name });
  const pid = (await process.running())?.pid ?? (await process.orphans())[0];
  return pid === undefined ? [] : [{ what, pid, end: () => process.stop(drainMs) }];
}

async function clustersOf(config: AnyCellConfig): Promise<readonly Part[]> {
  const parts = [...clusters(config)].map(async ([what, cluster]): Promise<readonly Part[]> => {
    const postmaster = await cluster.postmaster();
    return postmaster === undefined ? [] : [{ what, pid: postmaster.pid, end: () => cluster.stop() }];
  });
  return (await Promise.all(parts)).flat();
}

/** The PostgreSQL that is kept for a cell; not one that somebody else keeps. It is never started here, so without programs. */
function clusters(config: AnyCellConfig): ReadonlyMap<string, Cluster> {
  const programs = { major: 15, version: '15', bin: '', user: runAs() } as const;
  const places: readonly (readonly [string, { readonly clusterDir: string; readonly port: number }])[] =
    config.kind === 'odoo'
      ? [['PostgreSQL', config.postgresql]]
      : Object.entries(config.stores).map(([name, store]) => [`PostgreSQL of store ${name}`, store]);
  return new Map(places.map(([what, { clusterDir: dir, port }]) => [what, new Cluster({ dir, port }, programs)]));
}

/** Whom the router serves; a living one that doesn't say so counts as serving everybody. */
async function servedBy(config: AnyCellConfig): Promise<readonly string[]> {
  const running = await new ComponentProcess(join(config.dir, 'router'), { name: 'router' }).running();
  if (running === undefined) return [];
  const { adminPort, tokenFile } = config.router;
  const routes = await new RouterClient(adminPort, tokenFile).routes().catch(() => undefined);
  const tenants = Object.keys(config.tenants);
  return routes === undefined ? tenants : tenants.filter((tenant) => Object.hasOwn(routes, tenant));
}

async function slotsHalfWay({ dir, slots }: AnyCellConfig): Promise<readonly string[]> {
  const words = { deploying: 'is being started', retiring: 'is being emptied', running: undefined };
  const found = await Promise.all(
    Object.keys(slots).map(async (slot) => {
      const record = await readSlot(slotDir(dir, slot));
      const what = record && words[record.phase];
      return what === undefined ? [] : [`slot ${slot} ${what} (${record?.release.version})`];
    }),
  );
  return found.flat();
}

async function restoresHalfWay(config: AnyCellConfig): Promise<readonly string[]> {
  const found = await Promise.all(
    [...clusters(config)].map(async ([what, cluster]) =>
      (await restoring(cluster)) ? [`${what} is being replaced by a restore point`] : [],
    ),
  );
  return found.flat();
}
