import { setTimeout as sleep } from 'node:timers/promises';
import type { Counted } from '@headgate/adapters/control/postgres/index';
import { type PromotionResult, VAULT_STATES } from '@headgate/domain';
import { Counter, Gauge, type Registry } from 'prom-client';
import { STANDBY_STATES, standbysOf } from './standing-standbys.ts';
import { vaultsOf } from './standing-vaults.ts';

/** Scrapes within this share one look: several Prometheus servers, and whoever presses reload, cost the database one. */
const FRESH_MS = 5_000;
/** A scrape waits no longer for the database, and then has no figures of it. */
const PATIENCE_MS = 3_000;

const RESULTS: readonly PromotionResult[] = [
  'promoted',
  'rolled-back',
  'partly-rolled-back',
  'superseded',
  'rejected',
  'expired',
];
const OF = ['environment', 'application'] as const;

/**
 * How things stand in the whole installation, of which every server says the same. Labels are what there are few of, as long
 * as people declare it: environments, applications, phases, results. What can't be counted is absent, never zero.
 */
export class StandingMetrics {
  readonly #count: () => Promise<Counted>;
  readonly #now: () => number;
  readonly #known: Gauge;
  readonly #metrics: readonly { readonly metric: Gauge | Counter; readonly take: (counted: Counted) => void }[];
  #asked: Promise<void> | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(registry: Registry, count: () => Promise<Counted>, now = () => performance.now()) {
    this.#count = count;
    this.#now = now;
    const registers = [registry];
    const gauge = <T extends string>(name: string, help: string, labelNames: readonly T[] = []) =>
      new Gauge<T>({ name: `headgate_${name}`, help, labelNames, registers });
    const counter = <T extends string>(name: string, help: string, labelNames: readonly T[]) =>
      new Counter<T>({ name: `headgate_${name}`, help, labelNames, registers });
    this.#known = gauge('standing_known', '1 while the figures of the whole installation could be counted');

    const open = gauge('promotions_open', 'Promotions that have yet to end', [...OF, 'phase']);
    const back = gauge('promotions_going_back', 'Open promotions of which something was decided to go back', OF);
    const approvals = gauge('approvals_waiting', 'Promotions that wait for an approval', OF);
    const oldest = gauge('approval_oldest_seconds', 'How long the longest of them has waited', OF);
    const ended = counter('promotions_ended_total', 'Promotions that ended, by result', [...OF, 'result']);
    const rollbacks = counter('rollbacks_total', 'Promotions that ended rolled back, wholly or in part', OF);
    const freezes = gauge('freezes_active', 'Freezes that hold now: all, an environment, application:NAME', ['scope']);
    const agents = gauge('agents', 'Agents by whether they said what they see in the last ten minutes', [
      'environment',
      'state',
    ]);
    const unsent = gauge('deliveries_unsent', 'Messages that are neither sent nor given up');
    const unsentAge = gauge('delivery_oldest_seconds', 'Age of the oldest of them');
    const unplaced = gauge('log_entries_unplaced', 'Entries that wait for their place on the log');
    const unplacedAge = gauge('log_unplaced_oldest_seconds', 'Age of the oldest of them');
    const assignments = gauge('rollouts_active', 'Rollouts that hold a cell', ['environment', 'phase']);
    const overdue = gauge('assignments_overdue', 'Steps that no agent takes, or whose lease ran out', [
      'environment',
      'phase',
    ]);
    const lag = gauge('due_lag_seconds', 'For how long the longest waiting row has been due');

    const standbys = gauge('standbys', 'Standbys of stores by how they stand: ready, not-ready, unseen', [
      'environment',
      'state',
    ]);
    const standbyLag = gauge('standby_lag_seconds', 'How far the last of those that follow is behind, at most', [
      'environment',
    ]);
    const standbyBytes = gauge('standby_lag_bytes', 'How much the last of those that follow has not replayed', [
      'environment',
    ]);
    const standbyAge = gauge('standby_look_age_seconds', 'Age of the oldest look at a standby', ['environment']);

    const vaults = gauge('vault_stores', 'Stores by what could be brought back: none, gap, exposed, unseen, kept', [
      'environment',
      'state',
    ]);
    const vaultLost = gauge('vault_lost_seconds', 'What would be lost now of the store of which most would, at most', [
      'environment',
    ]);

