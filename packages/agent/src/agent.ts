/**
 * The agent at work: a loop that asks for assignments and one worker a cell, and beside them, each at its own pace, the
 * keeper and the observer of each cell and the witness of the log. None of them waits for another: with the server away
 * the cells are kept as before, and with a cell broken the others go on.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { holdCell } from '@headgate/adapters/execution/process/cell-hold';
import { openFormat } from '@headgate/adapters/machine/data-format';
import { readSecret } from '@headgate/adapters/machine/durable-file';
import { ownSigningKey } from '@headgate/adapters/machine/own-signing-key';
import type { Tracing } from '@headgate/adapters/tracing/index';
import { createClient } from '@headgate/contract';
import { loadTrust, type Trust } from '@headgate/documents';
import { Baselines } from './artifacts/baselines.ts';
import { BlobCache } from './artifacts/blob-cache.ts';
import { Plans } from './artifacts/plans.ts';
import { Releases } from './artifacts/releases.ts';
import { SignedApprovals } from './artifacts/signed-approvals.ts';
import { CellWorker, handedBack } from './assignments/cell-worker.ts';
import { leaseLoop } from './assignments/lease-loop.ts';
import { Away } from './away/away.ts';
import type { Behind } from './away/door.ts';
import { KnownBundles } from './away/known-bundles.ts';
import { BackupRounds } from './backups/backup-rounds.ts';
import type { Cell } from './cells/cell.ts';
import { CellKeeper } from './cells/cell-keeper.ts';
import { openRealCell } from './cells/real-cell.ts';
import { StandbyRounds } from './cells/standby-rounds.ts';
import type { AgentConfig } from './config.ts';
import type { Assignment } from './control-plane/assignment.ts';
import { ControlPlane } from './control-plane/control-plane.ts';
import { sweepDrills } from './drill/drill-folder.ts';
import { Every } from './every.ts';
import { AGENT_FORMAT } from './format.ts';
import { TreeHeadWitness } from './heads/tree-head-witness.ts';
import { witnessKey } from './heads/witness-key.ts';
import type { Logger } from './log.ts';
import { MarksFile } from './marks/marks-file.ts';
import { MovedFile } from './moved/moved-file.ts';
import { MovedRounds } from './moved/moved-rounds.ts';
import { PlanBearer } from './reconcile/plan-bearer.ts';
import { ReconciliationsFile } from './reconcile/reconciliations-file.ts';
import { halfWayIn, halfWayOf } from './recover-store/half-way.ts';
import { RestorationTeller } from './restoration/tell-restorations.ts';
import { takeAsked } from './restore-points/point-taker.ts';
import { agentSchedule } from './schedule/agent-schedule.ts';
import type { Scheduler } from './schedule/scheduler.ts';
import { WalRounds } from './schedule/wal-rounds.ts';
import { withWal } from './schedule/words.ts';
import { hasVault } from './vault-cells.ts';
import { pointsWatched } from './vaults/points-watched.ts';
import { VaultRounds } from './vaults/vault-rounds.ts';

export interface RunningAgent {
  /** What a person at this machine may ask of it. */
  readonly behind: Behind;
  /** Finishes or hands back what runs, lets go of the cells and leaves everything in them running. */
  stop(): Promise<void>;
}

/** What an agent stands on. */
export interface AgentParts {
  openCell(config: AnyCellConfig, report: (event: string) => void): Promise<Cell>;
  /** The server, for this agent's token; `traceparent` says which trace a call belongs to. */
  connect(server: string, token: string, traceparent?: () => string | undefined): ControlPlane;
  /** Absent: nobody wants traces. */
  readonly tracing?: Tracing | undefined;
}

/** The parts that are shipped. */
export const SHIPPED: AgentParts = {
  openCell: openRealCell,
  connect: (baseUrl, token, traceparent) =>
    new ControlPlane(createClient({ baseUrl, token, ...(traceparent && { traceparent }) })),
};

