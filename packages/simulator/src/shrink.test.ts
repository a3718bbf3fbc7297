import { expect, test } from 'vitest';
import { historyOf, shrink } from './shrink.ts';
import { type Found, Simulator } from './simulate.ts';
import type { Scenario } from './world/scenario.ts';
import { Targets } from './world/targets.ts';

/** A world that breaks a rule of its own: migrations have their effect, and another one behind everybody's back. */
function sabotage(): () => void {
  const { perform } = Targets.prototype;
  Targets.prototype.perform = function (assignment, now, flaw) {
    if (flaw === 'red') this.checker.report('effect-once', 'sabotaged');
    return perform.call(this, assignment, now, flaw);
  };
  return () => {
    Targets.prototype.perform = perform;
  };
}

test('a violation is shrunk to the one fault that it takes', { timeout: 60_000 }, async () => {
  const repair = sabotage();
  try {
    const simulator = new Simulator(7);
    const red = { kind: 'red', lease: 20, times: 1, ms: 500 } as const;
    const scenario: Scenario = {
      seed: 7,
      index: 3,
      fleet: 2,
      servers: 3,
      faults: [
        { kind: 'unavailable-after', commit: 9, ms: 200 },
        { kind: 'slow', lease: 4, times: 1, ms: 4_000 },
        red,
        { kind: 'freeze', commit: 30, ms: 2_000, lost: 0 },
      ],
      acts: ['auditor-rolls-back', 'approves-twice'],
    };
    const lived = await simulator.live(scenario);
    const found: Found = { scenario, violations: lived.violations, entries: lived.entries };
    expect(found.violations.map((v) => v.invariant)).toContain('effect-once');
    const small = await shrink(simulator, found);
    expect(small.scenario).toMatchObject({ faults: [red], acts: [], servers: 1 });
    expect(historyOf(small, 40).at(-1)).toMatch(/rollout\.leased|rollout\.offered|rollout\.step/);
  } finally {
    repair();
  }
});