    this.#metrics = [
      { metric: open, take: (c) => c.open.forEach(({ back: _, count: n, ...of }) => void open.inc(of, n)) },
      {
        metric: back,
        take: (c) =>
          c.open.forEach(({ environment, application, back: n }) => void back.inc({ environment, application }, n)),
      },
      {
        metric: approvals,
        take: (c) => c.approvals.forEach(({ count: n, oldestMs: _, ...of }) => void approvals.set(of, n)),
      },
      {
        metric: oldest,
        take: (c) => c.approvals.forEach(({ count: _, oldestMs, ...of }) => void oldest.set(of, oldestMs / 1_000)),
      },
      {
        metric: ended,
        take: (c) => {
          // From zero: a counter that appears with its first count has never risen, and no alert sees it.
          for (const of of c.environments) for (const result of RESULTS) ended.inc({ ...of, result }, 0);
          for (const { count: n, ...of } of c.ended) ended.inc(of, n);
        },
      },
      {
        metric: rollbacks,
        take: (c) => {
          for (const of of c.environments) rollbacks.inc({ ...of }, 0);
          for (const { count: n, result, ...of } of c.ended) if (result.endsWith('rolled-back')) rollbacks.inc(of, n);
        },
      },
      { metric: freezes, take: (c) => c.freezes.forEach(({ count: n, ...of }) => void freezes.set(of, n)) },
      { metric: agents, take: (c) => c.agents.forEach(({ count: n, ...of }) => void agents.set(of, n)) },
      { metric: unsent, take: (c) => unsent.set(c.deliveries.count) },
      { metric: unsentAge, take: (c) => unsentAge.set(c.deliveries.oldestMs / 1_000) },
      { metric: unplaced, take: (c) => unplaced.set(c.unplaced.count) },
      { metric: unplacedAge, take: (c) => unplacedAge.set(c.unplaced.oldestMs / 1_000) },
      {
        metric: assignments,
        take: (c) => c.assignments.forEach(({ count: n, overdue: _, ...of }) => void assignments.set(of, n)),
      },
      {
        metric: overdue,
        take: (c) => c.assignments.forEach(({ count: _, overdue: n, ...of }) => void overdue.set(of, n)),
      },
      {
        metric: standbys,
        take: (c) => {
          for (const { environment, counts } of standbysOf(c))
            for (const state of STANDBY_STATES) standbys.set({ environment, state }, counts[state]);
        },
      },
      {
        metric: standbyLag,
        take: (c) =>
          standbysOf(c).forEach(({ environment, lagMs }) => {
            if (lagMs !== undefined) standbyLag.set({ environment }, lagMs / 1_000);
          }),
      },
      {
        metric: standbyBytes,
        take: (c) =>
          standbysOf(c).forEach(({ environment, lagBytes }) => {
            if (lagBytes !== undefined) standbyBytes.set({ environment }, lagBytes);
          }),
      },
      {
        metric: standbyAge,
        take: (c) =>
          standbysOf(c).forEach(({ environment, ageMs }) => void standbyAge.set({ environment }, ageMs / 1_000)),
      },
      {
        metric: vaults,
        take: (c) => {
          for (const { environment, counts } of vaultsOf(c))
            for (const state of VAULT_STATES) vaults.set({ environment, state }, counts[state]);
        },
      },
      {
        metric: vaultLost,
        take: (c) =>
          vaultsOf(c).forEach(({ environment, lostMs }) => {
            if (lostMs !== undefined) vaultLost.set({ environment }, lostMs / 1_000);
          }),
      },
      { metric: lag, take: (c) => lag.set(c.dueLagMs / 1_000) },
    ];
    this.#forget();
  }

  /** Brings the figures up to date, or forgets them; never throws, and never takes long. */
  async refresh(): Promise<void> {
    if (this.#now() - this.#askedAt >= FRESH_MS && this.#asked === undefined) {
      this.#askedAt = this.#now();
      this.#asked = this.#look().finally(() => {
        this.#asked = undefined;
      });
    }
    if (this.#asked === undefined) return;
    const patience = new AbortController();
    const late = sleep(PATIENCE_MS, 'late', { signal: patience.signal }).catch(() => undefined);
    const first = await Promise.race([this.#asked, late]);
    patience.abort();
    if (first === 'late') this.#forget();
  }

  async #look(): Promise<void> {
    const counted = await this.#count().catch(() => undefined);
    this.#forget();
    if (counted === undefined) return;
    this.#known.set(1);
    for (const { take } of this.#metrics) take(counted);
  }

  /** What isn't known is absent: the last figures would be a lie. */
  #forget(): void {
    this.#known.set(0);
    for (const { metric } of this.#metrics) {
      metric.reset();
      // Without labels it would be zero now.
      metric.remove({});
    }
  }
}
