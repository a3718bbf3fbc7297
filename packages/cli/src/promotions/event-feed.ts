import type { LogEvent, Rollout } from '@headgate/contract';
import { instant, printable } from '../output.ts';
import { eventWords, type StepStands } from './event-words.ts';
import { StepSums } from './step-sums.ts';

/** Names and times that are kept at most; what is older is told without them. */
const MOST_KEPT = 20_000;

/** How long somebody waits for a sum at most. Milliseconds. */
export const SUM_EVERY_MS = 1_000;

/** Entries of the log as lines: time, promotion and cell, what and why, who. Headgate's own doings have no "by". */
export class EventFeed {
  readonly #sums = new StepSums();
  readonly #names = new Map<string, string>();
  readonly #since = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Says what a promotion is called, where its beginning isn't among the entries; without a release: nobody can tell. */
  name(promotion: string, release?: string, environment = ''): void {
    if (this.#names.size < MOST_KEPT)
      this.#names.set(promotion, release === undefined ? promotion : `${release} to ${environment}`);
  }

  /** The promotion that an entry is about, where nobody said what it is called: who joins in the middle asks. */
  unnamed(event: LogEvent): string | undefined {
    if (event.type === 'promotion.requested' || this.#names.size >= MOST_KEPT) return undefined;
    const promotion = eventWords(event)?.promotion;
    return promotion === undefined || this.#names.has(promotion) ? undefined : promotion;
  }

  /** The lines that an entry brings; none, while it is only counted, or nobody has to know. */
  tell(event: LogEvent): readonly string[] {
    const { type, data, stream, at, by } = event;
    if (type === 'promotion.requested') {
      const { id, release, environment } = data as { id: string; release: { version: string }; environment: string };
      this.name(id, release.version, environment);
    }
    const words = eventWords(event);
    if (words === undefined) return [];
    const { promotion, cell, step, what } = words;
    const took = this.#took(stream, type, at);
    const alone =
      step === undefined || promotion === undefined || cell === undefined
        ? true
        : this.#sums.tell(promotion, cell, step.id, step.how, this.#now());
    const lines = alone ? [this.#line(at, promotion, cell, `${what}${took}`, by)] : [];
    if (promotion === undefined || cell !== undefined) return lines;
    // What its cells came to stands before what it led to.
    const before = this.#written(this.#sums.rest(this.#now(), promotion), at);
    if (type === 'promotion.ended') {
      this.#sums.forget(promotion);
      this.#names.delete(promotion);
    }
    return [...before, ...lines];
  }

  /** What cells are at right now: for who comes in the middle, or comes back. */
  stand(rollouts: readonly Rollout[]): readonly string[] {
    const now = this.#now();
    return rollouts.flatMap((rollout) => {
      const stands = standsOf(rollout);
      if (stands === undefined || !this.#sums.tell(rollout.promotion, rollout.cell, ...stands.step, now)) return [];
      return [this.#line(now, rollout.promotion, rollout.cell, stands.what, stands.by)];
    });
  }

  /** A line of one's own about a promotion. */
  note(promotion: string, what: string): string {
    return this.#line(this.#now(), promotion, undefined, what, 'sys');
  }

  /** Sums whose time has come. */
  due(): readonly string[] {
    const now = this.#now();
    return this.#written(this.#sums.due(now), now);
  }

  /** What no line says yet, at the end. */
  rest(): readonly string[] {
    const now = this.#now();
    return this.#written(this.#sums.rest(now), now);
  }

  #took(stream: string, type: string, at: number): string {
    const from = this.#since.get(stream);
    if (type === 'rollout.leased' && this.#since.size < MOST_KEPT) this.#since.set(stream, at);
    else if (type !== 'rollout.leased') this.#since.delete(stream);
    const ends = type === 'rollout.step-done' || type === 'rollout.step-failed';
    return ends && from !== undefined ? ` (${((at - from) / 1_000).toFixed(1)} s)` : '';
  }

  #written(sums: ReturnType<StepSums['due']>, at: number): readonly string[] {
    return sums.map(({ promotion, words }) => this.#line(at, promotion, undefined, words, 'sys'));
  }

  #line(at: number, promotion: string | undefined, cell: string | undefined, what: string, by: string): string {
    const name = promotion === undefined ? undefined : (this.#names.get(promotion) ?? promotion);
    const where = [name, cell === undefined ? undefined : `cell ${cell}`].filter((each) => each !== undefined);
    const who = by === 'sys' ? '' : `  by ${by}`;
    return printable(`${instant(at)}  ${where.length === 0 ? '-' : where.join(', ')}  ${what}${who}`);
  }
}

type Stands = { readonly step: [id: string, how: StepStands]; readonly what: string; readonly by: string };

function standsOf({
  phase,
  step = '',
  agent = 'sys',
  why = '',
  question = '',
  promotion,
}: Rollout): Stands | undefined {
  switch (phase) {
    case 'leased':
      return { step: [step, 'at work'], what: `${step} at work`, by: agent };
    case 'failed':
      return { step: [step, 'failed'], what: `${step} FAILED: ${why}`, by: 'sys' };
    case 'asking':
      return {
        step: [step, 'asks'],
        what: `${step} ASKS: ${question} (headgate explain ${promotion} says how to answer)`,
        by: 'sys',
      };
    default:
      return undefined;
  }
}
