/** A rehearsal of a rollback, for people. */
import type { RehearsedTraffic, RollbackRehearsalFacts, RollbackRehearsalResult } from '@headgate/documents';

type Cell = RollbackRehearsalFacts['cells'][number];

/** Cells that are told one by one. */
const MOST_TOLD = 5;

/** `1.2 s`, `340 ms`, `2 min 5 s`. */
export function tookText(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.ceil(ms / 1_000);
  return `${Math.floor(seconds / 60)} min${seconds % 60 === 0 ? '' : ` ${seconds % 60} s`}`;
}

/** What was done and what came of it; `outageMs`: how long who sent requests may be without a good answer. */
export function rollbackRehearsalLines(
  facts: RollbackRehearsalFacts,
  result: RollbackRehearsalResult,
  outageMs: number,
): readonly string[] {
  const { application, release, environment, promotion, waves, opened, log, traffic, cells, untold = 0 } = facts;
  const tenants = cells.reduce((sum, cell) => sum + cell.tenants.moved, 0);
  const many = cells.length + untold;
  return [
    '',
    `Rehearsal of ${application} ${release.version} and its rollback in ${environment}`,
    `  ${promotion}, on the log from place ${log.from} to ${log.to}: ${count(many, 'cell')}, ${count(tenants, 'tenant')}, ${opened} of ${count(waves, 'wave')}`,
    ...(traffic === undefined
      ? ['  nobody sent requests meanwhile (--traffic URL)']
      : [`  a request every ${traffic.everyMs} ms to ${traffic.addresses.join(', ')}`]),
    '',
    `Forward${result.forwardMs === undefined ? '' : `: ${tookText(result.forwardMs)}, to the soak of its last wave`}`,
    ...stepLines(cells, 'forward'),
    ...trafficLine(traffic?.forward),
    '',
    `Back${result.backMs === undefined ? '' : `: ${tookText(result.backMs)}`}`,
    ...stepLines(cells, 'back'),
    ...trafficLine(traffic?.back),
    ...cells.slice(0, MOST_TOLD).flatMap(backLines),
    ...(many > MOST_TOLD ? [`  and ${many - MOST_TOLD} more cells (--json has them)`] : []),
    '',
    ...conclusion(result, outageMs),
  ];
}

/** Each step of the cells that are told, and how long it took. */
function stepLines(cells: readonly Cell[], course: 'forward' | 'back'): readonly string[] {
  const told = cells.slice(0, MOST_TOLD);
  return told.flatMap(({ cell, steps }) =>
    steps
      .filter((step) => step.course === course)
      .map(({ step, tookMs }) => `  ${told.length > 1 ? `${cell}: ` : ''}${step}: ${tookText(tookMs)}`),
  );
}

function trafficLine(sent: RehearsedTraffic['forward'] | undefined): readonly string[] {
  if (sent === undefined) return [];
  const { requests, failed, slowestMs, outageMs } = sent;
  return [
    `  ${count(requests, 'request')}, ${failed === 0 ? 'none' : failed} failed, the slowest took ${tookText(slowestMs)}; at most ${tookText(outageMs)} without a good answer`,
  ];
}

const UNDO = {
  kept: 'kept, as the plan says: the version before runs on it',
  undone: 'undone by its migrations’ way back',
  restored: 'restored',
  untouched: 'not migrated',
} as const;

function backLines({ cell, tenants, before, stores, verified, reconciled, seenAt }: Cell): readonly string[] {
  if (seenAt === undefined) return [`  nobody looked at cell ${cell} afterwards`];
  const checks = verified === undefined ? 'nothing verified' : `${count(verified.passed, 'check')} passed`;
  const sides = reconciled.map(({ store, agrees }) => `${store} ${agrees ? 'agrees' : 'doesn’t agree'}`);
  return [
    `  cell ${cell}: ${count(tenants.back, 'tenant')} on ${before?.version ?? 'what served them'}${tenants.elsewhere.length > 0 ? `, not back: ${tenants.elsewhere.join(', ')}` : ''}; ${checks}${sides.length === 0 ? '' : `; reconciled: ${sides.join(', ')}`}`,
    ...stores
      .slice(0, MOST_TOLD)
      .map(
        ({ store, before: was, reached, found, undo }) =>
          `  store ${store}: schema ${was} to ${reached}, then ${found ?? 'not seen'} (${UNDO[undo]})`,
      ),
  ];
}

function conclusion(
  { ok, because, missing, longestOutageMs }: RollbackRehearsalResult,
  outageMs: number,
): readonly string[] {
  if (because.length > 0) return ['It did not go well:', ...because.map((each) => `- ${each}`)];
  if (!ok) return ['It says nothing, because something isn’t known:', ...missing.map((each) => `- ${each}`)];
  if (longestOutageMs !== undefined && longestOutageMs > outageMs)
    return [
      `It went there and back, and requests were without a good answer for too long: ${tookText(longestOutageMs)}, ${tookText(outageMs)} are allowed (--outage).`,
    ];
  return ['It went well.'];
}

function count(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? '' : 's'}`;
}
