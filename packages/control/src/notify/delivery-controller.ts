/**
 * Sends what is due. Each attempt is on the log before it is made, and what came of it after; in between, the row is due
 * again when the attempt's time runs out, so a server that dies in the middle leaves it to whoever looks next. The
 * sending itself doesn't hold up the tick: rollouts are ticked beside it.
 */
import {
  afterAttempt,
  afterCall,
  type Circuit,
  CLOSED,
  type Delivery,
  type DeliveryEvent,
  type Instant,
  MOST_ATTEMPTS,
  mayCall,
} from '@headgate/domain';
import type { Controller } from '../controllers/tick.ts';
import type { Deps } from '../deps.ts';
import type { Courier } from '../ports/courier.ts';
import type { Committed, Row } from '../ports/store.ts';
import { deliveryWrite } from './notifier.ts';
import { type FoundChannel, loadChannel } from './rules.ts';

/** An attempt that wasn't settled by then is lost. Longer than a courier takes. Milliseconds. */
const ATTEMPT_MS = 15_000;
/** On their way at a time, in all and to one channel: one receiver that takes its time doesn't hold up the others. */
const MOST_ON_THE_WAY = 64;
const MOST_TO_ONE = 8;
const BUSY_MS = 250;

export interface DeliveryOptions {
  readonly courier: Courier;
  /** From 0 to 1, at random. */
  readonly chance: () => number;
  readonly onError: (stream: string, error: unknown) => void;
}

export class DeliveryController implements Controller {
  readonly kind = 'delivery';
  readonly #deps: Deps;
  readonly #options: DeliveryOptions;
  readonly #circuits = new Map<string, Circuit>();
  readonly #onTheWay = new Map<Promise<void>, string>();
  readonly #stop = new AbortController();

  constructor(deps: Deps, options: DeliveryOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  async tick(row: Row, now: Instant): Promise<Committed> {
    const delivery = row.state as Delivery;
    const given = row as Row<Delivery>;
    const found = await loadChannel(this.#deps.store, delivery.rule, delivery.channel, now);
    if (typeof found === 'string') return this.#giveUp(given, found, now);
    // What was gathered into quiet hours, or failed until they began, waits for their end like the rest.
    const canWait = !delivery.urgent && delivery.about !== 'event';
    if (canWait && found.quietUntil !== undefined) return this.#later(given, found.quietUntil);
    const late = delivery.giveUpAt <= now;
    if (delivery.attempt > 0 && late) return this.#giveUp(given, 'it could not be sent in time', now);
    if (delivery.attempt >= MOST_ATTEMPTS) return this.#giveUp(given, 'nothing is known of its last attempts', now);
    const key = `${delivery.rule}/${delivery.channel}`;
    const may = mayCall(this.#circuits.get(key) ?? CLOSED, now);
    if (!may.may) {
      return late ? this.#giveUp(given, 'its channel fails', now) : this.#later(given, may.lookAt);
    }
    const toOne = [...this.#onTheWay.values()].filter((to) => to === key).length;
    if (this.#stop.signal.aborted || this.#onTheWay.size >= MOST_ON_THE_WAY || toOne >= MOST_TO_ONE)
      return this.#later(given, now + BUSY_MS);
    this.#circuits.set(key, may.circuit);
    const attempted: DeliveryEvent = {
      type: 'delivery.attempted',
      data: { attempt: delivery.attempt + 1, until: now + ATTEMPT_MS },
    };
    const write = deliveryWrite(row.stream, given, attempted);
    const committed = await this.#deps.store.commit({ by: 'sys', writes: [write] });
    if (!committed.ok) return committed;
    const sending = { ...given, version: row.version + 1, state: write.state as Delivery };
    const way = this.#send(sending, found, key, now)
      .catch((error: unknown) => this.#options.onError(row.stream, error))
      .finally(() => this.#onTheWay.delete(way));
    this.#onTheWay.set(way, key);
    return committed;
  }

  /** Ends what is on its way: what isn't settled is sent again, by whoever looks next. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#onTheWay.keys());
  }

  async #send(row: Row<Delivery>, to: FoundChannel, key: string, at: Instant): Promise<void> {
    const { store } = this.#deps;
    const { channel, overrides } = to;
    const { courier } = this.#options;
    const outcome = await courier.send({ delivery: row.state, channel, overrides, at }, this.#stop.signal);
    if (this.#stop.signal.aborted && outcome.kind !== 'delivered') return;
    const now = await store.now();
    const circuit = this.#circuits.get(key) ?? CLOSED;
    this.#circuits.set(key, afterCall(circuit, outcome.kind !== 'failed', now));
    // A conflict: the attempt's time had run out, and somebody else makes another.
    await this.#commit(row, afterAttempt(row.state, outcome, now, this.#options.chance()));
  }

  #giveUp(row: Row<Delivery>, why: string, at: Instant): Promise<Committed> {
    const because = row.state.why === undefined ? why : `${why}: ${row.state.why}`;
    return this.#commit(row, { type: 'delivery.given-up', data: { why: because, at } });
  }

  #commit(row: Row<Delivery>, event: DeliveryEvent): Promise<Committed> {
    return this.#deps.store.commit({ by: 'sys', writes: [deliveryWrite(row.stream, row, event)] });
  }

  async #later(row: Row<Delivery>, dueAt: Instant): Promise<Committed> {
    await this.#deps.store.postpone(row.stream, row.version, dueAt, row.dueAt);
    return { ok: true };
  }
}
