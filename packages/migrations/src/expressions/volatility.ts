/** Whether an expression may give another value for every row, which is what makes PostgreSQL write a table again. */
import type { Node } from 'libpg-query';
import type { WorkingSchema } from '../catalogue/working-schema.ts';
import { nameFrom, walk } from '../parse/nodes.ts';
import { STEADY_FUNCTIONS } from './steady-functions.ts';

/** The first function of an expression that is volatile, or of which that isn't known; `undefined`: there is none. */
export function volatilePart(expression: Node | undefined, schema: WorkingSchema): string | undefined {
  let found: string | undefined;
  walk(expression, (kind, content) => {
    if (found !== undefined) return;
    if (kind === 'FuncCall') {
      const name = nameFrom((content as { funcname?: readonly Node[] }).funcname);
      if (!isSteady(name, schema)) found = `${name.name}()`;
    }
    // An operator that is named with its schema is somebody's own.
    if (kind === 'A_Expr' && ((content as { name?: readonly unknown[] }).name?.length ?? 0) > 1) found = 'an operator';
    if (kind === 'SubLink') found = 'a subquery';
  });
  return found;
}

function isSteady(
  name: { readonly schema?: string | undefined; readonly name: string },
  schema: WorkingSchema,
): boolean {
  const own = name.schema === 'pg_catalog' ? [] : schema.routines(name);
  // pg_catalog comes first in the path unless somebody says else: only what isn't there is looked for elsewhere.
  if (name.schema === undefined && STEADY_FUNCTIONS.has(name.name)) return true;
  if (name.schema === 'pg_catalog') return STEADY_FUNCTIONS.has(name.name);
  return own.length > 0 && own.every(({ volatility }) => volatility !== 'volatile');
}

/** Whether a default is null, written or not. */
export function isNull(expression: Node | undefined): boolean {
  if (expression === undefined) return true;
  const inner = expression as { TypeCast?: { arg?: Node }; A_Const?: { isnull?: boolean } };
  if (inner.TypeCast !== undefined) return isNull(inner.TypeCast.arg);
  return inner.A_Const?.isnull === true;
}
