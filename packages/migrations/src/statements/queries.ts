/** What queries read, and which functions they call. */
import type { Node, RangeVar, SelectStmt } from 'libpg-query';
import type { Use } from '../catalogue/catalogue.ts';
import type { TableState } from '../catalogue/table-state.ts';
import { HARMLESS_CALLS } from '../expressions/harmless-calls.ts';
import { STEADY_FUNCTIONS } from '../expressions/steady-functions.ts';
import { BATCH_ROWS } from '../expressions/touched-rows.ts';
import { as, constant, nameFrom, nameOf, strings, walk } from '../parse/nodes.ts';
import { columnsIn } from './column-definition.ts';
import { lockAll, relationIn, type Scene, tree } from './scene.ts';
import { setByCall } from './session.ts';

/** A relation that a query reads, and what of it. */
interface Read {
  readonly table: TableState;
  readonly columns: readonly string[];
}

/** Locks what a query reads: ACCESS SHARE, and for FOR UPDATE more. */
export function readsOf(query: unknown, scene: Scene): readonly Use[] {
  return readIn(query, scene).map(({ table, columns }) => ({ relation: table.key, columns }));
}

function readIn(query: unknown, scene: Scene): readonly Read[] {
  const ctes = new Set<string>();
  walk(query, (kind, content) => {
    if (kind === 'CommonTableExpr' && typeof content.ctename === 'string') ctes.add(content.ctename);
  });
  const columns = columnsIn(query);
  const reads: Read[] = [];
  walk(query, (kind, content) => {
    if (kind !== 'RangeVar') return;
    const range = content as RangeVar;
    if (range.schemaname === undefined && ctes.has(range.relname ?? '')) return;
    if (isOfSystem(range)) return;
    const table = relationIn(scene, nameOf(range));
    if (table === undefined) return;
    lockAll(scene, tree(scene, table, range.inh !== true), 'ACCESS SHARE');
    const shown = columns.includes('*') ? table.columns.map(({ name }) => name) : columns;
    const own = shown.filter((each) => !table.known || table.columns.some(({ name }) => name === each));
    reads.push({ table, columns: own });
  });
  locking(query, scene);
  return reads;
}

function isOfSystem({ schemaname, relname }: RangeVar): boolean {
  return schemaname === 'pg_catalog' || schemaname === 'information_schema' || /^pg_/.test(relname ?? '');
}

/** A query that runs now: its reading takes time, its functions do what they do, and what it changes by the way is changed. */
export function runQuery(query: SelectStmt, scene: Scene): void {
  const few = endsEarly(query);
  const partly = query.whereClause !== undefined || query.limitCount !== undefined;
  for (const { table } of readIn(query, scene))
    for (const each of few ? [] : tree(scene, table)) scene.does.work('read', each, 'a query reads it', { partly });
  callsIn(query, scene);
  walk(query, (kind, content) => {
    if (kind !== 'CommonTableExpr') return;
    const inner = content.ctequery as Node | undefined;
    if (inner !== undefined && as(inner, 'SelectStmt') === undefined) scene.run(inner, scene.text, true);
  });
}

/** What a change reads beside the table that it changes: as much as its conditions let through. */
export function readBeside(part: unknown, scene: Scene): void {
  for (const { table } of readIn(part, scene))
    for (const each of tree(scene, table)) scene.does.work('read', each, 'it is read for a change', { partly: true });
}

/** The first few rows of one table, as they come: nothing has to be read to its end. */
function endsEarly(query: SelectStmt): boolean {
  const { limitCount, fromClause, whereClause, sortClause, groupClause, distinctClause, windowClause } = query;
  const limit = constant(limitCount);
  const whole = [whereClause, sortClause, groupClause, distinctClause, windowClause].some((part) => part !== undefined);
  return typeof limit === 'number' && limit <= BATCH_ROWS && !whole && fromClause?.length === 1 && !hasCall(query);
}

/** An aggregate reads everything, and which call is one can't be told from its form. */
function hasCall(query: SelectStmt): boolean {
  let found = false;
  walk(query.targetList, (kind) => {
    found ||= kind === 'FuncCall' || kind === 'SubLink';
  });
  return found || as(query.fromClause?.[0], 'RangeVar') === undefined;
}

/** Runs the bodies of the functions that an expression calls, as far as they are known. */
export function callsIn(expression: unknown, scene: Scene): void {
  walk(expression, (kind, content) => {
    if (kind !== 'FuncCall') return;
    setByCall(content, scene, false);
    callOf(content.funcname as readonly Node[] | undefined, scene);
  });
}

/** One call: PostgreSQL's own functions change no table; of others the body says what they do. */
export function callOf(funcname: readonly Node[] | undefined, scene: Scene): void {
  const name = nameFrom(funcname);
  const own = name.schema === 'pg_catalog' ? [] : scene.schema.routines(name);
  if (own.length === 0) {
    if (STEADY_FUNCTIONS.has(name.name) || HARMLESS_CALLS.has(name.name)) return;
    scene.does.notKnown(`what the function ${strings(funcname).join('.')} does isn’t known`);
    return;
  }
  for (const routine of own) {
    if (routine.volatility !== 'volatile') continue;
    if (routine.source === undefined || scene.depth > 8) {
      scene.does.notKnown(`what the function ${routine.name} (${routine.language}) does isn’t known`);
      continue;
    }
    scene.runBody(routine.language, routine.source);
  }
}

function locking(query: unknown, scene: Scene): void {
  walk(query, (kind, content) => {
    if (kind !== 'SelectStmt') return;
    const select = content as SelectStmt;
    if ((select.lockingClause ?? []).length === 0) return;
    for (const from of select.fromClause ?? []) {
      const table = as(from, 'RangeVar');
      const found = table === undefined ? undefined : scene.schema.find(nameOf(table));
      if (found === undefined) continue;
      lockAll(scene, tree(scene, found), 'ROW SHARE');
      if (select.whereClause === undefined && select.limitCount === undefined)
        for (const each of tree(scene, found))
          scene.does.work('write', each, 'every row is locked (FOR UPDATE, FOR SHARE)');
    }
  });
}
