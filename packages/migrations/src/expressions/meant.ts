/**
 * Which functions an expression may mean: those that it calls, and those behind its operators, its casts and the domains that
 * it casts to. The name alone decides nothing: PostgreSQL goes by the types, which nobody works out here, so every one that
 * may fit counts. What the catalogue doesn't know is volatile.
 */
import type { FuncCall, Node } from 'libpg-query';
import type { Cast, Operator, Routine } from '../catalogue/catalogue.ts';
import { parametersOf } from '../catalogue/signature.ts';
import type { RoutineState } from '../catalogue/table-state.ts';
import { type TypeRef, typeRefFrom, typeRefOf, typeText } from '../catalogue/type-name.ts';
import type { WorkingSchema } from '../catalogue/working-schema.ts';
import { as, constant, type Name, type NodeKind, nameFrom, strings, walk } from '../parse/nodes.ts';
import { callsOf, standsOn } from '../types/domains.ts';
import { OWN_OPERATORS, VOLATILE_FUNCTIONS } from './own-operators.ts';
import { STEADY_FUNCTIONS } from './steady-functions.ts';

export interface Meant {
  /** `f()`, `the operator %%%`. */
  readonly label: string;
  /** The function; absent: which it is isn't known. */
  readonly name?: Name;
  readonly by: 'call' | 'operator' | 'cast' | 'check';
  /** It may give another value each time, or that isn't known. */
  readonly volatile: boolean;
}

/** What an expression may mean. `becomes`: the type of the column that it is written to. */
export function meantIn(expression: unknown, schema: WorkingSchema, becomes?: TypeRef): readonly Meant[] {
  const found: Meant[] = [];
  let computes = false;
  walk(expression, (kind, content) => {
    computes ||= COMPUTES.has(kind);
    if (kind === 'FuncCall') found.push(ofCall(content as FuncCall, schema));
    else if (kind === 'A_Expr') found.push(...ofExpression(content, schema));
    else if (kind === 'SubLink') found.push(...ofOperator(content.operName, undefined, schema));
    else if (kind === 'SortBy') found.push(...ofOperator(content.useOp, undefined, schema));
    else if (kind === 'TypeCast') {
      const to = typeRefOf(content.typeName as Parameters<typeof typeRefOf>[0]);
      found.push(...ofCast(to, content.arg as Node | undefined, schema, true));
    }
  });
  if (becomes !== undefined && expression !== undefined)
    found.push(...ofCast(becomes, expression as Node, schema, false));
  // An argument may be cast by one that nobody writes.
  if (computes && schema.operators.isCrowded()) found.push({ label: 'an implicit cast', by: 'cast', volatile: true });
  else if (computes) found.push(...schema.operators.implicit.map((cast) => byCast(cast, schema)));
  return found;
}

/** What turns a value into that of a column, whatever the value is: casts that nobody writes, and a domain's rules. */
export function meantByColumn(type: TypeRef, schema: WorkingSchema): readonly Meant[] {
  return ofCast(type, undefined, schema, false);
}

const COMPUTES: ReadonlySet<NodeKind> = new Set<NodeKind>([
  'FuncCall',
  'A_Expr',
  'CaseExpr',
  'CoalesceExpr',
  'MinMaxExpr',
  'A_ArrayExpr',
  'RowExpr',
  'SubLink',
]);

function ofCall(call: FuncCall, schema: WorkingSchema): Meant {
  const name = nameFrom(call.funcname);
  const given = (call.args ?? []).length;
  const all = name.schema === 'pg_catalog' ? [] : schema.routines(name);
  const fitting = all.filter((each) => mayTake(each, given));
  // pg_catalog comes first in the path unless somebody says else; of two that take the same, its own is meant.
  const ofServer = name.schema === undefined || name.schema === 'pg_catalog';
  const steady = ofServer && STEADY_FUNCTIONS.has(name.name);
  const moves = ofServer && (VOLATILE_FUNCTIONS.has(name.name) || /^pg_/.test(name.name));
  const unknown = !steady && (moves || fitting.length === 0);
  const volatile = unknown || fitting.some((each) => moving(each, given, schema));
  return { label: `${name.name}()`, name, by: 'call', volatile };
}

/** Whether a function may be called with so many arguments: some may have defaults, the last may stand for many. */
function mayTake(routine: RoutineState, given: number): boolean {
  const parameters = parametersOf(routine);
  if (parameters === undefined) return true;
  const taken = parameters.filter(({ mode }) => mode !== 'FUNC_PARAM_OUT' && mode !== 'FUNC_PARAM_TABLE');
  if (taken.some(({ mode }) => mode === 'FUNC_PARAM_VARIADIC')) return given >= taken.length - 1;
  const needed = taken.filter(({ defexpr }) => defexpr === undefined).length;
  return given >= needed && given <= taken.length;
}

/** A function that is volatile, or whose arguments are by their defaults. */
function moving(routine: RoutineState, given: number, schema: WorkingSchema): boolean {
  if (routine.volatility === 'volatile') return true;
  const left = (parametersOf(routine) ?? []).flatMap(({ defexpr }) => defexpr ?? []);
  return given < routine.arguments && left.some((each) => meantIn(each, schema).some(({ volatile }) => volatile));
}

