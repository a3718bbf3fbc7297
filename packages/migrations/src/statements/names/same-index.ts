/** Whether an index that is there is what a statement would make. */
import type { IndexStmt, Node } from 'libpg-query';
import type { Index } from '../../catalogue/catalogue.ts';
import { as, quoted } from '../../parse/nodes.ts';
import { columnsIn } from '../column-definition.ts';

/** An index as the statement that makes it says; without `plain` it names a comparison or a collation that may be the usual one. */
export function indexOf(statement: IndexStmt, name: string): Index {
  const keys = statement.indexParams ?? [];
  const included = statement.indexIncludingParams ?? [];
  const columns = [...keys, ...included].flatMap((node) => as(node, 'IndexElem')?.name ?? []);
  const computed =
    statement.whereClause !== undefined || keys.some((node) => as(node, 'IndexElem')?.expr !== undefined);
  const plain = isPlain(statement, keys);
  return {
    name,
    columns,
    reads: [...new Set([...columns, ...columnsIn([keys, statement.whereClause])])],
    unique: statement.unique === true,
    computed,
    valid: true,
    method: statement.accessMethod || 'btree',
    included: included.length,
    ...(plain === undefined ? {} : { plain }),
  };
}

function isPlain({ nulls_not_distinct }: IndexStmt, keys: readonly Node[]): boolean | undefined {
  const all = keys.flatMap((node) => as(node, 'IndexElem') ?? []);
  const sorted = all.some(
    ({ ordering, nulls_ordering }) =>
      ordering === 'SORTBY_DESC' || (nulls_ordering ?? 'SORTBY_NULLS_DEFAULT') === 'SORTBY_NULLS_FIRST',
  );
  if (sorted || nulls_not_distinct === true) return false;
  const named = all.some(({ opclass, opclassopts, collation }) =>
    [opclass, opclassopts, collation].some((given) => (given ?? []).length > 0),
  );
  return named ? undefined : true;
}

/** How the index that is there differs, in words; `same`; or `unknown`: what can be compared is equal, and not all can. */
export function differenceOf(wanted: Index, there: Index): { readonly differs: string } | 'same' | 'unknown' {
  const differs = (what: string) => ({ differs: what });
  if (!there.valid) return differs('it is INVALID, so no query uses it and nothing keeps it whole');
  if (wanted.unique !== there.unique) return differs(there.unique ? 'it is unique' : 'it isn’t unique');
  if (wanted.columns.join('\0') !== there.columns.join('\0'))
    return differs(`it is on ${there.columns.map(quoted).join(', ') || 'no column by itself'}`);
  if (wanted.computed !== there.computed)
    return differs(there.computed ? 'it has an expression or a condition' : 'it has no expression and no condition');
  if (there.method !== undefined && wanted.method !== there.method) return differs(`it is of the kind ${there.method}`);
  if (there.included !== undefined && wanted.included !== there.included)
    return differs(`it only includes ${there.included} of its columns`);
  if (wanted.plain !== undefined && there.plain !== undefined && wanted.plain !== there.plain)
    return differs('it sorts, compares or treats nulls in another way');
  if (wanted.computed) {
    const reads = (index: Index): string => [...index.reads].sort().join('\0');
    const whole = wanted.reads.includes('*') || there.reads.includes('*');
    return !whole && reads(wanted) !== reads(there)
      ? differs(`its expressions and its condition read ${there.reads.map(quoted).join(', ')}`)
      : 'unknown';
  }
  return wanted.plain === true && there.plain === true ? 'same' : 'unknown';
}
