import { canonicalJson } from '@headgate/documents';
import { type Action, undoSteps } from '@headgate/domain';
import { type Check, type CheckFacts, refusal } from './facts.ts';

/**
 * The step is the plan's own, to the last field: a forward step by its id, in its turn; an undo step as the plan's undo
 * derives it from the scope and from how far the cell came.
 */
export const stepOfPlan: Check = (facts) => {
  const { assignment } = facts;
  const planned = assignment.course === 'forward' ? forwardStep(facts) : undoStep(facts);
  if (planned === undefined)
    return refusal(
      facts,
      'step-not-in-plan',
      `the plan has no such ${assignment.course} step for this cell at this point`,
      'nothing: the agent does only what the plan says',
    );
  return canonicalJson(planned) === canonicalJson(assignment.action)
    ? undefined
    : refusal(
        facts,
        'step-differs',
        `its action is not the one that the plan gives this step (${planned.kind})`,
        'nothing: the agent does only what the plan says',
      );
};

/** What a planner has go forward. What only ever takes something back isn't among it, whoever made the plan. */
const FORWARD: ReadonlySet<Action['kind']> = new Set([
  'restore-point',
  'migrate',
  'deploy',
  'retire',
  'hold',
  'route',
  'verify',
  'open',
  'close-operations',
  'open-operations',
  'soak',
]);

function forwardStep({ assignment, cell }: CheckFacts): Action | undefined {
  if (!FORWARD.has(assignment.action.kind)) return undefined;
  const at = cell.steps.findIndex((step) => step.id === assignment.step);
  // `begun` counts the steps that may have had an effect: those before this one, and perhaps this one.
  return at === assignment.begun || at === assignment.begun - 1 ? cell.steps[at]?.action : undefined;
}

function undoStep({ assignment, cell }: CheckFacts): Action | undefined {
  const { scope, begun } = assignment;
  if (scope === undefined || begun > cell.steps.length) return undefined;
  return undoSteps(cell, scope, begun).find((step) => step.id === assignment.step)?.action;
}
