/** What became of the plans of an application's heaviest statements. */

/** A relation that a plan reads, and how. */
export interface PlanRead {
  readonly relation: string;
  readonly how: 'sequential' | 'index';
  /** Of an index. */
  readonly index: string | undefined;
}

/** A statement's plan, as far as it is compared; or why the server makes none. */
export type StatementPlan =
  | { readonly ok: true; readonly cost: number; readonly reads: readonly PlanRead[] }
  | { readonly ok: false; readonly code: string; readonly why: string };

/** One of the statements, before and after. */
export interface PlannedStatement {
  readonly text: string;
  readonly before: StatementPlan;
  readonly after: StatementPlan;
}

/** Something that is worse than it was. */
export type PlanChange =
  | { readonly kind: 'fails'; readonly text: string; readonly why: string }
  | { readonly kind: 'lost-index'; readonly text: string; readonly relation: string; readonly index: string }
  | { readonly kind: 'new-sequential-scan'; readonly text: string; readonly relation: string; readonly rows: number }
  | { readonly kind: 'dearer'; readonly text: string; readonly before: number; readonly after: number };

/** From how many rows on reading a table from end to end is told. */
export const BIG_TABLE_ROWS = 10_000;
/** A plan is dearer when its cost is this many times what it was; a little is chance. */
const DEARER = 2;
/** Below it a cost is nothing, however much it grew. */
const LEAST_COST = 1_000;

/** What is worse after than before. `rows`: of the tables, as the server estimates them. */
export function planChanges(
  statements: readonly PlannedStatement[],
  rows: Readonly<Record<string, number>>,
  bigTableRows = BIG_TABLE_ROWS,
): readonly PlanChange[] {
  return statements.flatMap(({ text, before, after }): PlanChange[] => {
    // What the server didn't plan before is no statement of this schema: nothing can be said of it.
    if (!before.ok) return [];
    if (!after.ok) return [{ kind: 'fails', text, why: `${after.why} (${after.code})` }];
    const found: PlanChange[] = [];
    const read = (plan: typeof before, how: PlanRead['how']) => plan.reads.filter((each) => each.how === how);
    const stillBy = new Set(read(after, 'index').map(({ relation }) => relation));
    const lost = read(before, 'index').filter(({ relation }) => !stillBy.has(relation));
    const sequential = new Set(read(before, 'sequential').map(({ relation }) => relation));
    for (const relation of new Set(read(after, 'sequential').map((each) => each.relation))) {
      const index = lost.find((each) => each.relation === relation)?.index;
      const many = (Object.hasOwn(rows, relation) ? rows[relation] : undefined) ?? 0;
      if (index !== undefined) found.push({ kind: 'lost-index', text, relation, index });
      if (!sequential.has(relation) && many >= bigTableRows)
        found.push({ kind: 'new-sequential-scan', text, relation, rows: many });
    }
    if (found.length === 0 && after.cost >= LEAST_COST && after.cost >= before.cost * DEARER)
      found.push({ kind: 'dearer', text, before: before.cost, after: after.cost });
    return found;
  });
}

/** A change as people read it. */
export function planChangeText(change: PlanChange): string {
  switch (change.kind) {
    case 'fails':
      return `fails afterwards: ${change.why}`;
    case 'lost-index':
      return `no longer uses ${change.index} of ${change.relation}, and reads it from end to end`;
    case 'new-sequential-scan':
      return `reads ${change.relation} from end to end now (about ${change.rows} rows)`;
    case 'dearer':
      return `is estimated to cost ${Math.round(change.after)}, where it was ${Math.round(change.before)}`;
  }
}
