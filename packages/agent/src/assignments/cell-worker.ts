import { setTimeout as pause } from 'node:timers/promises';
import type { Tracing } from '@headgate/adapters/tracing/index';
import type { Outcome } from '@headgate/domain';
import type { Cell } from '../cells/cell.ts';
import type { Assignment } from '../control-plane/assignment.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import type { Logger } from '../log.ts';
import { type CarryOutParts, carryOut } from './carry-out.ts';
import { Lease } from './lease.ts';
import { settle } from './settle.ts';

export interface WorkerParts extends CarryOutParts {
  readonly plane: ControlPlane;
  readonly log: Logger;
  readonly tracing?: Tracing | undefined;
  /** Called when the server handed out a step, which so must be on the log. */
  leased(): void;
  /** Called when the server took the answer for a step that was done. */
  answered?(assignment: Assignment): Promise<void>;
  /** Called when a step has ended, so that what it changed is observed at once. */
  stepEnded(cell: string): void;
  /** Why the cell is left alone until a person ends what they began; undefined: it isn't. */
  halfWay?(): Promise<string | undefined>;
}

interface Work {
  readonly lease: Lease;
  /** By `performance.now()`. */
  readonly askedAt: number;
  readonly done: Promise<void>;
}

interface Aside {
  readonly end: AbortController;
  /** Never rejects. */
  readonly done: Promise<void>;
}

/** How long overtaken work may take to stop before the newer assignment is handed back. Milliseconds. */
const STOP_MS = 10_000;
/** After how long handed-back work is offered again. Milliseconds. */
const AGAIN_MS = 1_000;

