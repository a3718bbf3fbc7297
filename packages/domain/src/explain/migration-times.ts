/**
 * What each migration of a promotion took in its store, against what the newest rehearsal before it promised. Told, never judged:
 * it was over when anybody heard of it.
 */
import type { EvidenceFact } from '../gates/gate.ts';
import { isAskedFor, newestRehearsal } from '../gates/rehearsed.ts';
import { tookText } from '../model/duration.ts';
import type { Digest, Instant } from '../model/identity.ts';
import type { Action, CellPlan, Plan } from '../plan/plan.ts';
import { type Kept, keptPromises, type MigrationTime } from '../rehearsal/promised.ts';
import type { RehearsalEvidence } from '../rehearsal/rehearsal.ts';

/** An entry of the cell's rollout, as it stands on the log. */
export interface StepEntry {
  readonly at: Instant;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface ToldMigration {
  readonly step: string;
  readonly store: string;
  readonly migration: string;
  /** `unknown`: it was rehearsed, and how long that took nobody wrote down. */
  readonly verdict: Kept['verdict'] | 'unknown';
  readonly promisedMs?: number;
  readonly measuredMs?: number;
  /** What it took of what was promised: 2 is twice as long. */
  readonly ratio?: number;
  /** The store of which the rehearsal had a copy: `cell/store`, as far as its statement says. */
  readonly of?: string;
  readonly words: string;
}

/** What is known of a promotion that its rollouts don't hold. */
export interface Promised {
  readonly plan: Pick<Plan, 'gates'>;
  readonly release: Digest;
  /** What is attached to the release. */
  readonly evidence: readonly EvidenceFact[];
}

type Migrate = Extract<Action, { readonly kind: 'migrate' }>;

/** Of each step of a cell that migrated something, in the order of the plan. Of a step that hasn't told anything: nothing. */
export function migrationTimes(
  promised: Promised,
  { cell, steps }: Pick<CellPlan, 'cell' | 'steps'>,
  entries: readonly StepEntry[],
): readonly ToldMigration[] {
  return steps.flatMap(({ id, action }) => {
    if (action.kind !== 'migrate') return [];
    const own = entries.filter(({ type, data }) => data.step === id && ENDS.has(type));
    const last = own.at(-1);
    if (last === undefined) return [];
    const done = own.some(({ type }) => type === 'rollout.step-done');
    const measured = own.flatMap(({ data }) => timesIn(data.result));
    const rehearsal = promisedBy(promised, cell, action.store, last.at);
    return told(action, measured, rehearsal, done).map((each) => ({ step: id, store: action.store, ...each }));
  });
}

const ENDS: ReadonlySet<string> = new Set(['rollout.step-done', 'rollout.step-failed']);

/** Entries of any version: of those before migrations were measured, and of agents that don't say, nothing. */
function timesIn(result: unknown): readonly MigrationTime[] {
  const { migrations } = (result ?? {}) as { readonly migrations?: unknown };
  return Array.isArray(migrations) ? (migrations as readonly MigrationTime[]) : [];
}

/**
 * The rehearsal that promised: one that a gate of the plan asks for before any other, then one of this very store before one of
 * a store of that name, then the newest. What was rehearsed after the step promised nothing.
 */
function promisedBy(
  { plan, release, evidence }: Promised,
  cell: string,
  store: string,
  before: Instant,
): RehearsalEvidence | undefined {
  const gates = plan.gates.filter(({ gate }) => gate === 'rehearsed');
  const counting = [
    (each: RehearsalEvidence) => gates.some(({ params }) => isAskedFor(params, each)),
    (each: RehearsalEvidence) => each.runner === 'headgate',
  ];
  const near = [
    (each: RehearsalEvidence) => each.store === store && each.cell === cell,
    (each: RehearsalEvidence) => each.store === store,
    () => true,
  ];
  for (const counts of counting)
    for (const isNear of near) {
      const found = newestRehearsal(evidence, release, (each) => each.at <= before && counts(each) && isNear(each));
      if (found !== undefined) return found;
    }
  return undefined;
}

function told(
  { migrations }: Migrate,
  measured: readonly MigrationTime[],
  rehearsal: RehearsalEvidence | undefined,
  done: boolean,
): readonly Omit<ToldMigration, 'step' | 'store'>[] {
  const of = rehearsal && [rehearsal.cell ?? rehearsal.environment, rehearsal.store].filter(Boolean).join('/');
  const ids = migrations.map(({ id }) => id);
  const times = rehearsal?.migrations?.filter(({ migration }) => ids.includes(migration)) ?? [];
  const unknown = rehearsal !== undefined && rehearsal.migrations === undefined;
  return (
    keptPromises(times, measured)
      // A step that failed half way will come to the others.
      .filter(({ verdict }) => done || verdict !== 'not-measured')
      .toSorted((a, b) => ids.indexOf(a.migration) - ids.indexOf(b.migration))
      .map((kept) => {
        const verdict = unknown && kept.verdict === 'not-rehearsed' ? 'unknown' : kept.verdict;
        const source = of === undefined || !('promisedMs' in kept) ? {} : { of };
        return { ...kept, ...source, verdict, words: words({ ...kept, verdict }, of ?? '') };
      })
  );
}

type Worded = Pick<ToldMigration, 'migration' | 'verdict' | 'promisedMs' | 'measuredMs' | 'ratio'>;

function words({ migration, verdict, promisedMs = 0, measuredMs = 0, ratio = 1 }: Worded, of: string): string {
  const name = `migration ${migration}`;
  const measured = tookText(measuredMs);
  const promised = `${tookText(promisedMs)} on a copy of ${of}`;
  switch (verdict) {
    case 'kept':
      return `${name}: ${measured}, as rehearsed (${promised})`;
    case 'slower':
      return `${name}: ${measured}, ${times(ratio)} times what the rehearsal promised (${promised})`;
    case 'faster':
      return `${name}: ${measured}, faster than rehearsed (${promised})`;
    case 'not-rehearsed':
      return `${name}: ${measured}, not rehearsed`;
    case 'not-measured':
      return `${name}: not measured (the rehearsal took ${promised})`;
    case 'unknown':
      return `${name}: ${measured}; how long its rehearsal took was not written down`;
  }
}

/** `1.6`, `4`, `12`. */
function times(ratio: number): string {
  return String(Number(ratio.toFixed(ratio < 10 ? 1 : 0)));
}

/** Of one cell; what is left out is what tells least. */
const MOST_TOLD = 200;
const LOUD: readonly ToldMigration['verdict'][] = [
  'slower',
  'not-rehearsed',
  'unknown',
  'not-measured',
  'faster',
  'kept',
];

/** As much of a cell's as anybody reads, in the order of the plan, and how many are left out. */
export function toldTimes(all: readonly ToldMigration[]): {
  readonly told: readonly ToldMigration[];
  readonly left: number;
} {
  const kept = new Set(all.toSorted((a, b) => LOUD.indexOf(a.verdict) - LOUD.indexOf(b.verdict)).slice(0, MOST_TOLD));
  return { told: all.filter((each) => kept.has(each)), left: all.length - kept.size };
}
