/** Whether a table fits where it is to stand: below a parent, as a partition, of a type. PostgreSQL refuses what doesn't. */
import type { Column } from '../../catalogue/catalogue.ts';
import type { TableState } from '../../catalogue/table-state.ts';
import { typeRefFrom, typeText } from '../../catalogue/type-name.ts';
import { as, nameFrom, quoted, written } from '../../parse/nodes.ts';
import { fails, isWhole } from '../names/taken-name.ts';
import type { Scene } from '../scene.ts';
import type { Part } from './altered.ts';

/** A partitioned table has one default partition at most. */
export function failsOnDefault(scene: Scene, parent: TableState): void {
  const there = scene.schema
    .descendants(parent.key)
    .find((each) => each.defaultPartition && each.parents.includes(parent.key));
  if (there !== undefined) fails(scene, `${parent.key} has a default partition already: ${there.key}`);
}

export function failsToAttach(scene: Scene, parent: TableState, child: TableState, isDefault: boolean): void {
  if (isDefault) failsOnDefault(scene, parent);
  const why = whyNotAttached(scene, parent, child);
  if (why !== undefined) fails(scene, why);
}

function whyNotAttached(scene: Scene, parent: TableState, child: TableState): string | undefined {
  if (parent.known && parent.kind !== 'partitioned') return `${parent.key} isn’t partitioned`;
  if (child.parents.length > 0) return `${child.key} has a parent already: ${child.parents[0]}`;
  const more = child.columns.find(({ name }) => !parent.columns.some((each) => each.name === name));
  if (more !== undefined && isWhole(parent, scene.schema))
    return `${child.key} has a column ${quoted(more.name)}, which ${parent.key} hasn’t`;
  return whyMisfit(scene, parent, child);
}

export function failsToInherit(scene: Scene, child: TableState, parent: TableState): void {
  const why = whyNotInherited(scene, child, parent);
  if (why !== undefined) fails(scene, why);
}

function whyNotInherited(scene: Scene, child: TableState, parent: TableState): string | undefined {
  if (parent.kind === 'partitioned') return `${parent.key} is partitioned, and nothing inherits from such a table`;
  if (child.parents.some((key) => scene.schema.byKey(key)?.kind === 'partitioned'))
    return `${child.key} is a partition, and has no other parent`;
  if (child.parents.includes(parent.key)) return `${child.key} inherits from ${parent.key} already`;
  if (child.key === parent.key || scene.schema.descendants(child.key).some(({ key }) => key === parent.key))
    return `${parent.key} is ${child.key} itself, or stands below it`;
  return whyMisfit(scene, parent, child);
}

/** Each column of the parent has to be there, of its type, and NOT NULL where it is; and so has each CHECK. */
function whyMisfit(scene: Scene, parent: TableState, child: TableState): string | undefined {
  const { schema } = scene;
  if (!isWhole(child, schema) || !parent.known) return undefined;
  const own = new Map(child.columns.map((column) => [column.name, column]));
  for (const column of parent.columns) {
    const there = own.get(column.name);
    if (there === undefined) return `${child.key} has no column ${quoted(column.name)}, which ${parent.key} has`;
    const differs = typeDiffers(there, column);
    if (differs !== undefined)
      return `${quoted(column.name)} of ${child.key} is ${differs.of}, and ${differs.wants} in ${parent.key}`;
    if (!column.nullable && there.nullable)
      return `${quoted(column.name)} of ${child.key} may be null, and not in ${parent.key}`;
  }
  // Catalogues of before don't tell which of them heirs have.
  if (!schema.publications.known) return undefined;
  for (const { kind, name, noInherit } of parent.constraints)
    if (
      kind === 'check' &&
      noInherit !== true &&
      !child.constraints.some((each) => each.kind === 'check' && each.name === name)
    )
      return `${child.key} has no CHECK ${quoted(name)}, which ${parent.key} has`;
  return undefined;
}

type Typed = Pick<Column, 'name' | 'type'>;

function typeDiffers(one: Typed, other: Typed): { readonly of: string; readonly wants: string } | undefined {
  if (one.type === 'unknown' || other.type === 'unknown') return undefined;
  const [of, wants] = [typeRefFrom(one.type), typeRefFrom(other.type)];
  const schemas = of.schema === wants.schema || of.schema === undefined || wants.schema === undefined;
  const same = schemas && of.name === wants.name && of.array === wants.array && of.mods.join() === wants.mods.join();
  return same ? undefined : { of: typeText(of), wants: typeText(wants) };
}

/** OF a type: the table has exactly its attributes, in their order. */
export const addOf: Part = ({ def }, { table }, scene) => {
  const name = nameFrom(as(def, 'TypeName')?.names);
  const type = scene.schema.type(name);
  const typeName = written(name);
  if (type === undefined) {
    if (scene.schema.publications.known && scene.schema.find(name) === undefined)
      fails(scene, `there is no type ${typeName}`);
  } else if (type.kind !== 'composite') fails(scene, `${typeName} is no composite type`);
  else if (type.attributes !== undefined && isWhole(table, scene.schema)) {
    const why = whyNotOf(table, type.attributes, typeName);
    if (why !== undefined) fails(scene, why);
  }
  return 'ACCESS EXCLUSIVE';
};

function whyNotOf(table: TableState, attributes: readonly Typed[], type: string): string | undefined {
  for (const [i, attribute] of attributes.entries()) {
    const column = table.columns[i];
    const differs = column === undefined ? undefined : typeDiffers(column, attribute);
    if (column?.name !== attribute.name)
      return `${table.key} has ${column === undefined ? 'no column' : `a column ${quoted(column.name)}`} where ${type} has ${quoted(attribute.name)}`;
    if (differs !== undefined)
      return `${quoted(attribute.name)} of ${table.key} is ${differs.of}, and ${differs.wants} in ${type}`;
  }
  const more = table.columns[attributes.length];
  return more === undefined ? undefined : `${table.key} has a column ${quoted(more.name)}, which ${type} hasn’t`;
}
