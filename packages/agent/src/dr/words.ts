/** A plan to rebuild a cell, and what came of an exercise, in words for a person at this machine. */
import {
  type ExerciseFacts,
  exerciseRtoText,
  expectedMs,
  judgeExercise,
  lostNow,
  type RebuildPlan,
  type Refusal,
} from '@headgate/domain';
import { ageText, tookText } from '@headgate/domain/model/duration';

export function planLines(plan: RebuildPlan, now: number): readonly string[] {
  const { cell, environment, steps, stores, serving } = plan;
  const all = expectedMs(plan);
  return [
    `To rebuild ${cell} (${environment}), ${steps.length} steps${all === undefined ? '' : `, ${tookText(all)} when it was last exercised`}:`,
    ...steps.flatMap((step, i) => [
      `  ${i + 1}. ${step.id}${step.expectedMs === undefined ? '' : `  (took ${tookText(step.expectedMs)})`}`,
      ...(step.needs.length > 0 ? [`       after ${step.needs.join(', ')}`] : []),
      `       done when ${step.proof}`,
    ]),
    ...stores.flatMap((store) => [
      `  ${pointText(store, now)}`,
      ...(store.given ?? []).map((each) => `    a person gives ${each}`),
    ]),
    ...serving.slots.map(
      ({ slot, release, tenants }) =>
        `  ${release.version} in ${slot}, for ${many(tenants.length, 'tenant')}, ${serving.by === 'log' ? 'as the log says' : 'as named by hand, since the log couldn’t be asked'}`,
    ),
  ];
}

export function pointText(store: RebuildPlan['stores'][number], now: number): string {
  const { name, point, given } = store;
  const { id, takenAt, bytes, schemaVersion, reachedAt, lastWal } = point;
  const known = reachedAt === undefined ? '' : `, its log up to ${timeText(reachedAt)}`;
  const log =
    known === '' && lastWal !== undefined ? `, its log up to ${lastWal}, of a moment that isn’t known here` : known;
  const most = known === '' && lastWal !== undefined ? 'at most ' : '';
  return `${name}: ${id} of ${timeText(takenAt)}, schema ${schemaVersion}, ${Math.ceil(bytes / 1e6)} MB${log}; ${most}the last ${ageText(lostNow(store, now))} would be lost${given === undefined ? '' : ': a dump has no log, and everything since it goes'}`;
}

/** What stands against a plan, a paragraph each. */
export function refusalLines(refusals: readonly Refusal[]): readonly string[] {
  return refusals.flatMap(({ where, why, unblock }) => [`${where}: ${why}`, `  what helps: ${unblock}`]);
}

export function exerciseLines(facts: ExerciseFacts): readonly string[] {
  const { cell, environment, steps, stores, transactions, routed, releases } = facts;
  const result = judgeExercise(facts);
  const lines = [`Exercise: ${cell} (${environment}) rebuilt in a place that is gone again`];
  for (const { id, begunMs, tookMs, failed } of steps)
    lines.push(
      `  ${failed === undefined ? 'done' : 'NOT done'}  ${id}, begun after ${seconds(begunMs)}, took ${seconds(tookMs)}`,
    );
  for (const { store, point, census, files, attachments, amcheck, segments, replayed } of stores) {
    const seen = [
      ...(census === undefined ? [] : [`${many(census.rows, 'row')} in ${many(census.tables, 'table')} compared`]),
      ...(files === undefined || files.compared === 0 ? [] : [`${many(files.compared, 'file')} compared`]),
      ...(attachments === undefined ? [] : [`${many(attachments.compared, 'attachment')} compared`]),
      ...(segments === undefined
        ? []
        : [`${many(segments, 'segment')} of its log${replayed === true ? ', to its end' : ''}`]),
      ...(amcheck?.problems.length === 0 ? ['pg_amcheck found nothing wrong'] : []),
    ];
    lines.push(`  ${store} from ${point}: ${seen.join('; ')}`);
  }
  if (routed > 0) lines.push(`  ${many(routed, 'tenant')} led to ${releases.map(({ version }) => version).join(', ')}`);
  if (transactions > 0) lines.push(`  ${many(transactions, 'business transaction')} went well`);
  lines.push(`  RTO: ${exerciseRtoText(result)}`);
  if (result.rpoMs !== undefined) lines.push(`  RPO: the last ${ageText(result.rpoMs)} would be lost`);
  for (const each of result.because) lines.push(`  WRONG: ${each}`);
  for (const each of result.missing) lines.push(`  NOT LOOKED AT: ${each}`);
  lines.push(result.ok ? 'It went well.' : 'It did not go well.');
  return lines;
}

export function many(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

export function timeText(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
