/** A promotion that is rehearsed, as its entries of the log come in. */
import type { LogEvent } from '@headgate/contract';
import type { RehearsedWith, TurningPoint } from '@headgate/documents';

/** Entries that are kept; a few hundred cells with tens of steps make as many. */
const MOST_ENTRIES = 200_000;

export class RehearsedPromotion {
  readonly id: string;
  readonly #turning: TurningPoint;
  readonly #entries: RehearsedWith['entries'][number][] = [];
  readonly #taken = new Set<string>();
  readonly #done = new Set<string>();
  #overfull = false;
  #stands: 'waits' | 'forward' | 'back' | 'held' | 'ended' = 'waits';

  constructor(id: string, turning: TurningPoint) {
    this.id = id;
    this.#turning = turning;
  }

  get entries(): RehearsedWith['entries'] {
    return this.#entries;
  }

  /** Whether it had more entries than are kept: what they say isn't known. */
  get overfull(): boolean {
    return this.#overfull;
  }

  /** `held`: a part of it went back, and somebody has to say what becomes of the rest. */
  get stands(): 'waits' | 'forward' | 'back' | 'held' | 'ended' {
    return this.#stands;
  }

  /** Whether any wave of it opened. */
  get begun(): boolean {
    return this.#entries.some(({ type }) => type === 'promotion.wave-opened');
  }

  /** Whether all of it is done but the soak of its last wave, which is at hand: now it can be taken back whole, and not later. */
  get isAtItsTurn(): boolean {
    if (this.#stands !== 'forward' || this.#turning.last.size === 0) return false;
    return [...this.#turning.last].every(([cell, { step, soak }]) =>
      (soak ? this.#taken : this.#done).has(`${cell} ${step}`),
    );
  }

  /** Takes up an entry; false where it is about something else. */
  see(place: number, { stream, type, at, by, data }: LogEvent): boolean {
    const own = stream === `promotion/${this.id}`;
    const rollout = `rollout/${this.id}.`;
    if (!own && !stream.startsWith(rollout)) return false;
    // Told once more by a stream that was opened again.
    if (place <= (this.#entries.at(-1)?.place ?? -1)) return false;
    if (this.#entries.length < MOST_ENTRIES) this.#entries.push({ place, stream, type, at, by, data });
    else this.#overfull = true;
    const cell = stream.slice(rollout.length);
    if (type === 'rollout.leased') this.#taken.add(`${cell} ${data.step}`);
    if (type === 'rollout.step-done') this.#done.add(`${cell} ${data.step}`);
    if (own) this.#stands = STANDS[type] ?? this.#stands;
    return true;
  }
}

const STANDS: Readonly<Record<string, RehearsedPromotion['stands']>> = {
  'promotion.waiting': 'waits',
  'promotion.wave-opened': 'forward',
  'promotion.go-asked': 'waits',
  'promotion.go': 'forward',
  'promotion.paused': 'waits',
  'promotion.resumed': 'forward',
  'promotion.rollback-decided': 'back',
  'promotion.overtaken': 'back',
  'promotion.held': 'held',
  'promotion.kept': 'ended',
  'promotion.ended': 'ended',
};
