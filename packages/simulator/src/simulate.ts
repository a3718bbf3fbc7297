/** Lives through promotions one after the other; keeps of each only the figures, so memory stays where it is. */
import { Run } from './engine/run.ts';
import type { Recorded, Violation } from './history/recorded.ts';
import { type Fleet, makeFleet } from './world/fleet.ts';
import { type Scenario, type ScenarioOptions, scenarioOf } from './world/scenario.ts';

export interface SimulateOptions extends ScenarioOptions {
  /** The first promotion's index. */
  readonly from: number;
  readonly promotions: number;
  /** Goes on beyond `promotions` until so many events were appended. */
  readonly events: number;
  /** Every n-th promotion is mine, when several processes share the work. */
  readonly stride: number;
  readonly onProgress?: (figures: Figures) => void;
}

export interface Figures {
  promotions: number;
  events: number;
  virtualMs: number;
  /** Promotions that completed. */
  completed: number;
  /** Of them, those for some tenants alone, and those that finished what such a one, or a kept one, had left. */
  rests: number;
  /** Steps that each of the others carried out, the fewest; undefined when there are none. */
  fewestSteps: number | undefined;
  readonly results: Record<string, number>;
}

export interface Found {
  readonly scenario: Scenario;
  readonly violations: readonly Violation[];
  readonly entries: readonly Recorded[];
}

export interface Simulated extends Figures {
  readonly wallMs: number;
  readonly found: Found | undefined;
}

export class Simulator {
  readonly #seed: number;
  readonly #fleets = new Map<number, Fleet>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** One promotion, alone. */
  async live(scenario: Scenario): ReturnType<Run['live']> {
    return new Run(await this.fleet(scenario.fleet), scenario).live();
  }

  /** The installation of this number, as it is before any promotion. */
  async fleet(number: number): Promise<Fleet> {
    let fleet = this.#fleets.get(number);
    if (fleet === undefined) {
      fleet = await makeFleet(this.#seed, number);
      this.#fleets.set(number, fleet);
    }
    return fleet;
  }

  /** Stops at the first violation. */
  async simulate(options: SimulateOptions): Promise<Simulated> {
    const figures: Figures = {
      promotions: 0,
      events: 0,
      virtualMs: 0,
      completed: 0,
      rests: 0,
      fewestSteps: undefined,
      results: {},
    };
    const startedAt = performance.now();
    for (
      let index = options.from;
      figures.promotions < options.promotions || figures.events < options.events;
      index += options.stride
    ) {
      const scenario = scenarioOf(options, index);
      const lived = await this.live(scenario);
      figures.promotions++;
      figures.events += lived.events;
      figures.virtualMs += lived.virtualMs;
      for (const result of lived.results) figures.results[result] = (figures.results[result] ?? 0) + 1;
      for (const { steps, rest } of lived.completed) {
        figures.completed++;
        if (rest) figures.rests++;
        else figures.fewestSteps = Math.min(figures.fewestSteps ?? steps, steps);
      }
      if (lived.violations.length > 0) {
        const found = { scenario, violations: lived.violations, entries: lived.entries };
        return { ...figures, wallMs: performance.now() - startedAt, found };
      }
      if (figures.promotions % 500 === 0) options.onProgress?.(figures);
    }
    return { ...figures, wallMs: performance.now() - startedAt, found: undefined };
  }
}
