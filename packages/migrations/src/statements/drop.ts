import type { DropStmt, Node, ObjectType } from 'libpg-query';
import type { RelationKind } from '../catalogue/catalogue.ts';
import type { TableState } from '../catalogue/table-state.ts';
import { as, type Name, nameFrom, quoted, strings, written } from '../parse/nodes.ts';
import { failsIfNoTrigger, failsIfNot } from './names/missing-name.ts';
import { fails, failsWithoutIndex, holderText, standsOnIndex } from './names/taken-name.ts';
import { dropPublication, watchPublished } from './publications.ts';
import { dropRoutines } from './routines.ts';
import { breaksIfUsed, type Family, lockAll, relationIn, type Scene, tree } from './scene.ts';
import { dropType } from './types.ts';

type Drop = (object: Node, statement: DropStmt, scene: Scene) => void;

const DROPS: Partial<Record<ObjectType, Drop>> = {
  OBJECT_TABLE: dropRelation,
  OBJECT_FOREIGN_TABLE: dropRelation,
  OBJECT_VIEW: dropRelation,
  OBJECT_MATVIEW: dropRelation,
  OBJECT_SEQUENCE: dropRelation,
  OBJECT_INDEX: dropIndex,
  OBJECT_SCHEMA: dropSchema,
  OBJECT_TYPE: dropType,
  OBJECT_DOMAIN: dropType,
  OBJECT_FUNCTION: dropRoutines,
  OBJECT_PROCEDURE: dropRoutines,
  OBJECT_ROUTINE: dropRoutines,
  OBJECT_AGGREGATE: dropRoutines,
  OBJECT_TRIGGER: dropOnTable,
  OBJECT_RULE: dropOnTable,
  OBJECT_POLICY: dropOnTable,
  OBJECT_EXTENSION: dropExtension,
  OBJECT_PUBLICATION: (object, { missing_ok }, scene) =>
    dropPublication(as(object, 'String')?.sval ?? '', missing_ok === true, scene),
  OBJECT_STATISTIC_EXT: () => {},
  OBJECT_COLLATION: dropOther,
  OBJECT_CAST: dropOther,
  OBJECT_OPERATOR: dropOther,
};

export const drop: Family<DropStmt> = (statement, scene) => {
  const act = DROPS[statement.removeType ?? 'OBJECT_TABLE'];
  for (const object of statement.objects ?? []) {
    if (act === undefined) scene.does.notKnown(`what dropping ${statement.removeType} does isn’t known here`);
    else scene.does.within(() => act(object, statement, scene));
  }
};

function nameIn(object: Node): Name {
  return nameFrom(as(object, 'List')?.items ?? [object]);
}

const EXPECTED: Partial<Record<ObjectType, readonly RelationKind[]>> = {
  OBJECT_TABLE: ['table', 'partitioned'],
  OBJECT_FOREIGN_TABLE: ['foreign'],
  OBJECT_VIEW: ['view'],
  OBJECT_MATVIEW: ['materialized-view'],
  OBJECT_SEQUENCE: ['sequence'],
};

function dropRelation(object: Node, { behavior, missing_ok, removeType }: DropStmt, scene: Scene): void {
  const table = relationIn(scene, nameIn(object), missing_ok === true);
  if (table === undefined) return;
  const { does, schema } = scene;
  const expected = EXPECTED[removeType ?? 'OBJECT_TABLE'];
  if (expected?.includes(table.kind) === false && table.known)
    fails(scene, `${table.key} is ${holderText({ kind: table.kind, relation: table })}, and is dropped as such`);
  const cascade = behavior === 'DROP_CASCADE';
  const views = schema.viewsOn(table.key);
  const referrers = schema.referrers(table.key);
  if (!cascade && (views.length > 0 || referrers.length > 0))
    does.remark(
      'fails',
      'error',
      `${(views[0] ?? referrers[0])?.key} depends on ${table.key}, and nothing says CASCADE`,
    );
  for (const each of tree(scene, table)) removeOne(each, scene);
  if (cascade) {
    for (const view of views) removeOne(view, scene);
    lockAll(scene, referrers, 'ACCESS EXCLUSIVE');
  }
}

/** A table that goes takes the triggers of its foreign keys from the tables that it refers to. */
function removeOne(table: TableState, scene: Scene): void {
  const { does, schema } = scene;
  does.lock(table, 'ACCESS EXCLUSIVE');
  for (const { references } of table.constraints) {
    const other = references === undefined ? undefined : schema.byKey(references.relation);
    if (other !== undefined && other.key !== table.key) lockAll(scene, tree(scene, other), 'ACCESS EXCLUSIVE');
  }
  for (const parent of table.parents) {
    const state = schema.byKey(parent);
    if (state !== undefined) does.lock(state, 'ACCESS EXCLUSIVE');
  }
  if (!table.fresh) {
    if (table.kind === 'table' || table.kind === 'partitioned') does.destroys(`the rows of ${table.key}`);
    else does.phase('contract');
    breaksIfUsed(scene, table, 'certain', `running code that names ${table.key} fails`, table.key);
    does.safely(
      ['loss', 'break'],
      'Release code that doesn’t use it first; drop it in a later release, when no slot, worker or open way back needs it. Archive its rows before.',
    );
  }
  for (const { key } of schema.sequencesOf(table.key)) schema.remove(key);
  schema.remove(table.key);
}

