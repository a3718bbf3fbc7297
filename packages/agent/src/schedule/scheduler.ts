/**
 * Restore points and drills without a promotion, when they are due: one at a time, and none in a cell in which a step of a
 * promotion is at work. What a vault holds says when the next restore point is due, so a restart takes none too many; what
 * failed comes again, later each time. Nothing here depends on the server, except that it is told of drills.
 */
import type { Trust } from '@headgate/documents';
import { type Freshness, judgeDrill, type Scheduled, type ScheduledStore, scheduledWork } from '@headgate/domain';
import type { CellWorker } from '../assignments/cell-worker.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { Every } from '../every.ts';
import type { Logger } from '../log.ts';
import type { CellOfVault } from '../vault-cells.ts';
import { freshnessIn, inRepository } from './freshness-in.ts';
import type { ScheduleFile, StoreRecord } from './schedule-file.ts';
import { takePoint } from './take-point.ts';
import type { StoreWal } from './wal-rounds.ts';

export interface SchedulerParts {
  /** With a schedule, or with drills by schedule. */
  readonly cells: readonly CellOfVault[];
  readonly stores: (cell: CellOfVault) => readonly string[];
  readonly trust: Pick<Trust, 'signers'>;
  readonly file: ScheduleFile;
  readonly plane: Pick<ControlPlane, 'recordDrill'>;
  readonly log: Logger;
  worker(cell: string): CellWorker | undefined;
  /** What the last look at where a store's restore points and its log lie came to, by whoever looks there often; undefined: nobody has. */
  seen(cell: string, store: string): SeenThere | undefined;
  /** Of the control plane, as the agent knows it. */
  epoch(): number;
  /** The agent goes back by itself: nothing else is done meanwhile. */
  goesBack(): boolean;
}

export interface SeenThere {
  /** The newest restore point that could be brought back. */
  readonly newest?: string;
  /** Nothing after a piece of the log comes back. */
  readonly gap: boolean;
}

/** One store's schedule, for whoever asks how things stand. */
export interface StoreSchedule {
  readonly store: string;
  readonly points?: { readonly lastAt?: number; readonly dueAt: number; readonly why?: string };
  readonly drills?: {
    readonly words?: string;
    readonly dueAt: number;
    readonly why?: string;
    readonly untold: boolean;
  };
  readonly atWork?: Scheduled['what'];
  /** Why nobody knows what restore points there are: then nothing is due. */
  readonly unseen?: string;
  /** Its write-ahead log, where that goes to the vault or to a repository. */
  readonly wal?: Omit<StoreWal, 'store'>;
}

/** The longest time between two looks at what is due, and the shortest. Milliseconds. */
const LOOK_MS = 15_000;
const SOON_MS = 500;
/** How often a drill looks whether a step of a promotion has come. Milliseconds. */
const BUSY_MS = 200;

/** What was put off, not tried: it doesn't count. */
const PUT_OFF = Symbol('put off');

