/**
 * Makes a scenario that violates an invariant smaller: takes away one fault, one act, one server at a time, for as long
 * as the same invariant is still violated. What is left is what it takes.
 */
import type { Violation } from './history/recorded.ts';
import type { Found, Simulator } from './simulate.ts';
import type { Scenario } from './world/scenario.ts';

/** Runs are short; so many bound the search, however long the scenario. */
const MOST_TRIES = 200;

export async function shrink(simulator: Simulator, found: Found): Promise<Found> {
  const broken = new Set(found.violations.map((v) => v.invariant));
  let best = found;
  let tries = 0;
  for (let smaller = true; smaller && tries < MOST_TRIES; ) {
    smaller = false;
    for (const candidate of withOneThingLess(best.scenario)) {
      if (++tries > MOST_TRIES) break;
      const lived = await simulator.live(candidate);
      if (!lived.violations.some((v) => broken.has(v.invariant))) continue;
      best = { scenario: candidate, violations: lived.violations, entries: lived.entries };
      smaller = true;
      break;
    }
  }
  return best;
}

function* withOneThingLess(scenario: Scenario): Generator<Scenario> {
  for (let i = 0; i < scenario.faults.length; i++)
    yield { ...scenario, faults: scenario.faults.filter((_, j) => j !== i) };
  for (let i = 0; i < scenario.acts.length; i++) yield { ...scenario, acts: scenario.acts.filter((_, j) => j !== i) };
  if (scenario.servers > 1) yield { ...scenario, servers: scenario.servers - 1 };
}

/** The history of what a violation is about: its stream, and the promotion that it belongs to. */
export function historyOf({ violations, entries }: Found, most: number): readonly string[] {
  const [violation] = violations as readonly [Violation];
  const begins = entries[0]?.at ?? 0;
  const promotion = violation.stream.replace(/^rollout\/([^.]+)\..*$/, 'promotion/$1');
  return entries
    .filter(({ stream }) => !stream.startsWith('rollout/') || stream === violation.stream)
    .filter(({ stream }) => !stream.startsWith('promotion/') || stream === promotion)
    .slice(-most)
    .map(({ at, stream, version, type, by, data }) => {
      const seconds = ((at - begins) / 1000).toFixed(3);
      return `  +${seconds} s  ${stream} ${version}  ${type} by ${by}  ${JSON.stringify(data).slice(0, 240)}`;
    });
}