function dropIndex(object: Node, { concurrent, missing_ok }: DropStmt, scene: Scene): void {
  const name = nameIn(object);
  const { does, schema } = scene;
  const table = schema.tableOfIndex(name);
  const index = table?.indexes.find((each) => each.name === name.name);
  if (concurrent === true) does.outsideTransaction('DROP INDEX CONCURRENTLY waits for every other transaction');
  if (table === undefined) {
    if (!(schema.complete && missing_ok === true && schema.find(name) === undefined)) failsWithoutIndex(scene, name);
    return;
  }
  if (table.constraints.some((each) => each.name === name.name && standsOnIndex(each))) {
    fails(scene, `the constraint ${quoted(name.name)} of ${table.key} needs the index ${written(name)}`);
    does.safely(
      'fails',
      'Drop the constraint, and its index goes along.',
      `ALTER TABLE ${written(table)} DROP CONSTRAINT ${quoted(name.name)};`,
    );
  }
  lockAll(
    scene,
    tree(scene, table, table.kind !== 'partitioned'),
    concurrent === true ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE',
  );
  breaksIfUsed(
    scene,
    table,
    'possible',
    index?.unique === true
      ? `nothing keeps ${table.key} from holding the same row twice, and running code’s ON CONFLICT on it fails`
      : `statements of running code that use ${quoted(name.name)} read all of ${table.key}`,
    `${table.key}.${name.name}`,
  );
  if (!table.fresh)
    does.safely(
      'break',
      'Drop it when no statement of running code needs it any more; how often it was used, the server counts.',
      `SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = '${name.name.replaceAll("'", "''")}';`,
    );
  if (concurrent !== true && !table.fresh)
    does.safely(
      ['lock', 'queue'],
      'DROP INDEX CONCURRENTLY, outside of a transaction, makes nobody wait.',
      `DROP INDEX CONCURRENTLY ${written(name)};`,
    );
  watchPublished(scene, [table], () =>
    schema.put({ ...table, indexes: table.indexes.filter((each) => each.name !== name.name) }),
  );
}

function dropSchema(object: Node, { behavior }: DropStmt, scene: Scene): void {
  const name = as(object, 'String')?.sval ?? strings(as(object, 'List')?.items)[0] ?? '';
  const { does, schema } = scene;
  const inside = schema.within(name);
  if (behavior !== 'DROP_CASCADE') return;
  for (const table of inside) {
    for (const view of schema.viewsOn(table.key)) if (view.schema !== name) removeOne(view, scene);
    lockAll(scene, schema.referrers(table.key), 'ACCESS EXCLUSIVE');
    removeOne(table, scene);
  }
  if (!schema.complete) does.notKnown(`what stands in the schema ${quoted(name)}, all of which goes, isn’t known`);
  const all = inside.every(({ fresh }) => fresh) && schema.complete;
  if (!all) {
    does.destroys(`everything in the schema ${quoted(name)}`);
    does.breaks('certain', `running code that names anything in ${quoted(name)} fails`, `${name}.*`);
  }
  // Functions and types go, too; code that calls them can't be told from here.
  if (all) does.breaks('possible', `functions and types of ${quoted(name)} go, if there are any`);
}

/** DROP TRIGGER, RULE, POLICY: the last part of the name is the thing, what stands before it the table. */
function dropOnTable(object: Node, { missing_ok, removeType }: DropStmt, scene: Scene): void {
  const parts = strings(as(object, 'List')?.items);
  const table = relationIn(scene, { schema: parts.at(-3), name: parts.at(-2) ?? '' }, missing_ok === true);
  if (table === undefined) return;
  const name = parts.at(-1) ?? '';
  const kind = removeType === 'OBJECT_TRIGGER' ? 'trigger' : removeType === 'OBJECT_RULE' ? 'rule' : 'policy';
  if (table.known && kind === 'trigger' && missing_ok === true && !table.triggers.some((each) => each.name === name))
    return;
  if (
    kind !== 'trigger' &&
    missing_ok === true &&
    (kind === 'rule' ? table.rules : table.policies)?.includes(name) === false
  )
    return;
  if (
    missing_ok !== true &&
    (kind === 'trigger' ? failsIfNoTrigger(scene, table, name) : failsIfNot(scene, table, kind, name))
  )
    return;
  lockAll(scene, kind === 'trigger' ? tree(scene, table) : [table], 'ACCESS EXCLUSIVE');
  const what =
    kind === 'policy'
      ? `what the policy ${quoted(name)} of ${table.key} let running code see or kept from it changes`
      : `what the ${kind} ${quoted(name)} does for running code’s writes to ${table.key} is no longer done`;
  breaksIfUsed(scene, table, 'possible', what, `${table.key}.${name}`);
  if (!table.fresh) scene.does.phase('contract');
  scene.schema.put({
    ...table,
    ...(kind === 'trigger' ? { triggers: table.triggers.filter((each) => each.name !== name) } : {}),
    ...(kind === 'rule' ? { rules: table.rules?.filter((each) => each !== name) } : {}),
    ...(kind === 'policy' ? { policies: table.policies?.filter((each) => each !== name) } : {}),
  });
}

function dropExtension(object: Node, { behavior }: DropStmt, scene: Scene): void {
  const name = as(object, 'String')?.sval ?? '';
  scene.does.breaks('certain', `running code that uses anything of the extension ${quoted(name)} fails`, name);
  if (behavior === 'DROP_CASCADE')
    scene.does.notKnown(`what goes along with the extension ${quoted(name)} isn’t known`);
}

function dropOther(_object: Node, { removeType, behavior }: DropStmt, scene: Scene): void {
  scene.does.breaks('certain', `running code that uses it fails (${removeType?.slice(7).toLowerCase()})`);
  if (behavior === 'DROP_CASCADE') scene.does.notKnown('what goes along with it isn’t known');
}
