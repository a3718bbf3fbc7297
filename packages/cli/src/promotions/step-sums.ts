/**
 * Steps of many cells, told so that a person can read it: of each step the first cells one by one, and what failed or asks;
 * the rest as a sum, at most so often, and once more when nothing is left to come. 500 cells of ten steps are 15,000 entries
 * of the log and a few hundred lines. Pure: the time is given.
 */
import type { StepStands } from './event-words.ts';

/** Cells of a step that are told one by one. */
const ONE_BY_ONE = 5;
/** Cells that failed or ask, or wait, of which each is told, in one step. */
const MOST_TROUBLE = 10;
/** From one sum of a step to its next: doubled each time, so that a step of hours isn't told hundreds of times. Milliseconds. */
const FIRST_MS = 10_000;
const LAST_MS = 160_000;

interface Told {
  readonly promotion: string;
  readonly id: string;
  readonly cells: Map<string, StepStands>;
  readonly oneByOne: Set<string>;
  trouble: number;
  /** Whether something happened that no line says yet. */
  untold: boolean;
  everyMs: number;
  nextAt: number;
}

export interface Sum {
  readonly promotion: string;
  readonly words: string;
}

export class StepSums {
  readonly #steps = new Map<string, Told>();

  /** Notes what a step of a cell came to; whether it has a line of its own. */
  tell(promotion: string, cell: string, id: string, how: StepStands, now: number): boolean {
    const key = `${promotion} ${id}`;
    let step = this.#steps.get(key);
    if (step === undefined) {
      step = {
        promotion,
        id,
        cells: new Map(),
        oneByOne: new Set(),
        trouble: 0,
        untold: false,
        everyMs: FIRST_MS,
        nextAt: now + FIRST_MS,
      };
      this.#steps.set(key, step);
    }
    step.cells.set(cell, how);
    if (step.oneByOne.size < ONE_BY_ONE) step.oneByOne.add(cell);
    if (step.oneByOne.has(cell)) return true;
    if (how !== 'at work' && how !== 'done' && step.trouble < MOST_TROUBLE) {
      step.trouble += 1;
      return true;
    }
    step.untold = true;
    return false;
  }

  /** Sums whose time has come. */
  due(now: number): readonly Sum[] {
    return this.#sums((step) => now >= step.nextAt, now);
  }

  /** What no line says yet, of one promotion or of all: before something that it led to, and at the end. */
  rest(now: number, promotion?: string): readonly Sum[] {
    return this.#sums((step) => promotion === undefined || step.promotion === promotion, now);
  }

  /** A promotion ended: nothing comes of it any more. */
  forget(promotion: string): void {
    for (const [key, step] of this.#steps) if (step.promotion === promotion) this.#steps.delete(key);
  }

  #sums(which: (step: Told) => boolean, now: number): readonly Sum[] {
    const sums: Sum[] = [];
    for (const step of this.#steps.values()) {
      if (!step.untold || !which(step)) continue;
      step.untold = false;
      step.everyMs = Math.min(LAST_MS, step.everyMs * 2);
      step.nextAt = now + step.everyMs;
      sums.push({ promotion: step.promotion, words: words(step) });
    }
    return sums;
  }
}

const ORDER: readonly StepStands[] = ['done', 'at work', 'waits', 'asks', 'failed'];

function words({ id, cells }: Told): string {
  const counts = new Map<StepStands, number>();
  for (const how of cells.values()) counts.set(how, (counts.get(how) ?? 0) + 1);
  const parts = ORDER.filter((how) => counts.has(how)).map(
    (how) => `${counts.get(how)} ${how === 'failed' ? 'FAILED' : how}`,
  );
  return `${id} in ${cells.size} cells: ${parts.join(', ')}`;
}
