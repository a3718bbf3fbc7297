import type { CopyStmt, DeleteStmt, InsertStmt, MergeStmt, Node, TruncateStmt, UpdateStmt } from 'libpg-query';
import type { TriggerEvent } from '../catalogue/catalogue.ts';
import type { TableState } from '../catalogue/table-state.ts';
import { BATCH_ROWS, touchedRows } from '../expressions/touched-rows.ts';
import { as, quoted, written } from '../parse/nodes.ts';
import { isFresh } from './alter-table/altered.ts';
import { runBehindWrite } from './behind.ts';
import { fire } from './firing.ts';
import { changedBy, follow } from './following-keys.ts';
import { failsIfPublished } from './publications.ts';
import { basesOf, callsIn, readBeside, runQuery, runView } from './queries.ts';
import { type Family, lockAll, relationIn, type Scene, tree } from './scene.ts';

/** UPDATE keeps every row that it changes locked until the transaction ends. */
export const update: Family<UpdateStmt> = (statement, scene) => {
  const { targetList, returningClause, whereClause, fromClause } = statement;
  const columns = (targetList ?? []).flatMap((node) => as(node, 'ResTarget')?.name ?? []);
  const changed = changedBy(targetList);
  const tables = targets(statement, 'update', scene, columns);
  readBeside([targetList, returningClause], scene);
  callsIn([targetList, returningClause], scene);
  for (const { table, shown } of tables) {
    const old = shown ? columns : columns.filter((column) => !isFresh(table, column));
    failsIfPublished(table, 'update', scene);
    const touched = changesRows({ table, shown }, whereClause, fromClause, 'changed', scene);
    runBehindWrite(table, false, scene);
    fire(table, 'update', scene, touched !== 'few', shown ? undefined : columns);
    follow(table, 'update', shown ? undefined : changed, scene);
    if (old.length > 0 && !table.fresh) scene.does.undo('never');
    if (touched !== 'few' && !table.fresh) adviseBatches(table, scene);
    scene.does.phase('data');
  }
};

export const remove: Family<DeleteStmt> = (statement, scene) => {
  const tables = targets(statement, 'delete', scene);
  readBeside(statement.returningClause, scene);
  callsIn(statement.returningClause, scene);
  for (const target of tables) removeFrom(target, statement, scene);
};

function removeFrom(target: Target, { whereClause, usingClause }: DeleteStmt, scene: Scene): void {
  const { table } = target;
  failsIfPublished(table, 'delete', scene);
  const touched = changesRows(target, whereClause, usingClause, 'deleted', scene);
  fire(table, 'delete', scene, touched !== 'few');
  scene.does.phase('data');
  follow(table, 'delete', undefined, scene);
  if (table.fresh) return;
  if (touched === 'few') {
    scene.does.undo('never');
    scene.does.remark('destroys-few', 'warning', `single rows of ${table.key} are deleted`);
    return;
  }
  if (isEmpty(table, scene)) return;
  scene.does.destroys(
    touched === 'all' ? `every row of ${table.key}` : `the rows of ${table.key} that the condition finds`,
  );
  adviseBatches(table, scene);
  adviseArchive(table, scene);
}

function adviseArchive(table: TableState, { does }: Scene): void {
  does.safely(
    'loss',
    'Copy what is deleted to an archive table first.',
    `CREATE TABLE ${written({ schema: table.schema, name: `${table.name}_archive` })} AS SELECT * FROM ${written(table)} …;`,
  );
}

export const insert: Family<InsertStmt> = (statement, scene) => {
  const tables = targets(statement, 'insert', scene);
  const select = as(statement.selectStmt, 'SelectStmt');
  if (select !== undefined && select.valuesLists === undefined) runQuery(select, scene);
  else callsIn(select, scene);
  callsIn([statement.onConflictClause, statement.returningClause], scene);
  const many = select !== undefined && select.valuesLists === undefined && select.limitCount === undefined;
  const set = (statement.onConflictClause?.targetList ?? []).flatMap((node) => as(node, 'ResTarget')?.name ?? []);
  const changed = changedBy(statement.onConflictClause?.targetList);
  for (const { table, shown } of tables) {
    runBehindWrite(table, true, scene);
    fire(table, 'insert', scene, many);
    if (statement.onConflictClause?.action === 'ONCONFLICT_UPDATE') {
      fire(table, 'update', scene, many, set);
      follow(table, 'update', shown ? undefined : changed, scene);
    }
    scene.does.phase('data');
  }
};

export const merge: Family<MergeStmt> = (statement, scene) => {
  const tables = targets(statement, 'update', scene);
  const { sourceRelation, joinCondition, mergeWhenClauses, returningClause } = statement;
  const beside = [sourceRelation, joinCondition, mergeWhenClauses, returningClause];
  readBeside(beside, scene);
  callsIn(beside, scene);
  const clauses = (mergeWhenClauses ?? []).flatMap((node) => as(node, 'MergeWhenClause') ?? []);
  const deletes = clauses.some(({ commandType }) => commandType === 'CMD_DELETE');
  for (const { table, shown } of tables) {
    runBehindWrite(table, true, scene);
    for (const { commandType, targetList } of clauses)
      if (commandType === 'CMD_DELETE') follow(table, 'delete', undefined, scene);
      else if (commandType === 'CMD_UPDATE') follow(table, 'update', shown ? undefined : changedBy(targetList), scene);
    for (const each of tree(scene, table)) scene.does.work('write', each, 'rows are merged into it', { partly: true });
    for (const event of ['insert', 'update', 'delete'] as const) fire(table, event, scene, true);
    if (!table.fresh) scene.does.undo('never');
    scene.does.phase('data');
    if (!deletes || table.fresh || isEmpty(table, scene)) continue;
    scene.does.destroys(`the rows of ${table.key} that are merged away (WHEN … THEN DELETE)`);
    adviseArchive(table, scene);
  }
};