/** Does one assignment of a cell at a time. A newer one stops the older first: the server has given up on that. */
export class CellWorker {
  readonly #parts: WorkerParts;
  #cell: Cell | undefined;
  #work: Work | undefined;
  #aside: Aside | undefined;
  #stopping = false;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
  }

  /** Gives the worker its cell, once that could be opened. */
  holds(cell: Cell): void {
    this.#cell = cell;
  }

  get busy(): boolean {
    return this.#work !== undefined;
  }

  /** What stands in the way of anything else in the cell, and how long it may at most; undefined: nothing does. */
  get atWork(): { readonly words: string; readonly leftMs?: number } | undefined {
    if (this.#work !== undefined) {
      const { promotion, step, stepMs } = this.#work.lease.assignment;
      const leftMs = Math.max(0, stepMs - (performance.now() - this.#work.askedAt));
      return { words: `the step ${step} of the promotion ${promotion} is at work there`, leftMs };
    }
    return this.#aside === undefined ? undefined : { words: 'something else of the agent’s own is at work there' };
  }

  /** Undefined until it could be opened. */
  get cell(): Cell | undefined {
    return this.#cell;
  }

  /** Ends what runs for the server, and settles once it has stopped. */
  async yields(): Promise<void> {
    const work = this.#work;
    const aside = this.#endAside();
    work?.lease.end('overtaken');
    await work?.done;
    await aside;
  }

  /**
   * Does something of the agent's own in the cell while no step of a promotion is at work there; one that comes ends it, and
   * waits for that as for an older one. Undefined: there is no room for it now.
   */
  aside<T>(work: (cell: Cell, signal: AbortSignal) => Promise<T>): Promise<T> | undefined {
    const cell = this.#cell;
    if (cell === undefined || this.busy || this.#aside !== undefined || this.#stopping) return undefined;
    const end = new AbortController();
    const result = work(cell, end.signal);
    const over = (): void => {
      if (this.#aside === aside) this.#aside = undefined;
    };
    const aside: Aside = { end, done: result.then(over, over) };
    this.#aside = aside;
    return result;
  }

  #endAside(): Promise<void> | undefined {
    this.#aside?.end.abort(new Error('a step of a promotion begins, or the agent stops'));
    return this.#aside?.done;
  }

  /** Takes an assignment up; settles when it was answered for, or dropped. Never rejects. */
  take(assignment: Assignment, askedAt: number): Promise<void> {
    const earlier = this.#work;
    const lease = new Lease(this.#parts.plane, assignment, askedAt);
    earlier?.lease.end('overtaken');
    const aside = this.#endAside();
    const before = aside === undefined ? earlier?.done : Promise.all([earlier?.done, aside]).then(() => {});
    const work = { lease, askedAt, done: this.#traced(lease, () => this.#run(lease, before)) };
    this.#work = work;
    void work.done.then(() => {
      if (this.#work === work) this.#work = undefined;
      this.#parts.stepEnded(assignment.cell);
    });
    return work.done;
  }

  /** Stops taking work: waits `graceMs` for what runs, then hands it back. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const aside = this.#endAside();
    if (aside !== undefined) await Promise.race([aside, pause(STOP_MS, undefined, { ref: false })]);
    const work = this.#work;
    if (work === undefined) return;
    await Promise.race([work.done, pause(graceMs, undefined, { ref: false })]);
    if (this.#work === work) {
      const back = handedBack('the agent stops');
      await settle(this.#parts.plane, work.lease, back);
      work.lease.end('stopping');
      await Promise.race([work.done, pause(STOP_MS, undefined, { ref: false })]);
    }
  }

  /** Everything that becomes of an assignment is one span of its promotion's trace. */
  #traced(lease: Lease, run: () => Promise<void>): Promise<void> {
    const { tracing } = this.#parts;
    if (tracing === undefined) return run();
    const { rollout, promotion, cell, step, traceparent: under } = lease.assignment;
    const ids = { promotion, rollout, cell, step };
    const attributes = Object.fromEntries(Object.entries(ids).map(([name, id]) => [`headgate.${name}`, id]));
    return tracing.around('assignment', { kind: 'consumer', attributes, under }, run);
  }

  async #run(lease: Lease, earlier: Promise<void> | undefined): Promise<void> {
    const { rollout, promotion, cell, step, course, fence } = lease.assignment;
    const log = this.#parts.log.child({ promotion, rollout, cell, step, course, n: fence.n, epoch: fence.epoch });
    try {
      if (!(await lease.begin())) return log.warn('assignment came too late, or was taken back');
      const stopped = await stopsInTime(earlier);
      const held = this.#cell;
      if (held !== undefined && stopped && !this.#stopping) return await this.#answer(lease, held, log);
      const why =
        held === undefined
          ? ((await this.#parts.halfWay?.()) ?? 'the agent has not opened the cell yet')
          : 'the agent is still stopping earlier work';
      log.warn({ why }, 'step handed back');
      await settle(this.#parts.plane, lease, handedBack(why));
    } catch (error) {
      log.error({ err: error }, 'step could not be answered for');
    } finally {
      lease.close();
    }
  }

  async #answer(lease: Lease, cell: Cell, log: Logger): Promise<void> {
    const began = performance.now();
    this.#parts.leased();
    const outcome = await carryOut(this.#parts, cell, lease, log);
    const ms = Math.round(performance.now() - began);
    if (lease.signal.aborted) {
      log.warn({ ms, because: (lease.signal.reason as Error).message, outcome: outcome.kind }, 'step stopped');
      return;
    }
    const answered = await settle(this.#parts.plane, lease, outcome);
    if (outcome.kind === 'done' && answered === 'settled') await this.#parts.answered?.(lease.assignment);
    const failed = outcome.kind === 'failed' ? { code: outcome.code, why: outcome.why } : {};
    log.info({ ms, outcome: outcome.kind, ...failed, answered }, 'step ended');
  }
}

/** The answer for work that is somebody else's to do, or for later: it is offered again in a moment. */
export function handedBack(reason: string): Outcome {
  return { kind: 'waiting', reason, untilMs: AGAIN_MS };
}

async function stopsInTime(earlier: Promise<void> | undefined): Promise<boolean> {
  if (earlier === undefined) return true;
  const late = Symbol('late');
  return (await Promise.race([earlier, pause(STOP_MS, late, { ref: false })])) !== late;
}
