import { newestPlan, planOf } from '../marks/marks.ts';
import { type Check, refusal } from './facts.ts';

/**
 * A plan goes forward step by step, as far as this agent knows of it, and never again once it was being taken back; what
 * is taken back is the newest plan of the cell. The control plane says what is next, but not what was.
 */
export const inOrder: Check = (facts) => {
  const { assignment, cell, marks } = facts;
  const known = planOf(marks, assignment.cell, assignment.plan);
  const newest = newestPlan(marks, assignment.cell);
  if (assignment.course === 'undo') {
    // Of a plan that it never heard of, one step may have been handed out to nobody.
    const last =
      newest === undefined || newest.plan === assignment.plan || (known === undefined && assignment.begun <= 1);
    return last
      ? undefined
      : refusal(
          facts,
          'not-the-newest',
          `the plan ${assignment.plan} was followed by ${newest.plan} in this cell`,
          'roll the newest promotion back; what was before it is settled',
        );
  }
  if (known?.undone)
    return refusal(
      facts,
      'taken-back',
      'the plan was being taken back in this cell',
      'promote again: another attempt is another plan',
    );
  const at = cell.steps.findIndex((step) => step.id === assignment.step);
  return known === undefined || at <= known.begun
    ? undefined
    : refusal(
        facts,
        'out-of-order',
        `it is step ${at + 1} of the plan, and this agent has begun ${known.begun}`,
        'nothing: steps are carried out in the order that was approved',
      );
};
