import type { CellPlan, Plan } from '@headgate/domain';

/** What the checks ask of a plan, found once: plans are immutable. */
export interface PlanIndex {
  readonly plan: Plan;
  readonly cells: ReadonlyMap<string, CellPlan>;
  /** Approvals that a wave takes; 0 when no gate asks for them. */
  readonly approvals: number;
  readonly asksWindow: boolean;
  readonly asksSignature: boolean;
  readonly minimumTests: number | undefined;
  /** The longest stall that a rehearsal may show; undefined: none is asked for. */
  readonly longestStallMs: number | undefined;
  /** Its rollback was rehearsed there. */
  readonly rollbackRehearsedIn: string | undefined;
  /** The worst of its migrations' analysis must be no error. */
  readonly asksAnalysis: boolean;
  readonly soaked: { readonly environment: string; readonly durationMs: number } | undefined;
  readonly restorePointMaxAgeMs: number | undefined;
  readonly asksGo: boolean;
  readonly asksStandby: boolean;
  readonly asksMoved: boolean;
  /** Names of the gates that stand before a wave. */
  readonly waveGates: readonly string[];
}

const indexed = new WeakMap<Plan, PlanIndex>();

export function indexOfPlan(plan: Plan): PlanIndex {
  let index = indexed.get(plan);
  if (index === undefined) {
    index = make(plan);
    indexed.set(plan, index);
  }
  return index;
}

function make(plan: Plan): PlanIndex {
  const params = (gate: string): Readonly<Record<string, unknown>> | undefined =>
    plan.gates.find((g) => g.gate === gate)?.params;
  const number = (gate: string, name: string): number | undefined => {
    const value = params(gate)?.[name];
    return typeof value === 'number' ? value : undefined;
  };
  const environment = params('soaked')?.environment;
  const rehearsedIn = params('rollback-rehearsed')?.environment;
  const durationMs = number('soaked', 'durationMs');
  return {
    plan,
    cells: new Map(plan.cells.map((cell) => [cell.cell, cell])),
    approvals: number('approval', 'count') ?? 0,
    asksWindow: params('window') !== undefined,
    asksSignature: params('signature') !== undefined,
    minimumTests: number('tests-passed', 'minimum'),
    longestStallMs: number('rehearsed', 'longestStallMs'),
    rollbackRehearsedIn: typeof rehearsedIn === 'string' ? rehearsedIn : undefined,
    asksAnalysis: params('migrations-analysed') !== undefined,
    soaked: typeof environment === 'string' && durationMs !== undefined ? { environment, durationMs } : undefined,
    restorePointMaxAgeMs: number('restore-point', 'maxAgeMs'),
    asksGo: params('go-no-go') !== undefined,
    asksStandby: params('standby-ready') !== undefined,
    asksMoved: params('moved-data-agrees') !== undefined,
    waveGates: plan.gates.filter((g) => g.at === 'promotion' || g.at === 'wave').map((g) => g.gate),
  };
}
