import type {
  Constraint as ConstraintNode,
  CreateStmt,
  CreateTableAsStmt,
  Node,
  RangeVar,
  SelectStmt,
} from 'libpg-query';
import type { Constraint, Index, Use } from '../catalogue/catalogue.ts';
import { blank, type ColumnState, type TableState } from '../catalogue/table-state.ts';
import { as, nameOf, written } from '../parse/nodes.ts';
import { failsOnDefault } from './alter-table/fitting.ts';
import { lockKeys, lookAtDefault } from './alter-table/partitions.ts';
import { columnFrom, partsOfColumn } from './column-definition.ts';
import { madeBy } from './names/constraint-name.ts';
import { failsAsColumn, failsToRefer } from './names/refused-column.ts';
import { hasAllColumns, lacksColumns, passedOverIfTaken } from './names/taken-name.ts';
import { callsOfOwn, readsOf, runQuery } from './queries.ts';
import { type Family, lockAll, noteIfHides, relationIn, type Scene, tree } from './scene.ts';

/** A new table costs nobody anything, but for what it refers to, inherits from, or is a partition of. */
export const createTable: Family<CreateStmt> = (statement, scene) => {
  const { schema, does } = scene;
  const name = madeName(statement.relation, scene);
  const there = schema.byKey(`${name.schema}.${name.name}`);
  if (there !== undefined) {
    if (statement.if_not_exists !== true) does.remark('fails', 'error', `there is a relation ${there.key} already`);
    else lacksColumns(scene, there, columnsIn(statement.tableElts ?? []));
    if (!there.fresh) return;
  } else if (passedOverIfTaken(scene, name, statement.if_not_exists === true)) return;
  const parts = readElements(statement.tableElts ?? [], name, scene);
  const parents = (statement.inhRelations ?? []).flatMap((node) => relationIn(scene, as(node, 'RangeVar')) ?? []);
  const isPartition = statement.partbound !== undefined;
  const made: TableState = {
    ...blank(name, statement.partspec === undefined ? 'table' : 'partitioned'),
    // IF NOT EXISTS may find one that is there, full and in use, unless the catalogue says that there is none.
    fresh: !scene.conditional && (statement.if_not_exists !== true || schema.complete),
    ...parts,
    columns: [...parents.flatMap(({ columns }) => columns), ...parts.columns],
    parents: parents.map(({ key }) => key),
    defaultPartition: statement.partbound?.is_default === true,
    unlogged: statement.relation?.relpersistence === 'u',
  };
  if (!made.fresh) schema.put({ ...made, rows: null, bytes: null, indexBytes: null, known: false });
  for (const parent of parents) {
    does.lock(parent, isPartition ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE');
    if (!isPartition) continue;
    if (made.defaultPartition) failsOnDefault(scene, parent);
    lookAtDefault(scene, { table: parent, tables: [], only: false }, made.defaultPartition);
    lockKeys(scene, parent, 'SHARE ROW EXCLUSIVE', 'SHARE ROW EXCLUSIVE');
  }
  if (isPartition && parents.some((parent) => !parent.fresh))
    does.safely(
      ['lock', 'queue'],
      'CREATE TABLE first, ATTACH PARTITION then: ATTACH takes a weaker lock on the partitioned table. Where there is a default partition, both read all of it under its strongest lock, unless a validated CHECK of it excludes the new bounds.',
    );
  for (const { references } of parts.constraints) {
    const other = references === undefined ? undefined : schema.byKey(references.relation);
    if (other === undefined) continue;
    lockAll(scene, tree(scene, other), 'SHARE ROW EXCLUSIVE');
    failsToRefer(scene, other, references?.columns ?? []);
  }
  noteIfHides(scene, name);
  if (made.fresh) schema.put(made);
  if (statement.oncommit !== 'ONCOMMIT_DROP') return;
  if (scene.session.inTransaction) scene.session.untilCommit.add(made.key);
  else schema.remove(made.key);
};

function columnsIn(elements: readonly Node[]): readonly string[] {
  return elements.flatMap((element) => as(element, 'ColumnDef')?.colname ?? []);
}

/** A new relation's name. */
interface Made {
  readonly schema: string;
  readonly name: string;
}

/** Where a relation is made: a temporary one in the session's own schema. */
function madeName(range: RangeVar | undefined, scene: Scene): Made {
  const asked = nameOf(range);
  return range?.relpersistence === 't' ? { schema: 'pg_temp', name: asked.name } : scene.schema.qualified(asked);
}

interface Elements {
  readonly columns: readonly ColumnState[];
  readonly constraints: readonly Constraint[];
  readonly indexes: readonly Index[];
}

function readElements(elements: readonly Node[], table: Made, scene: Scene): Elements {
  const columns: ColumnState[] = [];
  const given: ConstraintNode[] = [];
  for (const element of elements) {
    const column = as(element, 'ColumnDef');
    if (column !== undefined) {
      if (hasAllColumns(scene, `${table.schema}.${table.name}`, columns.length)) break;
      failsAsColumn(scene, column, false);
      columns.push(columnFrom(column));
      given.push(...partsOfColumn(column));
    }
    const part = as(element, 'Constraint');
    if (part !== undefined) given.push(part);
    const like = as(element, 'TableLikeClause');
    const model = like === undefined ? undefined : relationIn(scene, like.relation);
    if (model !== undefined) {
      scene.does.lock(model, 'ACCESS SHARE');
      columns.push(...model.columns);
    }
  }
  const { constraints, indexes } = madeBy(given, blank(table, 'table'), scene, true);
  const keys = new Set(constraints.flatMap((each) => (each.kind === 'primary' ? each.columns : [])));
  return {
    columns: columns.map((each) => (keys.has(each.name) ? { ...each, nullable: false } : each)),
    constraints,
    indexes,
  };
}

/** CREATE TABLE … AS, SELECT … INTO, CREATE MATERIALIZED VIEW: reads, and nobody waits. */
export const createTableAs: Family<CreateTableAsStmt> = (statement, scene) => {
  const { schema, does } = scene;
  const query = as(statement.query, 'SelectStmt');
  const uses: readonly Use[] = query === undefined ? [] : readsOf(query, scene);
  if (query === undefined && as(statement.query, 'ExecuteStmt') !== undefined)
    does.notKnown('what a prepared statement reads isn’t known');
  if (query !== undefined && statement.into?.skipData !== true) runQuery(query, scene);
  const name = madeName(statement.into?.rel, scene);
  const there = schema.byKey(`${name.schema}.${name.name}`);
  if (there !== undefined) {
    if (statement.if_not_exists !== true) does.remark('fails', 'error', `there is a relation ${written(name)} already`);
    return;
  }
  if (passedOverIfTaken(scene, name, statement.if_not_exists === true)) return;
  noteIfHides(scene, name);
  const isView = statement.objtype === 'OBJECT_MATVIEW';
  schema.put({
    ...blank(name, isView ? 'materialized-view' : 'table'),
    fresh: !scene.conditional && (statement.if_not_exists !== true || schema.complete),
    known: false,
    rows: null,
    bytes: null,
    indexBytes: 0,
    ...(isView ? { uses, calls: callsOfOwn(query, scene) } : {}),
  });
};

/** SELECT … INTO, as its tree says it. */
export function intoTable(select: SelectStmt, scene: Scene): void {
  const name = madeName(select.intoClause?.rel, scene);
  scene.schema.put({ ...blank(name, 'table'), known: false });
}