export const copy: Family<CopyStmt> = (statement, scene) => {
  if (statement.is_program === true) scene.does.notKnown('what a program does that COPY starts isn’t known');
  // A query, or what changes rows and returns them.
  if (statement.query !== undefined) scene.run(statement.query, scene.text);
  const table = statement.relation === undefined ? undefined : relationIn(scene, statement.relation);
  if (table === undefined) return;
  scene.does.lock(table, statement.is_from === true ? 'ROW EXCLUSIVE' : 'ACCESS SHARE');
  if (statement.is_from !== true) scene.does.work('read', table, 'COPY reads it');
  else {
    runBehindWrite(table, true, scene);
    fire(table, 'insert', scene, true);
    scene.does.phase('data');
  }
};

/** TRUNCATE throws the files away, under the strongest lock. */
export const truncate: Family<TruncateStmt> = (statement, scene) => {
  const { does, schema } = scene;
  const cascade = statement.behavior === 'DROP_CASCADE';
  const named = (statement.relations ?? []).flatMap((node) => {
    const range = as(node, 'RangeVar');
    const table = relationIn(scene, range);
    return table === undefined ? [] : tree(scene, table, range?.inh !== true);
  });
  const all = new Map(named.map((table) => [table.key, table]));
  for (const table of all.values())
    for (const referrer of schema.referrers(table.key)) {
      if (all.has(referrer.key)) continue;
      if (cascade) for (const each of tree(scene, referrer)) all.set(each.key, each);
      else does.remark('fails', 'error', `${referrer.key} refers to ${table.key}, and nothing says CASCADE`);
    }
  lockAll(scene, [...all.values()], 'ACCESS EXCLUSIVE');
  for (const table of all.values()) fire(table, 'truncate', scene, false);
  does.phase('data');
  for (const table of all.values())
    if (!table.fresh && table.kind !== 'partitioned' && !isEmpty(table, scene))
      does.destroys(`every row of ${table.key}`);
  if ([...all.values()].some(({ fresh }) => !fresh))
    does.safely(['loss', 'lock'], 'Copy what is deleted to an archive table first, and delete in batches.');
};

/** As far as the catalogue knows: it may have got rows since, so that is worth a word. */
function isEmpty(table: TableState, scene: Scene): boolean {
  const empty = tree(scene, table).every(({ rows, kind }) => rows === 0 || kind === 'partitioned');
  if (empty)
    scene.does.remark(
      'destroys-few',
      'warning',
      `whatever ${table.key} has got since it was counted (it was empty) is gone`,
    );
  return empty;
}

/** What a statement changes. `shown`: by a view, whose columns may be others. */
interface Target {
  readonly table: TableState;
  readonly shown: boolean;
}

/** The table that is changed, which no WITH query of its name hides; of a view those that it shows, unless a trigger does it instead. */
function targets(
  statement: UpdateStmt | DeleteStmt | InsertStmt | MergeStmt,
  event: TriggerEvent,
  scene: Scene,
  columns?: readonly string[],
): readonly Target[] {
  const named = relationIn(scene, statement.relation);
  const shown = named?.kind === 'view';
  if (shown) {
    runView(named, scene);
    fire(named, event, scene, true, columns);
  }
  const instead = shown && named.triggers.some(({ fires }) => fires?.events.includes(event) && fires.off !== true);
  const tables = named === undefined || instead ? [] : basesOf(named, scene);
  const only = !shown && statement.relation?.inh !== true;
  for (const table of tables) lockAll(scene, tree(scene, table, only), 'ROW EXCLUSIVE');
  for (const node of statement.withClause?.ctes ?? []) {
    const inner = as(node, 'CommonTableExpr')?.ctequery;
    if (inner !== undefined) scene.run(inner, scene.text, true);
  }
  return tables.map((table) => ({ table, shown }));
}

function changesRows(
  { table, shown }: Target,
  where: Node | undefined,
  from: readonly Node[] | undefined,
  done: string,
  scene: Scene,
) {
  readBeside([where, from], scene);
  callsIn([where, from], scene);
  const joined = shown || (from ?? []).length > 0;
  // A key of the table is none of its heirs: each needs its own.
  const each = tree(scene, table).filter(({ kind }) => kind !== 'partitioned');
  const found = (each.length === 0 ? [table] : each).map((one) => touchedRows(where, one, joined));
  // For each of many rows, a few are many.
  const touched = found.find((one) => one !== 'few') ?? (scene.manyTimes ? 'some' : 'few');
  if (touched !== 'few')
    for (const each of tree(scene, table))
      scene.does.work(
        'write',
        each,
        touched === 'all' ? `every row is ${done}` : `rows are ${done} by a condition that isn’t a key`,
        { partly: touched === 'some' },
      );
  return touched;
}

function adviseBatches(table: TableState, scene: Scene): void {
  const key = table.indexes.find(({ unique, columns }) => unique && columns.length === 1)?.columns[0] ?? 'id';
  scene.does.safely(
    ['write', 'lock'],
    `In batches by the key, each in a transaction of its own, of at most ${BATCH_ROWS.toLocaleString('en')} rows, so that nobody waits long for a row.`,
    `… WHERE ${quoted(key)} BETWEEN … AND …;`,
  );
}
