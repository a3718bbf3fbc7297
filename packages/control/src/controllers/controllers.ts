import type { Deps } from '../deps.ts';
import { GateFactsGatherer, Plans } from '../facts.ts';
import type { Row } from '../ports/store.ts';
import { HypercareController } from './hypercare-controller.ts';
import { PromotionController } from './promotion-controller.ts';
import { RolloutController } from './rollout-controller.ts';
import type { Controller } from './tick.ts';

/** How long a claimed row is held before another server may take it over. Milliseconds. */
export const CLAIM_MS = 2_000;

/** Runs a tick's work with whatever somebody wants to know of it: its lines' ids, its trace. */
export type Around = (row: Row, tick: () => Promise<void>) => Promise<void>;

/** All controllers over one store. Claims what is due and ticks it; keeps nothing that a restart would miss. */
export class Controllers {
  readonly #deps: Deps;
  readonly #byKind: ReadonlyMap<string, Controller>;
  readonly #around: Around | undefined;
  readonly plans: Plans;
  readonly gates: GateFactsGatherer;

  /**
   * `plans` may be shared by several in one process: what a digest names is the same for all of them. `more` are those
   * that need what only a server has.
   */
  constructor(deps: Deps, plans: Plans = new Plans(deps.blobs), more: readonly Controller[] = [], around?: Around) {
    this.#deps = deps;
    this.#around = around;
    this.plans = plans;
    this.gates = new GateFactsGatherer(deps.store, deps.standbys, deps.moves, deps.vaults);
    const all: readonly Controller[] = [
      new PromotionController(deps, this.plans, this.gates),
      new RolloutController(deps, this.plans, this.gates),
      new HypercareController(deps.store),
      ...more,
    ];
    this.#byKind = new Map(all.map((controller) => [controller.kind, controller]));
  }

  /**
   * Ticks at most `limit` due rows side by side and returns how many were due. A row whose tick throws stays claimed and
   * comes back when the claim runs out; `onError` hears of it.
   */
  async tickDue(limit: number, onError: (stream: string, error: unknown) => void): Promise<number> {
    const { now, rows } = await this.#deps.store.claim(limit, CLAIM_MS);
    const around = this.#around;
    await Promise.all(
      rows.map((row) => {
        const tick = () => this.#tick(row, now, onError);
        return around === undefined ? tick() : around(row, tick);
      }),
    );
    return rows.length;
  }

  async #tick(row: Row, now: number, onError: (stream: string, error: unknown) => void): Promise<void> {
    try {
      const controller = this.#byKind.get(row.stream.slice(0, row.stream.indexOf('/')));
      if (controller === undefined) throw new Error(`no controller for ${row.stream}`);
      const committed = await controller.tick(row, now);
      // Stale facts: look again at once, on fresh ones.
      if (!committed.ok) await this.#deps.store.postpone(row.stream, row.version, now, row.dueAt);
    } catch (error) {
      onError(row.stream, error);
    }
  }
}
