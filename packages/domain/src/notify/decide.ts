/**
 * What is to be sent, to whom and when. Nobody is told twice of the same, nobody is told in the night what can wait, and
 * many happenings of one kind are one message:
 *
 * - A message waits a moment for more of the same (promotion, audience, kind) before it goes, and takes it in.
 * - What is urgent goes within seconds, whatever the hour; when it goes on and on, it is gathered for longer and longer.
 * - What isn't urgent waits for the end of quiet hours, the digest's turn, or the end of an hour that had its share, and
 *   then comes as one message that says how much it holds.
 *
 * The state moves with the place on the log in one commit, so reading an entry again after a crash makes nothing twice.
 */
import type { Instant } from '../model/identity.ts';
import { cut } from '../model/text.ts';
import { cdEventsOf } from './cd-events.ts';
import { type Item, MOST_ITEMS, type QueuedDelivery } from './delivery.ts';
import { type Happening, happeningBeside, happeningOf, type Noted, type NotedPromotion } from './happening.ts';
import { concerns, ownTenants, type Rule } from './rule.ts';

export interface NotifierState {
  /** Entries before this place were read. */
  readonly place: number;
  /** Of open promotions: the last wave opened, and the wave for whose approval somebody was asked last. */
  readonly promotions: Readonly<Record<string, { readonly wave: number; readonly asked: number }>>;
  /** By key: the last message, and how many followed one another closely. */
  readonly open: Readonly<Record<string, OpenMessage>>;
  /** By rule and channel: messages of an hour. */
  readonly hours: Readonly<Record<string, { readonly hour: number; readonly made: number }>>;
}

export interface OpenMessage {
  readonly id: string;
  readonly dueAt: Instant;
  readonly run: number;
}

export const NOTHING_READ: NotifierState = { place: 0, promotions: {}, open: {}, hours: {} };

export interface Fold {
  /** Of the message that takes it in. */
  readonly id: string;
  readonly items: readonly Item[];
  readonly more: number;
}

export interface NotifyFacts {
  readonly now: Instant;
  readonly rules: readonly Rule[];
  /** Messages that take in nothing more, whatever their time says. */
  readonly closed: ReadonlySet<string>;
  /** This installation's name in CloudEvents. */
  readonly source: string;
}

export interface Messages {
  readonly state: NotifierState;
  readonly queued: readonly QueuedDelivery[];
  readonly folds: readonly Fold[];
}

const HOUR_MS = 3_600_000;
/** The longest that the first urgent message waits for more; each following one waits five times as long. */
const URGENT_MS = 2_000;
const URGENT_LONGEST_MS = 600_000;

/** Decides on entries in the order of their places; `place` is where reading goes on. */
export function decideDeliveries(
  state: NotifierState,
  entries: readonly Noted[],
  place: number,
  facts: NotifyFacts,
): Messages {
  const promotions = { ...state.promotions };
  const desk = new Desk(state, facts);
  for (const noted of entries) {
    if (noted.promotion === undefined) {
      const beside = happeningBeside(noted);
      if (beside !== undefined) desk.tell(beside);
      continue;
    }
    const { id } = noted.promotion;
    const before = promotions[id] ?? { wave: 0, asked: 0 };
    desk.events(noted);
    const happening = happeningOf(noted, before.wave);
    if (happening === undefined) continue;
    if (happening.approval !== undefined) {
      // Verdicts change while the same approval is waited for: that is no news.
      if (before.asked === before.wave + 1) continue;
      promotions[id] = { ...before, asked: before.wave + 1 };
    }
    desk.tell(happening);
    if (happening.kind === 'started') promotions[id] = { ...before, wave: happening.wave ?? before.wave };
    if (happening.kind === 'finished') delete promotions[id];
  }
  return { ...desk.result(), state: { ...desk.kept(), promotions, place } };
}

class Desk {
  readonly #facts: NotifyFacts;
  readonly #open: Record<string, OpenMessage>;
  readonly #hours: Record<string, { hour: number; made: number }>;
  readonly #queued = new Map<string, QueuedDelivery>();
  readonly #folds = new Map<string, Fold>();

  constructor(state: NotifierState, facts: NotifyFacts) {
    this.#facts = facts;
    this.#open = { ...state.open };
    this.#hours = { ...state.hours };
  }

  tell(happening: Happening): void {
    for (const rule of this.#facts.rules) {
      if (!concerns(rule, happening)) continue;
      const item = itemFor(rule, happening);
      for (const { name, format } of rule.channels) {
        if (format === 'message') this.#message(rule, name, happening, item);
      }
    }
  }

