/** What queries read, and which functions they call. */
import type { FuncCall, Node, RangeVar, SelectStmt } from 'libpg-query';
import type { Use } from '../catalogue/catalogue.ts';
import { parametersOf, typeOf } from '../catalogue/signature.ts';
import type { TableState } from '../catalogue/table-state.ts';
import type { TypeRef } from '../catalogue/type-name.ts';
import { HARMLESS_CALLS } from '../expressions/harmless-calls.ts';
import { functionOf, type Meant, meantByColumn, meantIn } from '../expressions/meant.ts';
import { STEADY_FUNCTIONS } from '../expressions/steady-functions.ts';
import { BATCH_ROWS, touchedRows } from '../expressions/touched-rows.ts';
import { as, constant, type Name, nameFrom, nameOf, walk, written } from '../parse/nodes.ts';
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
    if (isOfSystem(range)) return;
    // A WITH query hides a table of its name, but not in itself, nor outside of the query that it belongs to.
    const hidden = range.schemaname === undefined && ctes.has(range.relname ?? '');
    const table = hidden ? scene.schema.find(nameOf(range)) : relationIn(scene, nameOf(range));
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
  for (const { table } of ran(readIn(query, scene), scene))
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
  for (const { table } of ran(readIn(part, scene), scene))
    for (const each of tree(scene, table)) scene.does.work('read', each, 'it is read for a change', { partly: true });
}

/** What is read now: views among it call what they call. */
function ran(reads: readonly Read[], scene: Scene): readonly Read[] {
  for (const { table } of reads) if (table.kind === 'view') runView(table, scene);
  return reads;
}

/** Runs the functions that a view's query calls, and those of the views that it shows. */
export function runView(view: TableState, scene: Scene): void {
  const seen = new Map([[view.key, view]]);
  for (const each of seen.values()) {
    if (each.calls === undefined && !scene.schema.operators.quiet)
      scene.does.notKnown(`which functions ${each.key} calls isn’t in the catalogue: write it again`);
    for (const calls of each.calls ?? []) callOf(functionOf(calls), scene);
    for (const { relation } of each.uses) {
      const used = scene.schema.byKey(relation);
      if (used?.kind === 'view') seen.set(used.key, used);
    }
  }
}

