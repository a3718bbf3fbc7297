/**
 * The agent with the server away. It begins nothing new and keeps its cells as they are; it goes on judging the stop
 * conditions of a wave in progress (`watch`); it says how things stand (`status`, at a `door` of its own); it goes back when
 * a person says so, or where that was declared (`alone`), by what it wrote down before each step (`standing`) and fetched
 * beforehand (`undo-bytes`); and it tells all that before it takes anything new (`tell`).
 */
import type { CellState } from '@headgate/domain';
import type { BlobCache } from '../artifacts/blob-cache.ts';
import type { CarryOutParts } from '../assignments/carry-out.ts';
import type { CellWorker } from '../assignments/cell-worker.ts';
import type { LeaseContact } from '../assignments/lease-loop.ts';
import type { AgentConfig } from '../config.ts';
import type { Assignment } from '../control-plane/assignment.ts';
import { type ControlPlane, Away as ServerAway } from '../control-plane/control-plane.ts';
import { Every } from '../every.ts';
import type { Logger } from '../log.ts';
import { halfWayIn } from '../recover-store/half-way.ts';
import type { StoreSchedule } from '../schedule/scheduler.ts';
import { Alone } from './alone.ts';
import { BehindDoor } from './behind.ts';
import { Contact } from './contact.ts';
import { type Behind, type Door, openDoor } from './door.ts';
import { JournalFile } from './journal-file.ts';
import { StandingFile } from './standing.ts';
import type { Untold } from './status.ts';
import { tellUndone } from './tell.ts';
import { fetchUndoBytes, undoBytesOf } from './undo-bytes.ts';
import { Watch } from './watch.ts';

export interface AwayParts {
  readonly config: AgentConfig;
  readonly carry: CarryOutParts;
  readonly blobs: BlobCache;
  readonly plane: ControlPlane;
  readonly log: Logger;
  worker(cell: string): CellWorker | undefined;
  stepEnded(cell: string): void;
  /** A cell as it was last seen. */
  seen(cell: string): CellState | undefined;
  /** What is done in a cell by schedule. */
  schedule(cell: string): readonly StoreSchedule[];
  /** So many statements of each kind the server has not taken. */
  untold(): Untold;
  /** Carries a compensation plan out. */
  readonly carryOut: Behind['carryOut'];
  /** Takes a restore point now. */
  readonly takePoint: Behind['takePoint'];
}

export class Away {
  readonly contact: Contact;
  readonly behind: Behind;
  readonly #parts: AwayParts;
  readonly #standing: StandingFile;
  readonly #journal: JournalFile;
  readonly #alone: Alone;
  readonly #watching: Every;
  readonly #fetching = new AbortController();
  readonly #fetches = new Set<Promise<void>>();
  readonly #fetched = new Set<string>();
  #door: Door | undefined;