  events(noted: NotedPromotion): void {
    const { rules, source, now } = this.#facts;
    const wanted = rules.flatMap((rule) =>
      rule.channels.flatMap((c) => (c.format === 'cdevents' ? [{ rule, c }] : [])),
    );
    if (wanted.length === 0) return;
    const { id, environment } = noted.promotion;
    for (const [n, event] of cdEventsOf(noted, source).entries()) {
      for (const { rule, c } of wanted) {
        if (rule.environments.length > 0 && !rule.environments.includes(environment)) continue;
        const key = `${rule.name}/${c.name}/event/${noted.place}/${n}`;
        this.#queued.set(key, {
          ...{ id: key, rule: rule.name, channel: c.name, audience: rule.audience, about: 'event', urgent: false },
          ...{ promotion: id, items: [], count: 1, event, madeAt: now, dueAt: now },
        });
      }
    }
  }

  #message(rule: Rule, channel: string, happening: Happening, item: Item): void {
    const { now } = this.#facts;
    const to = `${rule.name}/${channel}`;
    const { kind, urgent, key: of } = happening;
    if (urgent) {
      const key = `${to}/${of}/${kind}/urgent`;
      const last = this.#open[key];
      const run = last !== undefined && last.dueAt + HOUR_MS > now ? last.run + 1 : 0;
      const first = Math.min(rule.gatherMs, URGENT_MS);
      const waitMs = run === 0 ? first : Math.min(URGENT_MS * 5 ** Math.min(run, 6), URGENT_LONGEST_MS);
      this.#put(key, rule, channel, happening, item, { about: kind, dueAt: now + waitMs, run });
      return;
    }
    const { quietUntil, digestMs } = rule;
    if (quietUntil !== undefined && quietUntil > now) {
      this.#digest(rule, channel, happening, item, quietUntil);
      return;
    }
    if (digestMs !== undefined) {
      const turn = (Math.floor(now / digestMs) + 1) * digestMs;
      this.#digest(rule, channel, happening, item, turn);
      return;
    }
    const key = `${to}/${of}/${kind}/${happening.about}`;
    if (!this.#takesMore(key) && !this.#countOne(to, rule)) {
      this.#digest(rule, channel, happening, item, (Math.floor(now / HOUR_MS) + 1) * HOUR_MS);
      return;
    }
    this.#put(key, rule, channel, happening, item, { about: kind, dueAt: now + rule.gatherMs, run: 0 });
  }

  #digest(rule: Rule, channel: string, happening: Happening, item: Item, dueAt: Instant): void {
    const key = `${rule.name}/${channel}/digest`;
    this.#put(key, rule, channel, happening, item, { about: 'digest', dueAt, run: 0 });
  }

  /** Takes one of the hour's share, if there is one left. */
  #countOne(to: string, rule: Rule): boolean {
    const hour = Math.floor(this.#facts.now / HOUR_MS);
    const held = this.#hours[to];
    const made = held?.hour === hour ? held.made : 0;
    if (made >= rule.mostPerHour) return false;
    this.#hours[to] = { hour, made: made + 1 };
    return true;
  }

  #takesMore(key: string): boolean {
    const open = this.#open[key];
    return open !== undefined && open.dueAt > this.#facts.now && !this.#facts.closed.has(open.id);
  }

  #put(
    key: string,
    rule: Rule,
    channel: string,
    happening: Happening,
    item: Item,
    as: { readonly about: QueuedDelivery['about']; readonly dueAt: Instant; readonly run: number },
  ): void {
    const open = this.#open[key];
    if (open !== undefined && this.#takesMore(key)) {
      this.#foldInto(open.id, item);
      return;
    }
    const id = `${key}/${happening.place}`;
    const { about, dueAt, run } = as;
    this.#open[key] = { id, dueAt, run };
    this.#queued.set(id, {
      ...{ id, rule: rule.name, channel, audience: rule.audience, about, urgent: happening.urgent },
      ...(about === 'digest' || happening.promotion === undefined ? {} : { promotion: happening.promotion.id }),
      ...{ items: [item], count: 1, madeAt: this.#facts.now, dueAt },
    });
  }

  #foldInto(id: string, item: Item): void {
    const fresh = this.#queued.get(id);
    if (fresh !== undefined) {
      const items = [...fresh.items, item].slice(0, MOST_ITEMS);
      this.#queued.set(id, { ...fresh, items, count: fresh.count + 1 });
      return;
    }
    const fold = this.#folds.get(id) ?? { id, items: [], more: 0 };
    this.#folds.set(id, { id, items: [...fold.items, item].slice(0, MOST_ITEMS), more: fold.more + 1 });
  }

  result(): Pick<Messages, 'queued' | 'folds'> {
    return { queued: [...this.#queued.values()], folds: [...this.#folds.values()] };
  }

  /** What later decisions need: messages that may still take something in, or whose run isn't over. */
  kept(): Pick<NotifierState, 'open' | 'hours'> {
    const { now } = this.#facts;
    const open = Object.entries(this.#open).filter(
      ([key, { dueAt }]) => dueAt > now || (key.endsWith('/urgent') && dueAt + HOUR_MS > now),
    );
    const hours = Object.entries(this.#hours).filter(([, { hour }]) => hour === Math.floor(now / HOUR_MS));
    return { open: Object.fromEntries(open), hours: Object.fromEntries(hours) };
  }
}

/** So many of a customer's tenants are named in a message. */
const MOST_NAMED = 20;
/** Of a person's or an agent's words, as much as a message shows. Characters. */
const MOST_WORDS = 400;

function itemFor(rule: Rule, happening: Happening): Item {
  const { kind, at, promotion, words, cell, wave, result, of } = happening;
  const shown = { happening: kind, at, ...of };
  if (rule.audience === 'customers') {
    const tenants = ownTenants(rule, happening).map((tenant) => tenant.slice(tenant.indexOf('/') + 1));
    return { ...shown, ...(result !== undefined && { result }), tenants: tenants.slice(0, MOST_NAMED) };
  }
  return {
    ...shown,
    ...(promotion !== undefined && { promotion: promotion.id }),
    words: cut(words, MOST_WORDS),
    ...(cell !== undefined && { cell }),
    ...(wave !== undefined && { wave }),
    ...(result !== undefined && { result }),
  };
}
