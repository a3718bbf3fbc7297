/** Names of constraints: the one that PostgreSQL would choose, and what it refuses for a name. */
import type { Constraint as ConstraintNode } from 'libpg-query';
import type { Constraint, Index } from '../../catalogue/catalogue.ts';
import { NextNumbers } from '../../catalogue/next-numbers.ts';
import type { TableState } from '../../catalogue/table-state.ts';
import type { WorkingSchema } from '../../catalogue/working-schema.ts';
import { quoted, strings } from '../../parse/nodes.ts';
import { columnsIn, constraintFrom, indexFrom } from '../column-definition.ts';
import type { Scene } from '../scene.ts';
import { type Among, chosenName, indexColumnsName } from './chosen-name.ts';
import { fails, failsIfTaken, isFull } from './taken-name.ts';

interface Named {
  readonly schema: string;
  readonly name: string;
}

/** A constraint with its name; one that has none gets what PostgreSQL would give it. `others`: names of its table's constraints. `numbers`: of what stays. */
export function withName(
  part: ConstraintNode,
  table: Named,
  others: ReadonlySet<string>,
  schema: WorkingSchema,
  numbers = schema.numbers,
): ConstraintNode {
  if (part.conname !== undefined) return part;
  if (part.indexname !== undefined) return { ...part, conname: part.indexname };
  const isConstraint = (name: string): boolean => others.has(name);
  const ofConstraints: Among = { numbers, scope: `${table.schema}.${table.name}`, isTaken: isConstraint };
  const ofIndexes: Among = {
    numbers,
    scope: table.schema,
    isTaken: (name) => isConstraint(name) || schema.isTaken(table.schema, name),
  };
  const choose = (columns: readonly string[], label: string, among = ofIndexes): ConstraintNode => ({
    ...part,
    conname: chosenName(table.name, columns.length === 0 ? undefined : columns.join('_'), label, among),
  });
  switch (part.contype) {
    case 'CONSTR_PRIMARY':
      return choose([], 'pkey');
    case 'CONSTR_UNIQUE':
      return choose([...strings(part.keys), ...strings(part.including)], 'key');
    case 'CONSTR_EXCLUSION':
      return choose([indexColumnsName((part.exclusions ?? []).flatMap(firstOf))], 'excl');
    case 'CONSTR_FOREIGN':
      return choose(strings(part.fk_attrs), 'fkey', ofConstraints);
    case 'CONSTR_CHECK': {
      const columns = columnsIn(part.raw_expr);
      return choose(columns.length === 1 ? columns : [], 'check', ofConstraints);
    }
    case 'CONSTR_NOTNULL':
      return schema.server >= 18 ? choose(strings(part.keys), 'not_null', ofConstraints) : part;
    default:
      return part;
  }
}

/** An exclusion is a list of an index's element and an operator. */
function firstOf(exclusion: NonNullable<ConstraintNode['exclusions']>[number]) {
  return (exclusion as { List?: { items?: (typeof exclusion)[] } }).List?.items?.slice(0, 1) ?? [];
}

/**
 * The constraints and indexes that parts of a definition make, each with a name that none before it has. `say`: also what of
 * them is there already.
 */
export function madeBy(
  parts: readonly ConstraintNode[],
  table: TableState,
  scene: Scene,
  say: boolean,
): { readonly constraints: readonly Constraint[]; readonly indexes: readonly Index[] } {
  const constraints: Constraint[] = [];
  const indexes: Index[] = [];
  const others = new Set(table.constraints.map(({ name }) => name));
  // What a table that isn't there yet takes, it may never take.
  const numbers = scene.schema.byKey(table.key) === undefined ? new NextNumbers() : scene.schema.numbers;
  for (const part of parts) {
    const before = [...table.constraints, ...constraints];
    if (makesOne(part) && isFull(scene, { ...table, constraints: before })) break;
    if (say) failsIfThere(part, { ...table, constraints: before }, scene);
    const named = withName(part, table, others, scene.schema, numbers);
    const constraint = constraintFrom(named, scene);
    const index = indexFrom(named);
    if (constraint !== undefined) {
      constraints.push(constraint);
      others.add(constraint.name);
    }
    if (index !== undefined) indexes.push(index);
  }
  return { constraints, indexes };
}

/** Parts that are none (NULL, DEFAULT, GENERATED …) count for nothing. */
function makesOne({ contype }: ConstraintNode): boolean {
  return contype === 'CONSTR_CHECK' || contype === 'CONSTR_FOREIGN' || KEYS.includes(contype);
}

const KEYS: readonly ConstraintNode['contype'][] = ['CONSTR_PRIMARY', 'CONSTR_UNIQUE', 'CONSTR_EXCLUSION'];

/** Says what of a new constraint is there already: one of its name, an index's or table's, or a primary key. */
export function failsIfThere(part: ConstraintNode, table: TableState, scene: Scene): void {
  const { conname, indexname, contype } = part;
  const key = KEYS.includes(contype);
  const primary = table.constraints.find(({ kind }) => kind === 'primary');
  if (contype === 'CONSTR_PRIMARY' && primary !== undefined)
    fails(scene, `${table.key} has a primary key already (${quoted(primary.name)})`);
  if (indexname !== undefined) failsWithIndex(indexname, part, table, scene);
  if (conname === undefined) return;
  // A CHECK that is inherited already may be given once more.
  const merges = contype === 'CONSTR_CHECK' && table.parents.length > 0;
  if (!merges && table.constraints.some(({ name }) => name === conname))
    fails(scene, `${table.key} has a constraint ${quoted(conname)} already`);
  else if (key && conname !== indexname) failsIfTaken(scene, { schema: table.schema, name: conname });
}

/** What keeps an index from becoming a constraint. */
function failsWithIndex(name: string, { contype }: ConstraintNode, table: TableState, scene: Scene): void {
  const index = table.indexes.find((each) => each.name === name);
  const what = contype === 'CONSTR_PRIMARY' ? 'a primary key' : 'a constraint';
  if (index === undefined) {
    if (table.known && (scene.schema.complete || table.fresh))
      fails(scene, `${table.key} has no index ${quoted(name)}`);
  } else if (!index.valid) fails(scene, `the index ${quoted(name)} is INVALID, and becomes no constraint`);
  else if (!index.unique) fails(scene, `the index ${quoted(name)} isn’t unique, and becomes no constraint`);
  else if (index.computed)
    fails(scene, `the index ${quoted(name)} has an expression or a condition, and becomes no constraint`);
  else if (index.plain === false)
    fails(scene, `the index ${quoted(name)} doesn’t sort as usual, and becomes no constraint`);
  else if (table.constraints.some((each) => each.name === name))
    fails(scene, `the index ${quoted(name)} is that of ${what} already`);
}
