/**
 * What uses a value that the same transaction added to an enum: PostgreSQL refuses it (“unsafe use of new value”), whether a row
 * is met or not. A text becomes a value of the enum by a cast, by the column that it is written to, or by what it is compared with.
 */
import type { CreateFunctionStmt, Node, SelectStmt } from 'libpg-query';
import type { TableState } from '../catalogue/table-state.ts';
import { type TypeRef, typeRefFrom, typeRefOf } from '../catalogue/type-name.ts';
import { as, constant, type NodeKind, nameOf, opened, strings, walk } from '../parse/nodes.ts';
import { statementsOf } from '../parse/statements.ts';
import { fails, isWhole } from '../statements/names/taken-name.ts';
import { bodyOf, languageOf } from '../statements/routines.ts';
import type { Scene } from '../statements/scene.ts';

/** What a text would become: a value of an enum with new ones, of a column that nobody knows, or anything else. */
type Wanted = { readonly type: string; readonly array: boolean } | 'unknown' | undefined;

interface Looking {
  readonly scene: Scene;
  readonly tables: readonly TableState[];
  /** Not all tables that it names are known. */
  readonly unknown: boolean;
}

/** Says of a statement that it uses a value of an enum which can’t be used yet. */
export function lookForNewValues(kind: NodeKind, content: unknown, scene: Scene): void {
  if (!scene.schema.journal.values.any || kind === 'AlterEnumStmt' || kind === 'DoStmt') return;
  // In a body each statement is looked at when it is run.
  if (kind === 'CreateFunctionStmt') lookInBody(content as CreateFunctionStmt, scene);
  if (!namesOne(content, scene)) return;
  const tables: TableState[] = [];
  let unknown = false;
  ranges(content, (range) => {
    const table = scene.schema.find(nameOf(range));
    if (table !== undefined) tables.push(table);
    if (table === undefined || !isWhole(table, scene.schema)) unknown = true;
  });
  visit({ [kind]: content } as unknown as Node, undefined, { scene, tables, unknown });
}

/** The body of a function in SQL is read when it is made. */
function lookInBody(made: CreateFunctionStmt, scene: Scene): void {
  const text = languageOf(made) === 'sql' ? bodyOf(made.options) : undefined;
  for (const { node } of text === undefined ? [] : statementsOf(text))
    if (node !== undefined) {
      const [kind, content] = opened(node);
      lookForNewValues(kind, content, scene);
    }
}

/** Whether any text of it is, or holds, a new value: most statements are told apart by that alone. */
function namesOne(content: unknown, { schema }: Scene): boolean {
  const { values } = schema.journal;
  let found = false;
  walk([{ Any: content }], (kind, part) => {
    if (kind !== 'A_Const' || found) return;
    const text = constant({ A_Const: part } as Node);
    if (typeof text === 'string') found = elements(text).some((each) => values.typesOf(each).length > 0);
  });
  return found;
}

