/**
 * Checks a history entry by entry, in the time that the entry takes. It needs the log and the plans alone, so it holds
 * over what a real control plane recorded as well as over the simulator's.
 */
import type { CellState, Digest, HypercareEvent, Instant, PromotionEvent, RolloutEvent } from '@headgate/domain';
import { openPromotion, seePromotion } from './check-promotion.ts';
import { openRollout, seeRollout } from './check-rollout.ts';
import { DeclaredFacts } from './declared-facts.ts';
import type { Invariant } from './invariants.ts';
import { indexOfPlan } from './plan-index.ts';
import type { HistoryDocuments, Recorded, Violation } from './recorded.ts';
import type { PromotionTrack, RolloutTrack } from './tracks.ts';

export interface HistoryOptions {
  /** How much time may pass from a decision to its commit. Milliseconds; for real logs, what a transaction may take. */
  readonly slackMs: number;
}

/** An agent's observation older than this says nothing about now (design: hypercare). Milliseconds. */
const OBSERVATION_MAX_AGE_MS = 900_000;

export class HistoryChecker {
  readonly violations: Violation[] = [];
  readonly promotions = new Map<string, PromotionTrack>();
  readonly rollouts = new Map<string, RolloutTrack>();
  /** The rollout that holds a cell. */
  readonly active = new Map<string, RolloutTrack>();
  readonly facts: DeclaredFacts;
  readonly #documents: HistoryDocuments;
  readonly #slackMs: number;
  readonly #versions = new Map<string, number>();
  readonly #cells = new Map<string, Pick<CellState, 'slots' | 'stores'>>();
  readonly #observed = new Map<string, Instant>();
  #entry: Recorded | undefined;

  constructor(documents: HistoryDocuments, options: HistoryOptions) {
    this.#documents = documents;
    this.#slackMs = options.slackMs;
    this.facts = new DeclaredFacts(documents);
  }

  /** Reports a violation at the entry at hand; also for those who check the world besides the log. */
  readonly report = (invariant: Invariant, why: string): void => {
    const { stream = '', version = 0, at = 0 } = this.#entry ?? {};
    this.violations.push({ invariant, why, stream, version, at });
  };

  see(entry: Recorded): void {
    this.#entry = entry;
    const { stream, version, type } = entry;
    const before = this.#versions.get(stream) ?? 0;
    if (version !== before + 1) this.report('on-the-log-once', `version ${version} follows version ${before}`);
    this.#versions.set(stream, version);
    if (type.startsWith('rollout.')) this.#rollout(entry);
    else if (type.startsWith('promotion.')) this.#promotion(entry);
    else if (type.startsWith('cell.')) this.#cell(entry);
    else if (type.startsWith('hypercare.')) this.#hypercare(entry);
    else this.facts.see(entry);
  }

  #promotion(entry: Recorded): void {
    if (entry.type === 'promotion.requested') {
      const data = entry.data as Extract<PromotionEvent, { type: 'promotion.requested' }>['data'];
      const plan = this.#documents.plan(data.plan);
      if (plan === undefined) this.report('plan-order', `plan ${data.plan} is nowhere`);
      else this.promotions.set(entry.stream, openPromotion(data, indexOfPlan(plan)));
      return;
    }
    const track = this.promotions.get(entry.stream);
    if (track !== undefined) seePromotion(track, entry, this.facts, this.#slackMs, this.report);
  }

  #rollout(entry: Recorded): void {
    if (entry.type === 'rollout.opened') {
      this.#openRollout(entry);
      return;
    }
    const track = this.rollouts.get(entry.stream);
    if (track === undefined) {
      this.report('on-the-log-once', `${entry.type} of a rollout that was never opened`);
      return;
    }
    seeRollout(track, entry, this.facts, this.report);
    if (track.phase === 'settled' && this.active.get(track.cell.cell) === track) this.active.delete(track.cell.cell);
  }

  #openRollout(entry: Recorded): void {
    const data = entry.data as Extract<RolloutEvent, { type: 'rollout.opened' }>['data'];
    const promotion = this.promotions.get(`promotion/${data.promotion}`);
    const held = this.active.get(data.cell);
    if (held !== undefined) this.report('one-active-rollout', `cell ${data.cell} is held by ${held.id}`);
    if (promotion === undefined) {
      this.report('plan-order', `promotion ${data.promotion} is nowhere`);
      return;
    }
    const track = openRollout(data, promotion, this.report);
    if (track === undefined) return;
    this.rollouts.set(entry.stream, track);
    this.active.set(data.cell, track);
    const known = this.#cells.get(data.cell);
    if (known !== undefined && !sameCell(known, track.cell.base))
      this.report('plan-order', `cell ${data.cell} is not in the state that the plan was made for`);
  }

  #cell(entry: Recorded): void {
    const { type } = entry;
    const cell = entry.stream.slice('cell/'.length);
    const data = entry.data as Pick<CellState, 'slots' | 'stores'> & { settles?: boolean; uncertain?: boolean };
    if (entry.type === 'cell.observed') {
      this.#observed.set(cell, entry.at);
      if (data.settles !== true) return;
    }
    // What was asked and answered after a restore changes nothing by itself.
    if (READINGS.has(type) && data.settles !== true) return;
    // What is uncertain is known again with the next observation; nothing may be built on it meanwhile.
    if (data.uncertain === true) this.#cells.set(cell, UNCERTAIN);
    else this.#cells.set(cell, data);
  }

  #hypercare(entry: Recorded): void {
    const { type, data } = entry as unknown as HypercareEvent;
    const sound = type === 'hypercare.stage-passed' || (type === 'hypercare.ended' && data.result === 'sound');
    if (type === 'hypercare.begun') this.#watched.set(entry.stream, data.cells);
    if (!sound) return;
    for (const cell of this.#watched.get(entry.stream) ?? []) {
      const at = this.#observed.get(cell);
      if (at === undefined || entry.at - at > OBSERVATION_MAX_AGE_MS + this.#slackMs)
        this.report('data-not-missing', `a watch passed although nobody observed cell ${cell} lately`);
    }
  }
  readonly #watched = new Map<string, readonly string[]>();
}

const READINGS: ReadonlySet<string> = new Set(['cell.read-back', 'cell.asked', 'cell.answered']);
const UNCERTAIN: Pick<CellState, 'slots' | 'stores'> = { slots: { '': {} }, stores: {} };

function sameCell(a: Pick<CellState, 'slots' | 'stores'>, b: Pick<CellState, 'slots' | 'stores'>): boolean {
  const slots = Object.keys(a.slots);
  if (slots.length !== Object.keys(b.slots).length) return false;
  for (const name of slots) {
    const release: Digest | undefined = a.slots[name]?.release?.digest;
    if (release !== b.slots[name]?.release?.digest) return false;
  }
  // A cell with very many stores is on the log without them.
  return Object.keys(a.stores ?? {}).every((name) => a.stores[name]?.schemaVersion === b.stores[name]?.schemaVersion);
}

/** Checks a whole history, in the order of its entries; `slackMs` as in {@link HistoryOptions}. */
export function checkHistory(
  entries: Iterable<Recorded>,
  documents: HistoryDocuments,
  options: HistoryOptions = { slackMs: 30_000 },
): readonly Violation[] {
  const checker = new HistoryChecker(documents, options);
  for (const entry of entries) checker.see(entry);
  return checker.violations;
}
