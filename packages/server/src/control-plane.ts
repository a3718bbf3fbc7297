/** One server's control plane on a database: dependencies, loops and readiness; no HTTP, no process. */
import { MIGRATIONS, openPostgresControl } from '@headgate/adapters/control/postgres/index';
import type { Tracing } from '@headgate/adapters/tracing/index';
import {
  Controllers,
  type Courier,
  DeliveryController,
  type Deps,
  KNOWN_FORMAT,
  Notifier,
  Plans,
  streams,
} from '@headgate/control';
import { canonicalBytes, digestOfJson } from '@headgate/documents';
import type { Logger } from 'pino';
import type { Context, Part } from './http/context.ts';
import { Metrics } from './http/metrics.ts';
import { newId } from './ids.ts';
import { createFirstPrincipals } from './installation/first-principals.ts';
import type { Folder } from './installation/folder.ts';
import { type Installation, openInstallation } from './installation/log-key.ts';
import { ForgottenPast, LogMemory } from './installation/log-memory.ts';
import { FileTrust } from './installation/trust.ts';
import { Loop } from './loops/loop.ts';
import { PRESENCE_MS, Presence } from './loops/presence.ts';
import { SEQUENCER_REST_MS, sequenceMending } from './loops/sequencer.ts';
import { Wake } from './loops/wake.ts';
import { WakingStore } from './loops/waking-store.ts';
import { aroundTicks } from './tracing/ticks.ts';
import { TracedStore } from './tracing/traced-store.ts';

/** What a control plane stands on. */
export interface ServerParts {
  readonly openControl: typeof openPostgresControl;
}

/** The parts that are shipped. */
export const SHIPPED: ServerParts = { openControl: openPostgresControl };

export interface ControlPlaneOptions {
  readonly databaseUrl: string;
  readonly folder: Folder;
  readonly trustFile: string;
  readonly version: string;
  readonly log: Logger;
  readonly courier: Courier;
  /** Absent: nobody wants traces. */
  readonly tracing?: Tracing | undefined;
  /** Why the database is away, from whoever keeps it; empty when it isn't. */
  readonly databaseTrouble: () => string;
  /** The database forgot something that was seen, or another server said that it did: this process must end. */
  readonly onForgotten?: (error: Error) => void;
}

export interface ControlPlane {
  readonly context: Context;
  readonly installation: Installation;
  start(): void;
  /** From now on it isn't ready, so that a balancer sends nobody here any more; everything else goes on. */
  leave(): void;
  /** Ends every wait: long polls answer, event streams end, loops finish their round. */
  beginStop(): void;
  /** Resolves when nothing is under way any more, and closes the database's sessions. */
  stop(): Promise<void>;
}

/** Rows that one lane claims at a time, and lanes side by side: together they keep the pool of sessions busy. */
const BATCH = 24;
const LANES = 2;
const POOL = 16;
/** How often loops look by themselves. Milliseconds. */
const LOOK_MS = 200;
const TRUST_MS = 2_000;
/** How often the newest head is remembered outside of the database. Milliseconds. */
const MEMORY_MS = 1_000;
/** Between two readings of the log for news: what comes meanwhile is read in one go. Milliseconds. */
const NOTIFIER_REST_MS = 100;
/** A loop that had no sound round for this long makes the server not ready. Milliseconds. */
const SOUND_MS = 5_000;

