import type { Findings } from './findings.ts';
import type { KillPoint } from './points.ts';
import type { Kill } from './session.ts';

/** The closing table: kills by victim and place, how long it took to go on, and what customers saw. */
export function summary(
  kills: readonly Kill[],
  points: readonly KillPoint[],
  found: readonly Pick<Findings, 'requests' | 'excusedRequests' | 'logEntries' | 'wrong'>[],
): readonly string[] {
  const done = new Set(kills.map(({ point }) => point.id));
  const lines = ['', `${'victim'.padEnd(34)} ${'where'.padEnd(14)}  killed of     went on after (median, longest)`];
  const groups = Map.groupBy(
    points,
    ({ victim, where, when }) => `${victim.padEnd(34)} ${`${when} ${where}`.padEnd(14)}`,
  );
  for (const [name, own] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const fired = own.filter(({ id }) => done.has(id));
    const times = kills
      .filter(({ point }) => fired.some(({ id }) => id === point.id))
      .map(({ restartedAt, wentOnAt }) => wentOnAt - restartedAt)
      .sort((a, b) => a - b);
    const seconds = (ms: number | undefined): string => (ms === undefined ? '-' : `${(ms / 1_000).toFixed(1)} s`);
    const [median, longest] = [times[Math.floor(times.length / 2)], times.at(-1)];
    lines.push(
      `${name}  ${String(fired.length).padStart(6)} ${String(own.length).padStart(2)}     ${seconds(median)}, ${seconds(longest)}`,
    );
  }
  const sum = (of: (each: (typeof found)[number]) => number): number =>
    found.reduce((total, each) => total + of(each), 0);
  const wrong = sum((each) => Object.values(each.wrong).flat().length);
  lines.push(
    '',
    `${done.size} of ${points.length} points in ${found.length} tellings; ${sum((f) => f.requests)} requests, ${sum((f) => f.excusedRequests)} failed while their store was dead`,
    `${sum((f) => f.logEntries)} entries verified; ${wrong} findings`,
    '',
  );
  return lines;
}