/** Starts an agent. Throws when its own folder isn't right; everything else is tried again by itself. */
export async function startAgent(
  config: AgentConfig,
  parts: AgentParts,
  log: Logger,
  /** `alone`: takes nothing from the server; for a person who wants to go back while no agent runs. */
  mode: 'at-work' | 'alone' = 'at-work',
): Promise<RunningAgent> {
  const { dataDir } = config;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const hold = await holdCell(dataDir).catch((error: Error) => {
    throw new Error(`Another agent works in ${dataDir}: ${error.message}`);
  });
  await openFormat(dataDir, AGENT_FORMAT, (step) => log.info(step, 'the data folder was migrated'));
  const trust = pinnedTrust(config.trustFile);
  const token = await readSecret(config.tokenFile);
  const { tracing } = parts;
  const plane = parts.connect(config.server, token, tracing && (() => tracing.current()));
  const witness = await TreeHeadWitness.open({
    dataDir,
    trust,
    plane,
    key: await witnessKey(dataDir, config.name),
    log,
  });
  const blobs = await BlobCache.open(dataDir, (digest, signal) => plane.blob(digest, signal));
  const baselines = await Baselines.open(dataDir);
  const marks = await MarksFile.open(dataDir);
  const plans = new Plans(blobs);
  const releases = new Releases(await KnownBundles.open(dataDir, plane), blobs, trust, baselines);
  const approvals = new SignedApprovals(blobs, trust);
  const enrolment = { environments: config.environments, cells: config.cells };

  const account = {
    marks,
    async log() {
      await witness.look(AbortSignal.timeout(10_000));
      return witness.alarm.trouble;
    },
  };
  const keepers = new Map<string, CellKeeper>();
  const carry = {
    enrolment,
    marks,
    blobs,
    plans,
    releases,
    approvals,
    alarm: () => witness.alarm.trouble ?? witness.standsStill(),
    now: () => Date.now(),
  };
  const stepEnded = (name: string): void => keepers.get(name)?.lookAgain();
  const worker = (name: string): CellWorker | undefined => keepers.get(name)?.worker;
  const seen = (name: string) => keepers.get(name)?.seen;
  let scheduler: Scheduler | undefined;
  const epoch = (): number => marks.marks.epoch;
  const wal = new WalRounds({ cells: config.cells, log, worker });
  const schedule = (name: string) => withWal(scheduler?.of(name) ?? [], wal.of(name));
  const reconciliations = await ReconciliationsFile.open(dataDir);
  const restorations = new RestorationTeller(plane, dataDir, log);
  const untold = () => ({
    reconciliations: reconciliations.untold.length,
    ...{ restorations: restorations.left, refusedRestoration: restorations.refused },
  });
  const bearer: PlanBearer = new PlanBearer({
    ...{ config, trust, plane, log, worker, stepEnded },
    file: reconciliations,
    key: () => ownSigningKey(join(dataDir, 'reconciliation.pem')),
    marks: () => marks.marks,
    goesBack: () => away.goesBack,
  });
  const carryOut: Behind['carryOut'] = (ask, progress) => bearer.carryOut(ask, progress);
  const takePoint: Behind['takePoint'] = (ask, progress) =>
    takeAsked({ config, log, worker, epoch, goesBack: () => away.goesBack }, ask, progress);
  const away: Away = await Away.open({
    config,
    carry,
    blobs,
    plane,
    log,
    worker,
    stepEnded,
    seen,
    schedule,
    untold,
    carryOut,
    takePoint,
  });
  const moved = new MovedRounds({
    cells: config.cells,
    everyMs: 2 * config.observeEveryMs,
    file: await MovedFile.open(dataDir),
    ...{ plane, log, seen },
    busy: (name) => worker(name)?.busy ?? true,
  });
  for (const cell of config.cells) {
    const worker = new CellWorker({
      ...carry,
      plane,
      log,
      tracing,
      async begins(assignment) {
        await moved.yields(assignment.cell);
        await away.begins(assignment);
      },
      answered: (assignment) => away.answered(assignment),
      leased: () => witness.owes(),
      stepEnded,
      halfWay: () => halfWayIn(dataDir, cell),
    });
    const open = async (): Promise<Cell> => {
      const halfWay = await halfWayIn(dataDir, cell);
      if (halfWay !== undefined) throw new Error(halfWay);
      const opened = await parts.openCell(cell, (event) => log.warn({ cell: cell.cell }, event));
      return pointsWatched(opened, () => vaults.lookAgain(cell.cell));
    };
    keepers.set(
      cell.cell,
      new CellKeeper({
        config: cell,
        open,
        worker,
        observeEveryMs: config.observeEveryMs,
        pinned: config.environments.find(({ name }) => name === cell.environment),
        plane,
        baselines,
        account,
        log,
      }),
    );
  }
  const goesBack = (): boolean => away.goesBack;
  const there = (cell: string, store: string) => vaults.of(cell, store);
  scheduler = await agentSchedule({ config, trust, plane, log, worker, seen: there, epoch, goesBack });
  const backups = new BackupRounds({ config, trust, log, goesBack });
  // Before anything runs: it throws when its door isn't right.
  await away.start();
  for (const keeper of keepers.values()) keeper.start();
  const beside = { cells: config.cells, everyMs: 2 * config.observeEveryMs, plane, log };
  const standbys = new StandbyRounds(beside);
  const vaults = new VaultRounds({
    ...beside,
    lookEveryMs: 12 * config.observeEveryMs,
    trust,
    wal: (name) => wal.of(name),
    lookAtLog: (name, store) => wal.lookAgain(name, store),
    halfWay: (cell, store) => halfWayOf(dataDir, cell, store),
  });
  // Beside everything else: a copy may be large. A drill of ours begins once it is gone.
  const swept = mode === 'at-work' ? sweepDrills(config.cells.filter(hasVault), log) : undefined;
  if (mode === 'at-work') {
    void swept?.then(() => scheduler?.start());
    bearer.start();
    restorations.start();
    standbys.start();
    moved.start();
    vaults.start();
    backups.start();
  }
  wal.start();

  let sick = false;
  const heads = new Every(
    config.headEveryMs,
    async (signal) => {
      await witness.look(signal);
      sick = false;
    },
    (error) => {
      if (!sick) log.warn({ why: (error as Error).message }, 'the log’s head can’t be looked at');
      sick = true;
    },
  ).start();
  const trimming = new Every(
    3_600_000,
    () => blobs.trim(),
    (error) => log.warn({ err: error }, 'blobs not trimmed'),
  ).start();

  const stopping = new AbortController();
  const take = (assignment: Assignment, askedAt: number): void => {
    const keeper = keepers.get(assignment.cell);
    // Asked for before it began to go back by itself: nobody carries it out, and its lease runs out.
    if (away.goesBack) return void log.warn({ step: assignment.step }, 'left alone: the agent goes back by itself');
    if (keeper !== undefined) return void keeper.worker.take(assignment, askedAt);
    // Another agent's, from a server that doesn't ask whose cells are whose: nothing is wrong with the step.
    const { rollout, fence, cell, step } = assignment;
    log.warn({ cell, step }, 'handed back: the step is of a cell that this agent doesn’t have');
    plane
      .settle(rollout, fence, handedBack(`agent ${config.name} has no cell ${cell}; it is offered again`))
      .catch((error: Error) => log.warn({ why: error.message }, 'not settled'));
  };
  if (mode === 'alone') await away.ask();
  const server = {
    ...away.leaseContact(),
    cells: [...keepers.keys()],
    seen: () => ({ epoch: marks.marks.epoch, head: witness.held?.size ?? 0 }),
    isBack: () => {
      for (const keeper of keepers.values()) keeper.lookAgain();
    },
  };
  const leasing = mode === 'alone' ? undefined : leaseLoop(plane, take, log, stopping.signal, server);
  log.info({ server: config.server, cells: [...keepers.keys()], trust: trust.digest }, 'agent started');

  return {
    behind: away.behind,
    async stop() {
      log.info('agent stops');
      stopping.abort();
      const gone = away.stop();
      const rounds = [scheduler, bearer, restorations, standbys, moved, vaults, backups];
      const unscheduled = Promise.all(rounds.map((each) => each?.stop()));
      await leasing;
      await gone;
      await swept;
      await Promise.all([...keepers.values()].map((keeper) => keeper.worker.stop(config.graceMs)));
      await Promise.all([unscheduled, wal.stop()]);
      await Promise.all([heads.stop(), trimming.stop(), ...[...keepers.values()].map((keeper) => keeper.stop())]);
      if (mode === 'at-work') await plane.farewell([]);
      await hold.release();
      log.info('agent stopped; what it kept runs on');
    },
  };
}

function pinnedTrust(path: string): Trust {
  const read = loadTrust(path);
  if (read.ok) return read.trust;
  throw new Error(`The pinned trust file isn't right:\n${read.problems.map((p) => p.message).join('\n')}`);
}