/** People's own functions that an expression may call, by whichever way: `schema.name`. */
export function callsOfOwn(expression: unknown, { schema }: Scene): readonly string[] {
  const all = meantIn(expression, schema).flatMap(({ name }) => (name === undefined ? [] : schema.routines(name)));
  return [...new Set(all.map((routine) => `${routine.schema}.${routine.name}`))];
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

/** Runs the bodies of the functions that an expression calls, itself or by an operator or a cast, as far as they are known. */
export function callsIn(expression: unknown, scene: Scene): void {
  walk(expression, (kind, content) => {
    if (kind !== 'FuncCall') return;
    setByCall(content, scene, false);
    noteSetval(content as FuncCall, scene);
    callOf(nameFrom(content.funcname as readonly Node[] | undefined), scene);
  });
  runMeant(
    meantIn(expression, scene.schema).filter(({ by }) => by !== 'call'),
    scene,
  );
}

/** Runs what operators, casts and CHECKs stand for. */
export function runMeant(all: readonly Meant[], scene: Scene): void {
  for (const { name, label } of all)
    if (name === undefined) scene.does.notKnown(`what ${label} does isn’t known`);
    else if (name.schema !== 'pg_catalog') callOf(name, scene);
}

/** setval() to a constant: what the sequence gives next may be taken. */
function noteSetval({ funcname, args = [] }: FuncCall, { schema, does }: Scene): void {
  if (nameFrom(funcname).name !== 'setval' || constant(args[1]) === undefined) return;
  const text = constant(as(args[0], 'TypeCast')?.arg ?? args[0]);
  const parts = typeof text === 'string' ? text.split('.') : [];
  const found = schema.find({ schema: parts.at(-2), name: parts.at(-1) ?? '' });
  if (found?.fresh !== true)
    does.breaks('possible', `${text ?? 'a sequence'} may give running code numbers that are taken`);
}

/**
 * One call: PostgreSQL's own functions change no table; of others the bodies say what they do, of all that may be meant. One
 * that says it is STABLE or IMMUTABLE may still call one that writes.
 */
export function callOf(name: Name, scene: Scene): void {
  const own = name.schema === 'pg_catalog' ? [] : scene.schema.routines(name);
  // Of another schema it is somebody's own, whatever its name.
  const mayBeServers = name.schema === undefined || name.schema === 'pg_catalog';
  const ofServer = mayBeServers && (STEADY_FUNCTIONS.has(name.name) || HARMLESS_CALLS.has(name.name));
  if (own.length === 0) {
    if (!ofServer) scene.does.notKnown(`what the function ${written(name)} does isn’t known`);
    return;
  }
  for (const routine of own) {
    const { language, source, volatility } = routine;
    const key = `${routine.schema}.${routine.name}`;
    if (scene.session.behind) scene.schema.behind.add(key);
    // A domain's CHECKs are held against what it is given; a CHECK may take the domain itself.
    if (scene.does.isFirst(`types of ${key} ${routine.arguments} ${scene.conditional}`))
      for (const { argType } of parametersOf(routine) ?? []) runRulesOf(typeOf(argType), scene);
    // What an extension brings says of itself whether it changes anything.
    if (
      volatility !== 'volatile' &&
      (language === 'c' || (language === 'internal' && (ofServer || source === undefined)))
    )
      continue;
    if (source === undefined || scene.depth > 8) {
      scene.does.notKnown(`what the function ${routine.name} (${language}) does isn’t known`);
      continue;
    }
    scene.runBody(language, source);
  }
}

/** Runs what a domain holds against each of its values: of a variable, of an argument. */
export function runRulesOf(type: TypeRef, scene: Scene): void {
  runMeant(
    meantByColumn(type, scene.schema).filter(({ by }) => by === 'check'),
    scene,
  );
}

/** FOR UPDATE and its like: rows are locked until the transaction ends, by the top query or one within it. */
function locking(query: unknown, scene: Scene): void {
  if (typeof query === 'object' && query !== null && 'lockingClause' in query) lockRows(query as SelectStmt, scene);
  walk(query, (kind, content) => {
    if (kind === 'SelectStmt') lockRows(content as SelectStmt, scene);
  });
}

function lockRows(select: SelectStmt, scene: Scene): void {
  if ((select.lockingClause ?? []).length === 0) return;
  const found = (select.fromClause ?? []).flatMap((from) => {
    const tables: TableState[] = [];
    walk([from], (kind, content) => {
      const table = kind === 'RangeVar' ? scene.schema.find(nameOf(content as RangeVar)) : undefined;
      if (table !== undefined) tables.push(table);
    });
    return tables;
  });
  for (const named of found)
    for (const table of basesOf(named, scene)) {
      lockAll(scene, tree(scene, table), 'ROW SHARE');
      if (select.limitCount !== undefined) continue;
      const touched = touchedRows(select.whereClause, table, found.length > 1 || table !== named);
      if (touched === 'few') continue;
      const why = `${touched === 'all' ? 'every row is' : 'rows are'} locked (FOR UPDATE, FOR SHARE)`;
      for (const each of tree(scene, table)) scene.does.work('write', each, why, { partly: touched === 'some' });
    }
}

/** A table; of a view those that it shows, by whichever views. */
export function basesOf(table: TableState, { schema }: Scene): readonly TableState[] {
  if (table.kind !== 'view') return [table];
  const found = new Map<string, TableState>();
  const seen = new Set([table.key]);
  const queue = [table];
  for (let view = queue.pop(); view !== undefined; view = queue.pop())
    for (const { relation } of view.uses) {
      const used = schema.byKey(relation);
      if (used === undefined || seen.has(relation)) continue;
      seen.add(relation);
      if (used.kind === 'view') queue.push(used);
      else found.set(relation, used);
    }
  return [...found.values()];
}
