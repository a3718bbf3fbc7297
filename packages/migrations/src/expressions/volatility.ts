/** Whether an expression may give another value for every row, which is what makes PostgreSQL write a table again. */
import type { Node } from 'libpg-query';
import type { TypeRef } from '../catalogue/type-name.ts';
import type { WorkingSchema } from '../catalogue/working-schema.ts';
import { walk } from '../parse/nodes.ts';
import { meantIn } from './meant.ts';

/**
 * The first part of an expression that is volatile, or of which that isn't known; `undefined`: there is none. `becomes`: the type
 * of the column that it is written to.
 */
export function volatilePart(
  expression: Node | undefined,
  schema: WorkingSchema,
  becomes?: TypeRef,
): string | undefined {
  const culprit = meantIn(expression, schema, becomes).find(({ volatile }) => volatile);
  if (culprit !== undefined) return culprit.label;
  let found: string | undefined;
  walk(expression, (kind) => {
    if (kind === 'SubLink') found = 'a subquery';
  });
  return found;
}

/** Whether a default is null, written or not. */
export function isNull(expression: Node | undefined): boolean {
  if (expression === undefined) return true;
  const inner = expression as { TypeCast?: { arg?: Node }; A_Const?: { isnull?: boolean } };
  if (inner.TypeCast !== undefined) return isNull(inner.TypeCast.arg);
  return inner.A_Const?.isnull === true;
}
