/**
 * Going back without the server: the plan's own undo, step by step, through the same checks and executors as the server's
 * assignments. Each step takes a token of its own that is higher than any before in the cell, so that whatever of an older
 * assignment still runs is refused by its targets; the server hears the highest, and goes on above it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type Outcome, provenOutcome, type Scope, type UndoStep, undoSteps } from '@headgate/domain';
import type { Fence } from '@headgate/domain/protocol/fence';
import { type CarryOutParts, carryOut } from '../assignments/carry-out.ts';
import { Lease } from '../assignments/lease.ts';
import type { Cell } from '../cells/cell.ts';
import type { Assignment } from '../control-plane/assignment.ts';
import type { Logger } from '../log.ts';
import type { Marks } from '../marks/marks.ts';
import type { Contact } from './contact.ts';
import { lastIn, type Undoing } from './journal.ts';
import type { JournalFile } from './journal-file.ts';
import type { StandingFile } from './standing.ts';
import { begunOf } from './way-back.ts';

/** A cell as far as going back alone needs it. */
export interface HeldCell {
  /** Undefined until it could be opened. */
  readonly cell: Cell | undefined;
  /** Ends the assignment that runs, and settles once it has stopped. */
  yields(): Promise<void>;
}

export interface AloneParts {
  readonly carry: CarryOutParts;
  readonly standing: StandingFile;
  readonly journal: JournalFile;
  readonly contact: Contact;
  readonly log: Logger;
  held(cell: string): HeldCell | undefined;
  /** Something was done in a cell, so that it is observed at once. */
  stepEnded(cell: string): void;
}

export interface Wish {
  readonly cell: string;
  readonly scope: Scope;
  readonly by: string;
  readonly because: string;
}

/** How a step or a whole undo went on, for whoever watches. */
export type Progress = (line: string) => void;

const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 30_000;

export class Alone {
  readonly #parts: AloneParts;
  readonly #stopping = new AbortController();
  readonly #running = new Map<string, Promise<Undoing>>();

  constructor(parts: AloneParts) {
    this.#parts = parts;
  }

  /** Whether the agent is going back by itself, or has and the server has not heard: until then it takes nothing from it. */
  get at(): boolean {
    return this.#running.size > 0;
  }

  isAt(cell: string): boolean {
    return this.#running.has(cell);
  }