function ofExpression(content: Record<string, unknown>, schema: WorkingSchema): readonly Meant[] {
  const { kind, lexpr, rexpr } = content as { kind?: string; lexpr?: Node; rexpr?: Node };
  const operands = { left: lexpr, right: rexpr };
  if (kind?.includes('BETWEEN') !== true) return ofOperator(content.name, operands, schema);
  const both = kind.includes('NOT') ? ['<', '>'] : ['>=', '<='];
  return both.flatMap((sval) => ofOperator([{ String: { sval } }], { left: lexpr, right: undefined }, schema));
}

interface Operands {
  readonly left: Node | undefined;
  readonly right: Node | undefined;
}

function ofOperator(nodes: unknown, operands: Operands | undefined, schema: WorkingSchema): readonly Meant[] {
  const names = strings(nodes as readonly Node[] | undefined);
  if (names.length === 0) return [];
  const [name = '', of] = [names.at(-1), names.at(-2)];
  const label = `the operator ${name}`;
  const { operators, settings } = schema;
  if (operators.isCrowded(name)) return [{ label, by: 'operator', volatile: true }];
  const schemas = of !== undefined ? [of] : operators.has(name) ? settings.along(name) : [];
  const fitting = operators
    .named(name, schemas)
    .filter(
      ({ left, right }) =>
        operands === undefined ||
        ((left === undefined) === (operands.left === undefined) &&
          mayBe(left, operands.left, schema) &&
          mayBe(right, operands.right, schema)),
    );
  const ofServer = (of === undefined || of === 'pg_catalog') && OWN_OPERATORS.has(name);
  if (fitting.length === 0 && !ofServer) return [{ label, by: 'operator', volatile: true }];
  return fitting.map((each) => ({
    label,
    name: functionOf(each.calls),
    by: 'operator' as const,
    volatile: isMoving(each, operandsOf(each), schema),
  }));
}

function operandsOf({ left, right }: Operator): number {
  return [left, right].filter((each) => each !== undefined).length;
}

/** By what its function says of itself now, which a file may have changed. */
function isMoving(
  { calls, volatility }: { readonly calls: string; readonly volatility: Routine['volatility'] },
  given: number,
  schema: WorkingSchema,
): boolean {
  const own = schema.routines(functionOf(calls)).filter((each) => mayTake(each, given));
  return own.length === 0 ? volatility === 'volatile' : own.some((each) => moving(each, given, schema));
}

/** Whether an operand may be of the type: a value that is PostgreSQL's own is none of somebody's, unless a cast makes it one. */
function mayBe(type: string | undefined, operand: Node | undefined, schema: WorkingSchema): boolean {
  const given = operand === undefined ? undefined : typeOfValue(operand);
  if (type === undefined || given === undefined || schema.operators.implicit.length > 0) return true;
  const wanted = standsOn(typeRefFrom(type), schema).base;
  return wanted.schema === undefined || schema.type(given) !== undefined || wanted.name === given.name;
}

/** The type that a value has by its form alone; `undefined`: it doesn't tell, or whatever it is written to. */
function typeOfValue(node: Node): TypeRef | undefined {
  const cast = as(node, 'TypeCast');
  if (cast !== undefined) return typeRefOf(cast.typeName);
  if (as(node, 'RowExpr') !== undefined) return typeRefFrom('record');
  const value = constant(node);
  if (typeof value === 'boolean') return typeRefFrom('bool');
  return typeof value === 'number' && as(node, 'A_Const')?.ival !== undefined ? typeRefFrom('int4') : undefined;
}

/** A text that stands there as it is, or null: it is read by the type itself, once. */
function isPlain(node: Node | undefined): boolean {
  const value = constant(node);
  return value === null || typeof value === 'string';
}

/** `arg`: what is cast; absent: anything. `explicit`: somebody wrote the cast. */
function ofCast(to: TypeRef, arg: Node | undefined, schema: WorkingSchema, explicit: boolean): readonly Meant[] {
  const stands = standsOn(to, schema);
  const label = `the cast to ${typeText(to)}`;
  const checks = callsOf(stands).map(
    (calls): Meant => ({
      label: `the CHECK of ${typeText(to)}`,
      ...{ name: functionOf(calls), by: 'check', volatile: false },
    }),
  );
  const { base } = stands;
  const found = schema.operators.castsTo(base).filter(({ from, applies }) => {
    if (arg !== undefined && isPlain(arg)) return false;
    const given = arg === undefined ? undefined : typeOfValue(arg);
    const same = given === undefined || standsOn(given, schema).base.name === typeRefFrom(from).name;
    return same && (explicit || applies !== 'explicit');
  });
  const casts = found.map((cast) => byCast(cast, schema));
  if (arg === undefined || isPlain(arg)) return [...checks, ...casts];
  const type = schema.type(base);
  const given = typeOfValue(arg);
  const asItIs = !explicit && found.length === 0 && given === undefined;
  const own = type === undefined && stands.unknown === undefined;
  const unknown = stands.unknown !== undefined || (!own && !schema.operators.known && type?.fresh !== true);
  if ((unknown && !asItIs) || type?.volatileText === true) casts.push({ label, by: 'cast', volatile: true });
  return [...checks, ...casts];
}

function byCast(cast: Cast, schema: WorkingSchema): Meant {
  const name = functionOf(cast.calls);
  return { label: `the cast to ${cast.to}`, name, by: 'cast', volatile: isMoving(cast, 1, schema) };
}

/** `schema.name`, whose schema has no dot but in a name that nobody gives. */
export function functionOf(calls: string): Name & { readonly schema: string } {
  const dot = calls.indexOf('.');
  return { schema: calls.slice(0, dot), name: calls.slice(dot + 1) };
}