/** A text as it is, and what it holds as the text of an array. */
function elements(text: string): readonly string[] {
  return text.startsWith('{')
    ? [
        text,
        ...text
          .slice(1, -1)
          .split(/[{},"]+/)
          .map((each) => each.trim()),
      ]
    : [text];
}

/** Relations stand in a tree with and without a node of their own around them. */
function ranges(value: unknown, visitor: (range: { readonly relname: string }) => void): void {
  if (Array.isArray(value)) for (const each of value) ranges(each, visitor);
  else if (typeof value === 'object' && value !== null) {
    if (typeof (value as { relname?: unknown }).relname === 'string') visitor(value as { readonly relname: string });
    for (const each of Object.values(value)) ranges(each, visitor);
  }
}

function visitAll(nodes: readonly (Node | undefined)[] | undefined, wanted: Wanted, looking: Looking): void {
  for (const node of nodes ?? []) visit(node, wanted, looking);
}

function visit(value: unknown, wanted: Wanted, looking: Looking): void {
  if (Array.isArray(value)) {
    for (const each of value) visit(each, undefined, looking);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, part] of Object.entries(value)) {
    if (typeof part !== 'object' || part === null) continue;
    const known = /^[A-Z]/.test(key) ? VISITS[key as NodeKind] : undefined;
    if (key === 'partbound' || key === 'bound') bound(part, looking);
    else if (known !== undefined) known(part as never, wanted, looking);
    else visit(part, key === 'ResTarget' || key === 'List' ? wanted : undefined, looking);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: each takes the content of its own kind of node
type Visit = (content: any, wanted: Wanted, looking: Looking) => void;

/** Kinds of which it matters what stands beside a text. */
const VISITS: Partial<Record<NodeKind, Visit>> = {
  A_Const: (content, wanted, { scene }) => {
    const text = constant({ A_Const: content });
    if (typeof text === 'string' && wanted !== undefined) tell(text, wanted, scene);
  },
  TypeCast: ({ arg, typeName }, _wanted, looking) => visit(arg, enumOf(typeRefOf(typeName), looking), looking),
  CollateClause: ({ arg }, _wanted, looking) => visit(arg, undefined, looking),
  A_Expr: ({ kind, name, lexpr, rexpr }, _wanted, looking) => {
    const compares =
      kind !== 'AEXPR_OP' || ['=', '<>', '!=', '<', '>', '<=', '>='].includes(strings(name).at(-1) ?? '');
    const [left, right] = compares ? [typeIn(rexpr, looking), typeIn(lexpr, looking)] : [];
    const any = kind === 'AEXPR_OP_ANY' || kind === 'AEXPR_OP_ALL';
    visit(lexpr, left, looking);
    visitList(rexpr, any && typeof right === 'object' ? { ...right, array: true } : right, looking);
  },
  CaseExpr: ({ arg, args, defresult }, wanted, looking) => {
    const whens = ((args ?? []) as Node[]).flatMap((node) => as(node, 'CaseWhen') ?? []);
    const given = wanted ?? first([...whens.map(({ result }) => result), defresult], looking);
    visit(arg, undefined, looking);
    for (const { expr, result } of whens) {
      visit(expr, arg === undefined ? undefined : typeIn(arg, looking), looking);
      visit(result, given, looking);
    }
    visit(defresult, given, looking);
  },
  CoalesceExpr: ({ args }, _wanted, looking) => visitAll(args, first(args, looking), looking),
  MinMaxExpr: ({ args }, _wanted, looking) => visitAll(args, first(args, looking), looking),
  A_ArrayExpr: ({ elements: parts }, wanted, looking) =>
    visitAll(parts, typeof wanted === 'object' ? { ...wanted, array: false } : undefined, looking),
  SelectStmt: (content, _wanted, looking) => select(content, [], looking),
  InsertStmt: ({ relation, cols, selectStmt, ...rest }, _wanted, looking) => {
    const table = looking.scene.schema.find(nameOf(relation));
    const named = ((cols ?? []) as Node[]).flatMap((node) => as(node, 'ResTarget')?.name ?? []);
    const columns = named.length > 0 ? named : (table?.columns ?? []).map(({ name }) => name);
    const into = columns.map((name) => columnType(name, table === undefined ? [] : [table], looking));
    select(as(selectStmt, 'SelectStmt') ?? {}, table === undefined && into.length === 0 ? 'unknown' : into, looking);
    assign(rest.onConflictClause?.targetList, table, looking);
    visit(
      { where: rest.onConflictClause?.whereClause, rest: rest.returningClause, with: rest.withClause?.ctes },
      undefined,
      looking,
    );
  },
  UpdateStmt: ({ relation, targetList, ...rest }, _wanted, looking) => {
    assign(targetList, looking.scene.schema.find(nameOf(relation)), looking);
    visit(rest, undefined, looking);
  },
  MergeStmt: ({ relation, mergeWhenClauses, ...rest }, _wanted, looking) => {
    const table = looking.scene.schema.find(nameOf(relation));
    for (const node of (mergeWhenClauses ?? []) as Node[]) {
      const when = as(node, 'MergeWhenClause');
      const names = (when?.targetList ?? []).flatMap((each) => as(each, 'ResTarget')?.name ?? []);
      if ((when?.values ?? []).length === 0) assign(when?.targetList, table, looking);
      for (const [i, each] of (when?.values ?? []).entries())
        visit(
          each,
          columnType(names[i] ?? table?.columns[i]?.name, table === undefined ? [] : [table], looking),
          looking,
        );
      visit(when?.condition, undefined, looking);
    }
    visit(rest, undefined, looking);
  },
  ColumnDef: ({ typeName, constraints, raw_default }, _wanted, looking) => {
    const type = enumOf(typeRefOf(typeName), looking);
    for (const node of (constraints ?? []) as Node[]) {
      const part = as(node, 'Constraint');
      visit(part?.raw_expr, part?.contype === 'CONSTR_DEFAULT' ? type : undefined, looking);
    }
    visit(raw_default, type, looking);
  },
  AlterTableStmt: ({ relation, cmds }, _wanted, looking) => {
    const table = looking.scene.schema.find(nameOf(relation));
    for (const node of (cmds ?? []) as Node[]) {
      const { subtype, name, def } = as(node, 'AlterTableCmd') ?? {};
      const column = as(def, 'ColumnDef');
      if (subtype === 'AT_ColumnDefault')
        visit(def, columnType(name, table === undefined ? [] : [table], looking), looking);
      else if (subtype === 'AT_AlterColumnType' && column !== undefined)
        visit(column.raw_default, enumOf(typeRefOf(column.typeName), looking), looking);
      else visit(def, undefined, looking);
    }
  },
  CreateDomainStmt: ({ typeName, constraints }, _wanted, looking) => {
    const type = enumOf(typeRefOf(typeName), looking);
    for (const node of (constraints ?? []) as Node[]) {
      const part = as(node, 'Constraint');
      const ofValue = { ...looking, tables: [], domain: type };
      visit(part?.raw_expr, part?.contype === 'CONSTR_DEFAULT' ? type : undefined, ofValue as Looking);
    }
  },
};

/** Bounds of a partition are of its parent's columns. */
function bound(spec: unknown, looking: Looking): void {
  const types = new Set(looking.tables.flatMap((table) => [...columnsOf(table).values()]));
  for (const type of types) {
    const wanted = enumOf(typeRefFrom(type), looking);
    if (wanted !== undefined)
      walk(spec, (kind, content) => {
        if (kind === 'A_Const') visit({ A_Const: content }, wanted, looking);
      });
  }
}

function visitList(node: Node | undefined, wanted: Wanted, looking: Looking): void {
  const list = as(node, 'List');
  if (list === undefined) visit(node, wanted, looking);
  else visitAll(list.items, wanted, looking);
}

/** Of SET: each value goes into its column. */
function assign(targets: readonly Node[] | undefined, table: TableState | undefined, looking: Looking): void {
  for (const node of targets ?? []) {
    const target = as(node, 'ResTarget');
    visit(target?.val, columnType(target?.name, table === undefined ? [] : [table], looking), looking);
  }
}

/** A query whose columns go into columns by their places. */
function select(query: SelectStmt, into: readonly Wanted[] | 'unknown', looking: Looking): void {
  const at = (i: number): Wanted => (into === 'unknown' ? 'unknown' : into[i]);
  const { targetList, valuesLists, larg, rarg, ...rest } = query;
  for (const [i, node] of (targetList ?? []).entries()) visit(as(node, 'ResTarget')?.val, at(i), looking);
  for (const row of valuesLists ?? [])
    for (const [i, each] of (as(row, 'List')?.items ?? []).entries()) visit(each, at(i), looking);
  if (larg !== undefined) select(larg, into, looking);
  if (rarg !== undefined) select(rarg, into, looking);
  visit(rest, undefined, looking);
}

/** The first of several expressions that has a type of its own gives it to the others. */
function first(nodes: readonly (Node | undefined)[] | undefined, looking: Looking): Wanted {
  for (const node of nodes ?? []) {
    const type = typeIn(node, looking);
    if (type !== undefined) return type;
  }
  return undefined;
}

/** The type that an expression has by itself: a column's, or a cast's. */
function typeIn(node: Node | undefined, looking: Looking): Wanted {
  const cast = as(node, 'TypeCast');
  if (cast !== undefined) return enumOf(typeRefOf(cast.typeName), looking);
  const fields = as(node, 'ColumnRef')?.fields;
  if (fields !== undefined) {
    const name = as(fields.at(-1), 'String')?.sval;
    const { domain } = looking as Looking & { readonly domain?: Wanted };
    return domain !== undefined && name === 'value' ? domain : columnType(name, looking.tables, looking);
  }
  const coalesced = as(node, 'CoalesceExpr')?.args ?? as(node, 'MinMaxExpr')?.args;
  return coalesced === undefined ? undefined : first(coalesced, looking);
}

function columnType(name: string | undefined, tables: readonly TableState[], looking: Looking): Wanted {
  if (name === undefined) return undefined;
  for (const table of tables) {
    const column = columnsOf(table).get(name);
    if (column !== undefined) return column === 'unknown' ? 'unknown' : enumOf(typeRefFrom(column), looking);
  }
  return tables.length === 0 || looking.unknown ? 'unknown' : undefined;
}

const COLUMNS = new WeakMap<TableState, ReadonlyMap<string, string>>();

/** Types by name, looked up once for each state of a table. */
function columnsOf(table: TableState): ReadonlyMap<string, string> {
  const known = COLUMNS.get(table);
  if (known !== undefined) return known;
  const types = new Map(table.columns.map(({ name, type }) => [name, type]));
  COLUMNS.set(table, types);
  return types;
}

/** The enum with new values that a type is, or stands on as a domain. */
function enumOf(type: TypeRef, { scene }: Looking): Wanted {
  const { schema } = scene;
  let at = type;
  for (let deep = 0; deep < 16; deep += 1) {
    const found = schema.type(at);
    if (found?.base === undefined) break;
    const base = typeRefFrom(found.base);
    at = { ...base, array: at.array || base.array };
  }
  const { schema: of, name } = schema.type(at) ?? schema.qualified(at);
  const key = `${of}.${name}`;
  return schema.journal.values.isOf(key) ? { type: key, array: at.array } : undefined;
}

function tell(text: string, wanted: Exclude<Wanted, undefined>, scene: Scene): void {
  const { values } = scene.schema.journal;
  const parts = wanted === 'unknown' || wanted.array ? elements(text) : [text];
  for (const part of parts)
    for (const type of wanted === 'unknown' ? values.typesOf(part) : [wanted.type]) {
      const is = values.has(type, part);
      if (is === undefined || !scene.does.isFirst(`new value ${type} ${part}`)) continue;
      const unless = wanted === 'unknown' ? `, if it is a value of ${type}: the column’s type isn’t known` : '';
      const why = `the value ${literal(part)} of ${type} was added in the same transaction, and PostgreSQL refuses to use it before that has committed${unless}`;
      if (is === 'surely') fails(scene, why);
      else scene.does.remark('fails', 'warning', `if the value is new, it fails: ${why}`);
      scene.does.safely(
        'fails',
        'Add the value in a file of its own, before this one: each file is a transaction of its own.',
      );
    }
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