/** Opens the control plane: takes up or founds the installation, and creates its first users. */
export async function openControlPlane(
  options: ControlPlaneOptions,
  parts: ServerParts = SHIPPED,
): Promise<ControlPlane> {
  const { databaseUrl, folder, log } = options;
  const control = await parts.openControl({ databaseUrl, poolSize: POOL, applicationName: 'headgate server' });
  const memory = new LogMemory(folder);
  const epoch = await control.epoch();
  const recovered = async () => (await control.store.load([streams.recovery(epoch)])).size > 0;
  try {
    await memory.check(control.log, epoch, recovered);
  } catch (error) {
    await control.close();
    throw error;
  }
  const committed = new Wake();
  const offered = new Wake();
  const placed = new Wake();
  const stopping = new AbortController();
  const presence = new Presence(control.presence, {
    id: newId('srv'),
    version: options.version,
    knows: MIGRATIONS.length,
    format: KNOWN_FORMAT,
  });
  const trust = new FileTrust(options.trustFile, log);
  await trust.refresh();
  const { tracing } = options;
  const waking = new WakingStore(control.store, { committed, offered }, () => presence.holds());
  const deps: Deps = {
    store: tracing === undefined ? waking : new TracedStore(waking, tracing),
    blobs: control.blobs,
    trust,
    standbys: control.standbys,
    moves: control.moves,
    vaults: control.vaults,
    epoch,
    newId,
    digestOf: digestOfJson,
    canonical: canonicalBytes,
  };
  const { installation, signer } = await openInstallation(deps.store, folder, newId);
  const created = await createFirstPrincipals(deps, folder);
  if (created.length > 0) log.info({ created, folder: folder.secrets }, 'local users created, tokens in the folder');
  if (signer === undefined)
    log.warn(
      { origin: installation.origin, file: folder.logKey },
      'this folder lacks the log key: another server signs',
    );

  const onError = (stream: string, error: unknown) => {
    tracing?.failHere((error as Error).name);
    log.error({ stream, err: error }, 'a tick failed');
  };
  const deliveries = new DeliveryController(deps, { courier: options.courier, chance: Math.random, onError });
  const plans = new Plans(deps.blobs);
  const controllers = new Controllers(deps, plans, [deliveries], aroundTicks(waking, tracing));
  const notifier = new Notifier(deps, control.log, plans, `/headgate/${installation.id}`);
  const loop = (name: string, wake: Wake, pauseMs: number, round: () => Promise<boolean>, restMs = 0) =>
    new Loop({ name, wake, pauseMs, restMs, round, stop: stopping.signal, log });
  const lanes = Array.from({ length: LANES }, (_, i) =>
    loop(`controllers ${i + 1}`, committed, LOOK_MS, async () => (await controllers.tickDue(BATCH, onError)) > 0),
  );
  const mended = (found: object) =>
    log.error(
      found,
      'nodes of the log (level/index) weren’t those of its leaves, and were made anew: find out who wrote to the database',
    );
  const round = () => sequenceMending(control.log, signer, () => placed.signal(), mended);
  const sequencer = loop('sequencer', committed, LOOK_MS, round, SEQUENCER_REST_MS);
  const trustLoop = loop('trust', new Wake(), TRUST_MS, async () => {
    await trust.refresh();
    return false;
  });
  const memoryLoop = loop('memory', new Wake(), MEMORY_MS, async () => {
    try {
      const now = await control.epoch();
      if (now !== epoch) throw new ForgottenPast(`The database is at epoch ${now}, and this server began in ${epoch}`);
      await memory.check(control.log, epoch, recovered);
    } catch (error) {
      // Another history is for people to look at, and for agents to refuse: it is shown, and the server isn't ready.
      if (error instanceof ForgottenPast && !error.forked) options.onForgotten?.(error);
      throw error;
    }
    return false;
  });
  const notifierLoop = loop('notifier', placed, LOOK_MS, () => notifier.round(), NOTIFIER_REST_MS);
  const presenceLoop = loop('presence', new Wake(), PRESENCE_MS, () => presence.round());
  const loops = [...lanes, sequencer, trustLoop, memoryLoop, notifierLoop, presenceLoop];

  let leaving = false;
  async function readiness(): Promise<readonly Part[]> {
    const database = await deps.store.now().then(
      () => '',
      (error: Error) => options.databaseTrouble() || error.message,
    );
    const running = (part: string, of: Loop): Part => ({ part, ...of.health(SOUND_MS) });
    return [
      { part: 'server', ready: !leaving, why: leaving ? 'it is stopping' : '' },
      { part: 'database', ready: database === '', why: database },
      ...lanes.map((lane, i) => running(`controllers-${i + 1}`, lane)),
      running('sequencer', sequencer),
      running('memory', memoryLoop),
      // Not having them is no reason to be unready, only to say so.
      { part: 'notifier', ready: true, why: notifierLoop.health(SOUND_MS).why },
      { part: 'servers', ready: presence.behind === '', why: presence.behind || presence.told },
      { part: 'trust', ready: true, why: trust.trouble },
      { part: 'log-key', ready: true, why: signer === undefined ? 'another server signs tree heads' : '' },
    ];
  }

  return {
    installation,
    context: {
      deps,
      log: control.log,
      agents: control.agents,
      trust,
      gatherers: controllers,
      offered,
      placed,
      stop: stopping.signal,
      logger: log,
      version: options.version,
      tracing,
      metrics: new Metrics({
        readiness,
        logEntries: async () => (await control.log.head())?.size ?? 0,
        counted: () => control.standing.count(),
      }),
      readiness,
    },
    start: () => {
      for (const each of loops) each.start();
    },
    leave: () => {
      leaving = true;
    },
    beginStop: () => stopping.abort(),
    stop: async () => {
      stopping.abort();
      await Promise.all(loops.map((each) => each.ended()));
      await deliveries.stop();
      // What came since the last look is remembered, too. With the database away nothing came.
      await memory.check(control.log, epoch, recovered).catch(() => {});
      await presence.leave();
      await control.close();
    },
  };
}
