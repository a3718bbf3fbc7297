/** A new function beside others of its name: which of them a call means goes by its arguments, also in code that runs. */
import type { RoutineState } from '../catalogue/table-state.ts';
import { VOLATILE_FUNCTIONS } from '../expressions/own-operators.ts';
import { STEADY_FUNCTIONS } from '../expressions/steady-functions.ts';
import { type Name, written } from '../parse/nodes.ts';
import type { Scene } from './scene.ts';

/** Says that calls of running code may find the new one, or can't decide between them. `same`: those that it replaces. */
export function mayHideAnother(
  made: Name & { readonly schema: string },
  same: readonly RoutineState[],
  { schema, does }: Scene,
): void {
  const others = schema.routines({ name: made.name }).filter((each) => !same.includes(each) && each.fresh !== true);
  const beside = others.length > 0 || schema.routines(made).some(({ fresh }) => fresh !== true);
  const ofServer = STEADY_FUNCTIONS.has(made.name) || VOLATILE_FUNCTIONS.has(made.name);
  if (!beside && !ofServer) return;
  does.breaks(
    'possible',
    `running code that calls ${made.name}() may find the new ${written(made)}, or PostgreSQL can’t tell which of both it means`,
  );
  does.safely('break', 'Give it a name that no other function has.');
}