export class Scheduler {
  readonly #parts: SchedulerParts;
  readonly #freshness = new Map<string, Freshness>();
  readonly #unseen = new Map<string, string>();
  readonly #every: Every;
  #atWork: Scheduled | undefined;

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
    this.#every = new Every(
      () => this.#pauseMs(),
      (signal) => this.#round(signal),
      (error) => parts.log.warn({ why: (error as Error).message }, 'the schedule can’t be kept'),
    );
  }

  start(): this {
    if (this.#parts.cells.length > 0) this.#every.start();
    return this;
  }

  async stop(): Promise<void> {
    await this.#every.stop();
  }

  /** What is known now: nothing is asked for it. */
  of(cell: string): readonly StoreSchedule[] {
    const config = this.#parts.cells.find((each) => each.cell === cell);
    if (config === undefined) return [];
    const work = scheduledWork(this.#scheduled());
    return this.#parts.stores(config).map((store): StoreSchedule => {
      const { points, drills, untold } = this.#parts.file.of(cell, store);
      const dueAt = (what: Scheduled['what']): number | undefined =>
        work.find((each) => each.cell === cell && each.store === store && each.what === what)?.dueAt;
      const [point, drill] = [dueAt('restore-point'), dueAt('drill')];
      const lastAt = this.#freshness.get(`${cell}/${store}`)?.newest?.takenAt;
      const unseen = this.#unseen.get(`${cell}/${store}`);
      const mine = this.#atWork?.cell === cell && this.#atWork.store === store ? this.#atWork.what : undefined;
      return {
        store,
        ...(point !== undefined && {
          points: { ...(lastAt !== undefined && { lastAt }), dueAt: point, ...whyOf(points) },
        }),
        ...(drill !== undefined && {
          drills: { ...wordsOf(drills), dueAt: drill, ...whyOf(drills), untold: untold !== undefined },
        }),
        ...(mine !== undefined && { atWork: mine }),
        ...(unseen !== undefined && { unseen }),
      };
    });
  }

  #scheduled(): readonly ScheduledStore[] {
    return this.#parts.cells.flatMap((cell) =>
      this.#parts.stores(cell).map((store): ScheduledStore => {
        const { points, drills } = this.#parts.file.of(cell.cell, store);
        const freshness = this.#freshness.get(`${cell.cell}/${store}`);
        const gap = this.#parts.seen(cell.cell, store)?.gap === true;
        const { schedule, drill } = cell.vault;
        return {
          cell: cell.cell,
          store,
          // Before the vault was read nothing is known to be due.
          ...(schedule !== undefined &&
            freshness !== undefined && { points: { ...points, everyMs: schedule.everyMs, freshness, gap } }),
          ...(drill?.everyMs !== undefined &&
            freshness?.newest !== undefined && { drills: { ...drills, everyMs: drill.everyMs } }),
        };
      }),
    );
  }

  #pauseMs(): number {
    const [next] = scheduledWork(this.#scheduled());
    return Math.max(SOON_MS, Math.min(LOOK_MS, (next?.dueAt ?? Number.POSITIVE_INFINITY) - Date.now()));
  }

  async #round(signal: AbortSignal): Promise<void> {
    for (const cell of this.#parts.cells)
      for (const store of this.#parts.stores(cell)) {
        await this.#tell(cell.cell, store);
        if (this.#isOtherwise(cell.cell, store)) await this.#look(cell, store, signal);
      }
    for (const due of scheduledWork(this.#scheduled())) {
      if (due.dueAt > Date.now() || signal.aborted) return;
      // What is put off is passed over: another cell's may be done now.
      if (await this.#work(due, signal)) return;
    }
  }

  /** Whether what is known of a store's restore points isn't what lies there: nobody has looked yet, or somebody saw another one since. */
  #isOtherwise(cell: string, store: string): boolean {
    const known = this.#freshness.get(`${cell}/${store}`);
    const seen = this.#parts.seen(cell, store);
    return known === undefined || (seen !== undefined && seen.newest !== known.newest?.id);
  }

  /** False: there is no room for it now. */
  async #work(due: Scheduled, signal: AbortSignal): Promise<boolean> {
    const { worker, goesBack, log } = this.#parts;
    const cell = this.#parts.cells.find((each) => each.cell === due.cell)!;
    const held = worker(due.cell);
    if (held?.cell === undefined || held.busy || goesBack()) return false;
    this.#atWork = due;
    try {
      const done =
        due.what === 'drill' ? await this.#drill(cell, due, held, signal) : await this.#point(cell, due, held, signal);
      if (done === PUT_OFF && !signal.aborted)
        log.info({ cell: due.cell, store: due.store, what: due.what }, 'put off: a step of a promotion is at work');
      return done !== PUT_OFF;
    } finally {
      this.#atWork = undefined;
    }
  }

  async #point(cell: CellOfVault, due: Scheduled, held: CellWorker, signal: AbortSignal): Promise<unknown> {
    const { log, epoch } = this.#parts;
    const before = this.#freshness.get(`${due.cell}/${due.store}`)?.newest?.takenAt;
    let over: AbortSignal | undefined;
    const taking = held.aside((real, own) => {
      over = AbortSignal.any([signal, own]);
      return takePoint(real, due.store, epoch(), over, (event) => log.info({ cell: due.cell }, event));
    });
    if (taking === undefined) return PUT_OFF;
    let why = await taking.then(
      (taken) => (taken.ok ? undefined : taken.why),
      (error: Error) => error.message,
    );
    if (why !== undefined && over?.aborted === true) return PUT_OFF;
    await this.#look(cell, due.store, signal);
    const newest = this.#freshness.get(`${due.cell}/${due.store}`)?.newest?.takenAt;
    // Where a vault isn't required, a restore point that isn't in it counts for a promotion; for the schedule it doesn't.
    const kept = newest !== undefined && newest !== before;
    if (why === undefined && !kept)
      why = inRepository(cell, due.store) ? 'it doesn’t lie in its repository' : 'it isn’t sealed in the vault';
    const record = this.#parts.file.of(due.cell, due.store);
    await this.#parts.file.put(due.cell, due.store, { ...record, points: tried(record.points, why) });
    if (why === undefined) log.info({ cell: due.cell, store: due.store }, 'restore point taken by schedule');
    else
      log.warn(
        { cell: due.cell, store: due.store, why },
        'no restore point could be taken by schedule; it is tried again',
      );
    return undefined;
  }

  async #drill(cell: CellOfVault, due: Scheduled, held: CellWorker, signal: AbortSignal): Promise<unknown> {
    const { log, trust, file } = this.#parts;
    const busy = new AbortController();
    const watching = setInterval(() => {
      if (held.busy || this.#parts.goesBack()) busy.abort();
    }, BUSY_MS);
    const over = AbortSignal.any([signal, busy.signal]);
    try {
      const say = (line: string): void => log.debug({ cell: due.cell, store: due.store }, line);
      // Loaded when one is due: what lays copies out is no small part of an agent that never does.
      const { drillStore } = await import('../drill/drill-store.ts');
      const { facts, bundle } = await drillStore({ cell, store: due.store, trust, signal: over, say });
      const { ok, because, missing } = judgeDrill(facts);
      const why = ok ? undefined : [...because, ...missing].join('; ').slice(0, 500);
      const record = file.of(due.cell, due.store);
      const drills = {
        ...tried(record.drills, why),
        words: ok ? 'well' : 'NOT WELL',
        ...(ok ? { lastAt: facts.at } : lastOf(record)),
      };
      const untold = JSON.parse(JSON.stringify(bundle)) as Record<string, unknown>;
      await file.put(due.cell, due.store, { ...record, drills, untold });
      const told = { cell: due.cell, store: due.store, point: facts.point?.id, ...judgeDrill(facts) };
      if (ok) log.info(told, 'restore drill: it went well');
      else log.error(told, 'restore drill: it did NOT go well');
      await this.#tell(due.cell, due.store);
    } catch (error) {
      if (over.aborted) return PUT_OFF;
      const why = (error as Error).message.slice(0, 500);
      const record = file.of(due.cell, due.store);
      await file.put(due.cell, due.store, { ...record, drills: { ...record.drills, ...tried(record.drills, why) } });
      log.warn({ cell: due.cell, store: due.store, why }, 'the restore drill can’t begin; it is tried again');
    } finally {
      clearInterval(watching);
    }
    return undefined;
  }

  /** What the vault holds now. A vault that is away is looked at in the next round again. */
  async #look(cell: CellOfVault, store: string, signal: AbortSignal): Promise<void> {
    const { log, trust } = this.#parts;
    const name = `${cell.cell}/${store}`;
    try {
      this.#freshness.set(name, await freshnessIn(cell, store, trust, signal));
      this.#unseen.delete(name);
    } catch (error) {
      if (signal.aborted) return;
      const why = (error as Error).message.slice(0, 500);
      if (this.#unseen.get(name) !== why)
        log.warn({ cell: cell.cell, store, why }, 'the restore points can’t be looked at');
      this.#unseen.set(name, why);
    }
  }

  /** Tells the server of the last drill, until it has heard. */
  async #tell(cell: string, store: string): Promise<void> {
    const { plane, file, log } = this.#parts;
    const { untold, ...record } = file.of(cell, store);
    if (untold === undefined) return;
    const said = await plane.recordDrill(untold).catch(() => undefined);
    if (said === undefined) return;
    await file.put(cell, store, record);
    if (said !== 'recorded') log.warn({ cell, store, said }, 'the server did not take the drill’s statement');
  }
}

function tried<A extends StoreRecord['points']>({ failures }: A, why: string | undefined): StoreRecord['points'] {
  const triedAt = Date.now();
  return why === undefined ? { failures: 0, triedAt } : { failures: failures + 1, triedAt, why: why.slice(0, 500) };
}

function whyOf({ why }: StoreRecord['points']): { readonly why?: string } {
  return why === undefined ? {} : { why };
}

function wordsOf({ words }: StoreRecord['drills']): { readonly words?: string } {
  return words === undefined ? {} : { words };
}

function lastOf({ drills: { lastAt } }: StoreRecord): { readonly lastAt?: number } {
  return lastAt === undefined ? {} : { lastAt };
}