  /**
   * Goes back in a cell, or goes on with it: the same wish again is the same undoing, whose steps keep their keys. Settles
   * when it was done, or stands still.
   */
  async goBack(wish: Wish, progress: Progress): Promise<Undoing> {
    const { cell, scope, by, because } = wish;
    const going = this.#running.get(cell);
    if (going !== undefined) return going;
    const { journal, standing, carry, contact } = this.#parts;
    return this.#run(cell, async () => {
      // First: what runs may still take a step up, which then must be taken back, too.
      await this.#parts.held(cell)?.yields();
      const { last } = standing.of(cell) ?? nothing(cell);
      const begun = begunOf(standing.of(cell), carry.marks.marks) ?? nothing(cell);
      const before = lastIn(journal.all, cell);
      const again =
        before?.rollout === last.rollout && before.begun === begun && covers(before.scope, scope, cell)
          ? before
          : undefined;
      const since = (contact.awaySince ?? new Date()).toISOString();
      const count = [...journal.all.values()].filter((each) => each.rollout === last.rollout).length;
      const { rollout, promotion, plan } = last;
      const id = `${rollout}#${count + 1}`;
      const undoing =
        again ??
        (await journal.note({ type: 'begun', id, cell, rollout, promotion, plan, scope, begun, by, because, since }));
      return this.#goOn(undoing, progress);
    });
  }

  /** Goes on with what a kill interrupted: it was decided, and half an undo helps nobody. */
  resume(): void {
    for (const undoing of this.#parts.journal.all.values()) {
      if (undoing.phase !== 'going' || this.isAt(undoing.cell)) continue;
      this.#parts.log.warn(
        { cell: undoing.cell, rollout: undoing.rollout },
        'goes on taking back what was interrupted',
      );
      this.#run(undoing.cell, () => this.#goOn(undoing, () => {})).catch((error: Error) =>
        this.#parts.log.error({ err: error, cell: undoing.cell }, 'going back broke off'),
      );
    }
  }

  /** Settles when nothing is going back. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running.values());
  }

  /** Stops where it is; the next agent goes on. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.idle();
  }

  #run(cell: string, work: () => Promise<Undoing>): Promise<Undoing> {
    const running = work().finally(() => this.#running.delete(cell));
    this.#running.set(cell, running);
    return running;
  }

  async #goOn(undoing: Undoing, progress: Progress): Promise<Undoing> {
    const { carry, journal, log } = this.#parts;
    const { id, cell, scope, begun } = undoing;
    const own = log.child({ cell, rollout: undoing.rollout, undoing: id });
    if (this.#parts.held(cell) === undefined)
      return this.#stopped(undoing, 'this agent has no such cell', progress, own);
    const opened = await carry.plans.get(undoing.plan, this.#stopping.signal);
    const plan = opened.ok ? opened.plan.cells.find((c) => c.cell === cell) : undefined;
    if (plan === undefined) return this.#stopped(undoing, 'its plan can’t be read here', progress, own);
    const done = new Set(undoing.done.map((step) => step.id));
    const steps = undoSteps(plan, scope, begun).filter((step) => !done.has(step.id));
    const held = await this.#opened(cell, steps[0]?.timeoutMs ?? 0);
    if (this.#stopping.signal.aborted) return undoing;
    if (typeof held === 'string') return this.#stopped(undoing, held, progress, own);
    await held.yields();
    own.warn({ by: undoing.by, because: undoing.because, scope: scope.kind }, 'going back without the server');
    for (const step of steps) {
      if (step.approver !== undefined)
        return this.#stopped(
          undoing,
          `${step.approver} must agree to ${step.id}, and only the server can be told so`,
          progress,
          own,
        );
      const why = await this.#carryOut(undoing, step, held.cell, progress, own);
      if (this.#stopping.signal.aborted) return journal.all.get(id) ?? undoing;
      if (why !== undefined) return this.#stopped(undoing, `${step.id}: ${why}`, progress, own);
    }
    own.warn('gone back without the server');
    progress(`cell ${cell}: undone`);
    return journal.note({ type: 'finished', id });
  }

  /**
   * Waits until the cell is open: whoever comes at night may come before its store is up. No longer than its first step
   * may take, since nothing is taken from the server meanwhile. Answers why it isn't open.
   */
  async #opened(name: string, timeoutMs: number): Promise<{ readonly cell: Cell; yields(): Promise<void> } | string> {
    for (const ends = performance.now() + timeoutMs; ; ) {
      const held = this.#parts.held(name);
      const cell = held?.cell;
      if (held !== undefined && cell !== undefined) return { cell, yields: () => held.yields() };
      if (this.#stopping.signal.aborted || performance.now() >= ends)
        return `its cell could not be opened within ${timeoutMs} ms`;
      await this.#rest(100);
    }
  }

  /** Carries out one step of an undo, as often as its plan says. Answers why it didn't come about; undefined: it did. */
  async #carryOut(
    undoing: Undoing,
    step: UndoStep,
    cell: Cell,
    progress: Progress,
    log: Logger,
  ): Promise<string | undefined> {
    const { journal } = this.#parts;
    let waitsUntil: number | undefined;
    for (let attempt = 1; ; ) {
      progress(`cell ${undoing.cell}: ${step.id} …`);
      const outcome = await this.#attempt(undoing, step, cell, log);
      // Stopped in the middle, it has no end: the next agent does it again.
      if (this.#stopping.signal.aborted) return undefined;
      await journal.note({ type: 'step-ended', id: undoing.id, step: step.id, outcome });
      this.#parts.stepEnded(undoing.cell);
      log.info({ step: step.id, outcome }, 'step of going back ended');
      if (outcome.kind === 'done') {
        progress(`cell ${undoing.cell}: ${step.id} done`);
        return undefined;
      }
      if (outcome.kind === 'waiting') {
        if (outcome.reason === 'ask') return 'it ended in a state that nobody knows';
        waitsUntil ??= performance.now() + step.timeoutMs;
        if (performance.now() >= waitsUntil)
          return `it waits for longer than its ${step.timeoutMs} ms: ${outcome.reason}`;
        // Never at once: each look is written down twice.
        const askedMs = Number.isFinite(outcome.untilMs) ? outcome.untilMs : LONGEST_BACKOFF_MS;
        const longestMs = Math.min(LONGEST_BACKOFF_MS, step.timeoutMs);
        await this.#rest(Math.max(FIRST_BACKOFF_MS, Math.min(askedMs, longestMs)));
        continue;
      }
      progress(`cell ${undoing.cell}: ${step.id} failed: ${outcome.why}`);
      const again = outcome.code === 'transient' || outcome.code === 'expired' || outcome.code === 'fenced';
      if (!again || attempt >= step.attempts) return outcome.why;
      await this.#rest(Math.min(FIRST_BACKOFF_MS * 2 ** attempt, LONGEST_BACKOFF_MS));
      attempt++;
    }
  }

  async #attempt(undoing: Undoing, step: UndoStep, cell: Cell, log: Logger): Promise<Outcome> {
    const { carry, journal, standing } = this.#parts;
    const { last } = standing.of(undoing.cell) ?? nothing(undoing.cell);
    const fence = nextToken(carry.marks.marks, undoing.cell);
    await journal.note({ type: 'step-begun', id: undoing.id, step: step.id, ...fence });
    const assignment: Assignment = {
      ...last,
      step: step.id,
      action: step.action,
      course: 'undo',
      scope: undoing.scope,
      begun: undoing.begun,
      fence,
      idempotencyKey: `${undoing.rollout}/${step.id}`,
      lifetimeMs: step.timeoutMs,
      stepMs: step.timeoutMs,
    };
    const ends = performance.now() + step.timeoutMs;
    const renew = async (): Promise<number> => Math.max(1, Math.ceil(ends - performance.now()));
    const lease = new Lease({ renew }, assignment, performance.now());
    const stop = (): void => lease.end('stopping');
    this.#stopping.signal.addEventListener('abort', stop, { once: true });
    try {
      if (!(await lease.begin())) return { kind: 'failed', code: 'expired', why: 'the time for it had run out' };
      return provenOutcome(step.action, await carryOut(carry, cell, lease, log));
    } finally {
      this.#stopping.signal.removeEventListener('abort', stop);
      lease.close();
    }
  }

  async #stopped(undoing: Undoing, why: string, progress: Progress, log: Logger): Promise<Undoing> {
    log.error({ why }, 'going back stands still, and waits for a person');
    progress(`cell ${undoing.cell}: stands still: ${why}`);
    return this.#parts.journal.note({ type: 'stopped', id: undoing.id, why });
  }

  async #rest(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#stopping.signal }).catch(() => {});
  }
}

/** The first token above all that this agent acted on in a cell. */
export function nextToken(marks: Marks, cell: string): Fence {
  const mark = Object.hasOwn(marks.cells, cell) ? marks.cells[cell] : undefined;
  return { epoch: marks.epoch, n: mark?.epoch === marks.epoch ? mark.n + 1 : 1 };
}

/** Whether what was wished before brings back all that is wished now. */
function covers(before: Scope, wish: Scope, cell: string): boolean {
  const whole = (scope: Scope): boolean => scope.kind === 'all' || (scope.kind === 'cell' && scope.cell === cell);
  return whole(before) || JSON.stringify(before) === JSON.stringify(wish);
}

function nothing(cell: string): never {
  throw new Error(`nothing was begun in cell ${cell} that could be taken back`);
}
