/**
 * Reads the log in the order of its places and queues what is to be sent. Where it stands, what it queues and what it
 * folds is one commit on one row's version: a server that dies misses nothing, and several servers queue nothing twice.
 * Entries that are no news move its place in memory alone, or each note of its own would be the next entry to read.
 */
import {
  type Delivery,
  type DeliveryEvent,
  decideDeliveries,
  dueOfDelivery,
  evolveDelivery,
  type Messages,
  NOTHING_READ,
  type Noted,
  type NotifierState,
  type Rule,
} from '@headgate/domain';
import type { Deps } from '../deps.ts';
import type { Plans } from '../facts.ts';
import type { LogStore } from '../ports/log.ts';
import type { Row, Write } from '../ports/store.ts';
import { streams } from '../records.ts';
import { newsAmong, noted } from './news.ts';
import { loadRules } from './rules.ts';

/** Entries that are read at a time. */
const BATCH = 500;
/** Rows that one commit writes at most. */
const MOST_WRITES = 900;
/** The stored place is moved after so many entries without news, so that a restart doesn't read them all again. */
const MOST_UNSAVED = 1_000;

/** The cursor's row; with `after`, rules up to that one have heard of the entry at `place`. */
type Stored = NotifierState & { readonly after?: string };

export class Notifier {
  readonly #deps: Deps;
  readonly #log: LogStore;
  readonly #plans: Plans;
  readonly #source: string;
  /** Read by this process, without news since the stored place. */
  #seen = 0;

  /** `source` is the installation's name in CloudEvents. */
  constructor(deps: Deps, log: LogStore, plans: Plans, source: string) {
    this.#deps = deps;
    this.#log = log;
    this.#plans = plans;
    this.#source = source;
  }

  /** One round; true when there may be more to read. */
  async round(): Promise<boolean> {
    const { store } = this.#deps;
    const row = (await store.load([streams.notifier])).get(streams.notifier) as Row<Stored> | undefined;
    if (row === undefined) return this.#begin();
    const from = Math.max(row.state.place, row.state.after === undefined ? this.#seen : 0);
    const entries = await this.#log.entries(from, BATCH);
    const news = newsAmong(entries);
    const end = from + entries.length;
    if (news.length === 0) {
      this.#seen = end;
      if (end - row.state.place >= MOST_UNSAVED) await this.#save(row, { ...row.state, place: end }, [], []);
    } else {
      const told = await noted(store, this.#plans, news);
      if (told.length > 0) await this.#tell(row, told, end, news.length - told.length);
      else {
        const { after: _, ...state } = row.state;
        await this.#save(row, { ...state, place: end }, [], [], news.length);
      }
    }
    return news.length > 0 || entries.length === BATCH;
  }

  /** A control plane that is new to this tells nothing of what was before. */
  async #begin(): Promise<boolean> {
    const place = (await this.#log.head())?.size ?? 0;
    const state: Stored = { ...NOTHING_READ, place };
    const entries = [{ type: 'notifier.began', data: { place } }];
    await this.#deps.store.commit({
      by: 'sys',
      writes: [{ stream: streams.notifier, expected: 0, entries, state, dueAt: null }],
    });
    return true;
  }

  /** Tells as many entries, or of one entry as many rules, as one commit holds. */
  async #tell(row: Row<Stored>, all: readonly Noted[], end: number, leftOut: number): Promise<void> {
    const now = await this.#deps.store.now();
    const { after, ...before } = row.state;
    const rules = await loadRules(this.#deps.store, now, after);
    let told = after === undefined ? all : all.slice(0, 1);
    let hearing = rules;
    for (;;) {
      const place = told.length === all.length ? end : (told.at(-1)?.place as number) + 1;
      const decided = await this.#decide(before, told, place, hearing, now);
      if (decided.queued.length + decided.folds.length <= MOST_WRITES) {
        const last = hearing.length === rules.length;
        const { promotions, place: from } = before;
        const state: Stored = last
          ? decided.state
          : { ...decided.state, promotions, place: told[0]?.place ?? from, after: hearing.at(-1)?.name as string };
        await this.#save(row, state, decided.queued, decided.folds, leftOut);
        return;
      }
      if (told.length > 1) told = told.slice(0, Math.ceil(told.length / 2));
      else hearing = hearing.slice(0, Math.ceil(hearing.length / 2));
    }
  }

  /** Decides, and anew when a message that was to take more in is on its way by now. */
  async #decide(before: NotifierState, told: readonly Noted[], place: number, rules: readonly Rule[], now: number) {
    const closed = new Set<string>();
    for (;;) {
      const decided = decideDeliveries(before, told, place, { now, rules, closed, source: this.#source });
      const rows = await this.#deps.store.load(decided.folds.map(({ id }) => this.#stream(id)));
      const late = decided.folds.filter(({ id }) => {
        const delivery = rows.get(this.#stream(id))?.state as Delivery | undefined;
        return delivery?.phase !== 'waiting' || delivery.attempt > 0;
      });
      if (late.length === 0) return decided;
      for (const { id } of late) closed.add(id);
    }
  }

  /** A conflict changes nothing: somebody else told it, or a message left; the next round reads on from what is stored. */
  async #save(
    row: Row<Stored>,
    state: Stored,
    queued: Messages['queued'],
    folds: Messages['folds'],
    leftOut = 0,
  ): Promise<void> {
    const { store } = this.#deps;
    const rows = await store.load(folds.map(({ id }) => this.#stream(id)));
    const writes: Write[] = queued.map((each) => {
      const stream = this.#stream(each.id);
      const id = stream.slice(stream.indexOf('/') + 1);
      return deliveryWrite(stream, undefined, { type: 'delivery.queued', data: { ...each, id } });
    });
    for (const { id, items, more } of folds) {
      const stream = this.#stream(id);
      writes.push(
        deliveryWrite(stream, rows.get(stream) as Row<Delivery>, { type: 'delivery.folded', data: { more, items } }),
      );
    }
    const { place } = state;
    const entry = { type: 'notifier.read', data: { place, queued: queued.length, folded: folds.length, leftOut } };
    writes.push({ stream: row.stream, expected: row.version, entries: [entry], state, dueAt: null });
    const committed = await store.commit({ by: 'sys', writes });
    if (committed.ok) this.#seen = Math.max(this.#seen, place);
  }

  /** The decider names messages by what they are about; outside they have short names that are as much the same. */
  #stream(id: string): string {
    return streams.delivery(`msg_${this.#deps.digestOf(id).slice(7, 39)}`);
  }
}

/** The write that puts an event on a delivery. */
export function deliveryWrite(stream: string, row: Row<Delivery> | undefined, event: DeliveryEvent): Write {
  const state = evolveDelivery(row?.state, event);
  const parent = state.promotion === undefined ? {} : { parent: streams.promotion(state.promotion) };
  return { stream, expected: row?.version ?? 0, entries: [event], state, dueAt: dueOfDelivery(state), ...parent };
}
