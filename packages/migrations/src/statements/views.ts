import type { RefreshMatViewStmt, SelectStmt, ViewStmt } from 'libpg-query';
import { blank, type TableState } from '../catalogue/table-state.ts';
import { as, nameOf, quoted, strings, written } from '../parse/nodes.ts';
import { intoTable } from './create-table.ts';
import { fails, failsIfTaken, holderText, isWhole } from './names/taken-name.ts';
import { callsOfOwn, readsOf, runQuery, runView } from './queries.ts';
import { type Family, noteIfHides, relationIn, type Scene } from './scene.ts';
import { setConfigOf } from './session.ts';

/** A view holds no rows. One that is replaced may only gain columns: PostgreSQL refuses anything else. */
export const createView: Family<ViewStmt> = (statement, scene) => {
  const { schema, does } = scene;
  const query = as(statement.query, 'SelectStmt');
  const uses = query === undefined ? [] : readsOf(query, scene);
  const name = schema.qualified(nameOf(statement.view));
  const before = schema.byKey(`${name.schema}.${name.name}`);
  const columns = columnsOf(statement, query, scene);
  if (before === undefined && failsIfTaken(scene, name)) return;
  if (before !== undefined && statement.replace === true && before.kind !== 'view' && before.known)
    fails(scene, `${before.key} is ${holderText({ kind: before.kind, relation: before })}, and no view to be replaced`);
  if (before !== undefined || (statement.replace === true && !schema.complete)) {
    if (statement.replace !== true) {
      does.remark('fails', 'error', `there is a relation ${written(name)} already`);
      return;
    }
    if (before !== undefined) does.lock(before, 'ACCESS EXCLUSIVE');
    if (before?.fresh !== true) replaced(before, columns, written(name), scene);
  }
  if (before === undefined) noteIfHides(scene, name);
  schema.put({
    ...blank(name, 'view'),
    fresh: before?.fresh ?? (schema.complete || statement.replace !== true),
    known: columns !== undefined,
    columns: (columns ?? []).map((column) => ({ name: column, type: 'unknown', nullable: true })),
    uses,
    calls: callsOfOwn(statement.query, scene),
  });
};

function replaced(
  before: TableState | undefined,
  columns: readonly string[] | undefined,
  name: string,
  scene: Scene,
): void {
  const old = before?.known === true ? before.columns.map((column) => column.name) : undefined;
  if (old === undefined || columns === undefined) {
    scene.does.breaks(
      'possible',
      `the columns of ${name} ${old === undefined ? 'before' : 'after'} aren’t known: what running code reads from it may change`,
    );
    return;
  }
  const lost = old.filter((column) => !columns.includes(column));
  if (lost.length > 0) {
    scene.does.breaks(
      'certain',
      `${name} loses ${lost.map(quoted).join(', ')}, which running code may read`,
      `${name}.${lost[0]}`,
    );
    scene.does.remark(
      'fails',
      'error',
      `CREATE OR REPLACE VIEW can’t take ${lost.map(quoted).join(', ')} away from ${name}`,
    );
    scene.does.safely(
      ['break', 'fails'],
      'Keep the column in the view (NULL, if need be) until nothing that reads it runs any more; then DROP VIEW and CREATE VIEW in one transaction.',
    );
  } else if (old.some((column, i) => columns[i] !== column))
    scene.does.remark(
      'fails',
      'error',
      `CREATE OR REPLACE VIEW can’t change the order of the columns of ${name}: new ones come last`,
    );
  else scene.does.breaks('possible', `running code reads from ${name} what the new query gives`);
}

/** The columns that a view will have; `undefined`: its query doesn't tell. */
function columnsOf(statement: ViewStmt, query: SelectStmt | undefined, scene: Scene): readonly string[] | undefined {
  const aliases = strings(statement.aliases);
  const shown = query === undefined ? undefined : outputOf(query, scene);
  if (shown === undefined) return undefined;
  return shown.map((name, i) => aliases[i] ?? name);
}

function outputOf(query: SelectStmt, scene: Scene): readonly string[] | undefined {
  if (query.larg !== undefined) return outputOf(query.larg, scene);
  const names: string[] = [];
  for (const node of query.targetList ?? []) {
    const target = as(node, 'ResTarget');
    const fields = as(target?.val, 'ColumnRef')?.fields ?? [];
    const last = fields.at(-1);
    if (target?.name !== undefined) names.push(target.name);
    else if (as(last, 'A_Star') !== undefined) {
      const all = starOf(query, strings(fields)[0], scene);
      if (all === undefined) return undefined;
      names.push(...all);
    } else if (last !== undefined) names.push(as(last, 'String')?.sval ?? '');
    else names.push(strings(as(target?.val, 'FuncCall')?.funcname).at(-1) ?? '?column?');
  }
  return names;
}

function starOf(query: SelectStmt, alias: string | undefined, scene: Scene): readonly string[] | undefined {
  const names: string[] = [];
  for (const from of query.fromClause ?? []) {
    const range = as(from, 'RangeVar');
    if (range === undefined) return undefined;
    if (alias !== undefined && alias !== (range.alias?.aliasname ?? range.relname)) continue;
    const table = scene.schema.find(nameOf(range));
    if (table === undefined || !table.known) return undefined;
    names.push(...table.columns.map(({ name }) => name));
  }
  return names;
}

/** REFRESH writes the whole of it again; CONCURRENTLY lets those who read it go on. */
export const refresh: Family<RefreshMatViewStmt> = (statement, scene) => {
  const view = relationIn(scene, statement.relation);
  if (view === undefined) return;
  scene.does.phase('data');
  if (statement.skipData !== true) runView(view, scene);
  for (const { relation } of view.uses) {
    const source = scene.schema.byKey(relation);
    if (source === undefined) continue;
    scene.does.lock(source, 'ACCESS SHARE');
    scene.does.work('read', source, `the query of ${view.key} reads it`);
  }
  if (statement.concurrent === true) {
    // Nobody writes a materialized view, and who reads it goes on: it keeps out another REFRESH alone.
    scene.does.lock(view, 'EXCLUSIVE', true);
    const whole = view.indexes.some(({ unique, computed, valid }) => unique && !computed && valid);
    if (!whole && (view.fresh || isWhole(view, scene.schema)))
      fails(scene, `CONCURRENTLY needs a unique index of ${view.key} on columns alone, without a condition`);
    return;
  }
  scene.does.lock(view, 'ACCESS EXCLUSIVE');
  if (statement.skipData === true) {
    if (!view.fresh) scene.does.breaks('certain', `${view.key} can’t be read until it is refreshed`, view.key);
    return;
  }
  scene.does.work('rewrite', view, 'it is filled again');
  if (!view.fresh)
    scene.does.safely(
      ['lock', 'queue'],
      'REFRESH … CONCURRENTLY lets readers go on; it needs a unique index on the view.',
      `REFRESH MATERIALIZED VIEW CONCURRENTLY ${written(view)};`,
    );
};

/** A query of a migration. */
export const select: Family<SelectStmt> = (statement, scene) => {
  if (setConfigOf(statement, scene)) return;
  runQuery(statement, scene);
  if (statement.intoClause !== undefined) intoTable(statement, scene);
};
