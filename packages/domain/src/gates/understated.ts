/**
 * Migrations that take something from running code and are declared to add. Nothing waives that, and no level lets it by: what
 * isn't declared has no place in the order across releases, and neither the plan nor an approver is told what going back from
 * it means. Declared, it meets the refusals that a contract meets, and those can be answered.
 */
import type { AnalysedMigration, AnalysisEvidence, FoundCount } from '../analysis/analysis.ts';
import type { MigrationRef } from '../plan/plan.ts';
import { UNDERSTATED } from './finding-waivers.ts';
import { stop, type Verdict } from './gate.ts';

/** Those among what a plan runs, by the version that each leads to. */
export function understated(
  { migrations }: Pick<AnalysisEvidence, 'migrations'>,
  byVersion: ReadonlyMap<number, Pick<MigrationRef, 'phase'>>,
): FoundCount[] {
  return migrations.flatMap(({ to, removes }) => {
    const declared = byVersion.get(to)?.phase;
    return removes === undefined || declared === undefined || declared === 'contract'
      ? []
      : [{ to, rule: UNDERSTATED, level: 'error' as const, count: 1 }];
  });
}

/** One of them in words, with the statements that make it so. `rest`: what else is open. */
export function understatedVerdict(
  gate: string,
  migration: MigrationRef | undefined,
  analysed: Pick<AnalysedMigration, 'removes' | 'takenBy'> | undefined,
  rest: string,
): Verdict {
  const removes = analysed?.removes ?? [];
  const what = removes.length === 0 ? 'takes something' : `takes ${removes.join(', ')}`;
  const where = (analysed?.takenBy ?? []).map(({ line, statement }) => `line ${line}, “${statement}”`).join('; ');
  return stop(
    gate,
    'fail',
    `${migration?.file.name}: ${migration?.id} is declared as ${migration?.phase} and ${what} from running code${where === '' ? '' : `: ${where}`}${rest}`,
    'declare it as contract (phase: contract in release.yaml; for a service the file’s name: x.contract.sql), or split the file: what adds first, what takes away in a later release. Nothing waives that: only what is declared has its place in the order across releases, and is told in the plan',
    'developer',
  );
}