  private constructor(parts: AwayParts, contact: Contact, standing: StandingFile, journal: JournalFile) {
    const { config, log, carry } = parts;
    this.contact = contact;
    this.#parts = parts;
    this.#standing = standing;
    this.#journal = journal;
    const { worker, stepEnded, seen } = parts;
    this.#alone = new Alone({ carry, standing, journal, contact, log, held: worker, stepEnded });
    const alone = this.#alone;
    const cells = config.cells.map(({ cell }) => cell);
    const busy = (cell: string): boolean => worker(cell)?.busy ?? false;
    const aloneAfterMs = (environment: string): number | undefined =>
      config.environments.find((e) => e.name === environment)?.rollBackAloneAfterMs;
    parts.plane.onAnswer((refusal) => contact.answered(new Date(), refusal));
    const watch = new Watch({
      ...{ carry, standing, journal, contact, alone, log, cells, held: worker, busy, aloneAfterMs },
      ask: () => this.ask(),
    });
    this.#watching = new Every(
      config.watchEveryMs,
      (signal) => watch.round(signal),
      (error) => log.warn({ err: error }, 'the stop conditions could not be looked at'),
    );
    const { name, server } = config;
    const { carryOut, takePoint } = parts;
    const isOpen = (cell: string): boolean => worker(cell)?.cell !== undefined;
    const halfWay = async (cell: string): Promise<string | undefined> => {
      const own = config.cells.find((each) => each.cell === cell);
      return own === undefined ? undefined : halfWayIn(config.dataDir, own);
    };
    const missing = (cell: string): Promise<readonly string[]> => this.#missing(cell);
    const facts = {
      name,
      server,
      running: true,
      cells: config.cells,
      carry,
      standing,
      journal,
      contact,
      watch,
      schedule: parts.schedule,
      untold: parts.untold,
    };
    this.behind = new BehindDoor({ ...facts, alone, isOpen, halfWay, missing, seen, carryOut, takePoint });
  }

  static async open(parts: AwayParts): Promise<Away> {
    const { config, log } = parts;
    const { dataDir } = config;
    const [contact, standing, journal] = await Promise.all([
      Contact.open(dataDir, (file, why) =>
        log.warn({ file, why }, 'how long the server has been away can’t be read: counted from now on'),
      ),
      StandingFile.open(dataDir),
      JournalFile.open(dataDir),
    ]);
    return new Away(parts, contact, standing, journal);
  }

  /** Starts watching, opens the door, and goes on with what was interrupted. */
  async start(): Promise<void> {
    this.#door = await openDoor(this.#parts.config.dataDir, this.behind);
    this.#watching.start();
    this.#alone.resume();
  }

  async stop(): Promise<void> {
    this.#fetching.abort();
    // What is under way still writes into our folder.
    await Promise.allSettled(this.#fetches);
    await this.#alone.stop();
    await this.#watching.stop();
    await this.#door?.close();
    await this.#journal.close();
    await this.contact.written();
  }

  /** Writes down what is at work, and sees to it that its way back is here. */
  async begins(assignment: Assignment): Promise<void> {
    await this.#standing.begins(assignment);
    const fetched = this.#fetch(assignment).finally(() => this.#fetches.delete(fetched));
    this.#fetches.add(fetched);
  }

  answered(assignment: Assignment): Promise<void> {
    return this.#standing.answered(assignment);
  }

  /** Whether assignments of the server must wait: the agent goes back by itself. */
  get goesBack(): boolean {
    return this.#alone.at;
  }

  /** What the lease loop asks and tells. */
  leaseContact(): LeaseContact {
    const { plane, log } = this.#parts;
    return {
      before: async () => {
        await this.#alone.idle();
        await tellUndone(plane, this.#journal, log);
      },
      found: () => this.contact.found(),
      lost: (at, refusal) => this.contact.lost(at, refusal),
    };
  }

  /** Asks the server once, for whoever isn't asking it all the time. */
  async ask(): Promise<void> {
    try {
      await this.#parts.plane.head(AbortSignal.timeout(5_000));
      this.contact.found();
    } catch (error) {
      const refuses = error instanceof ServerAway && error.refuses;
      this.contact.lost(new Date(), refuses ? error.message : undefined);
    }
  }

  /** In the background: a step that goes forward doesn't wait for the bytes of its undo, but `status` says if they lack. */
  async #fetch({ cell, plan }: Pick<Assignment, 'cell' | 'plan'>): Promise<void> {
    const key = `${cell} ${plan}`;
    if (this.#fetched.has(key)) return;
    this.#fetched.add(key);
    try {
      const needed = await this.#needed(cell, plan);
      if (needed !== undefined) await fetchUndoBytes(needed, this.#parts.carry, this.#fetching.signal);
    } catch (error) {
      this.#fetched.delete(key);
      if (error instanceof ServerAway) return;
      this.#parts.log.warn({ cell, why: (error as Error).message }, 'the bytes of the way back can’t be had');
    }
  }

  async #needed(cell: string, plan: Assignment['plan']) {
    const opened = await this.#parts.carry.plans.get(plan, this.#fetching.signal);
    const own = opened.ok ? opened.plan.cells.find((c) => c.cell === cell) : undefined;
    return own === undefined || !opened.ok ? undefined : undoBytesOf(own, opened.plan.release.digest);
  }

  async #missing(cell: string): Promise<readonly string[]> {
    const standing = this.#standing.of(cell);
    if (standing === undefined) return [];
    const needed = await this.#needed(cell, standing.last.plan).catch(() => undefined);
    if (needed === undefined) return ['the plan'];
    const digests = [...needed.blobs, ...needed.releases];
    const here = await Promise.all(digests.map((digest) => this.#parts.blobs.holds(digest)));
    return digests.filter((_, i) => !here[i]);
  }
}
