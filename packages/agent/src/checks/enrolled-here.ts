import type { Refusal } from '@headgate/domain';
import { type CheckFacts, refusal } from './facts.ts';

/** The cell, its environment and its application are those of the agent's own configuration. */
export function enrolledHere(facts: Pick<CheckFacts, 'assignment' | 'enrolment'>): Refusal | undefined {
  const { assignment, enrolment } = facts;
  const cell = enrolment.cells.find((c) => c.cell === assignment.cell);
  if (cell === undefined)
    return refusal(facts, 'unknown-cell', `this agent has no cell ${assignment.cell}`, 'add it to agent.yaml');
  if (
    cell.environment === assignment.environment &&
    cell.application === assignment.application &&
    enrolment.environments.some((e) => e.name === assignment.environment)
  )
    return undefined;
  return refusal(
    facts,
    'not-enrolled',
    `here the cell is one of ${cell.application} in ${cell.environment}, the assignment says ${assignment.application} in ${assignment.environment}`,
    'correct agent.yaml, or the Cell document',
  );
}
