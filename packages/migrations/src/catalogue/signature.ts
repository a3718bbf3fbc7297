/** Which function of a name is meant: PostgreSQL tells them apart by the types of their arguments. */
import type { FunctionParameter, Node, TypeName } from 'libpg-query';
import { as } from '../parse/nodes.ts';
import { parseOne } from '../parse/parser.ts';
import type { RoutineState } from './table-state.ts';
import { type TypeRef, typeRefOf } from './type-name.ts';

/** `maybe`: the types can't be told apart, or aren't known. */
export type Same = 'same' | 'maybe' | 'other';

const read = new WeakMap<RoutineState, readonly FunctionParameter[] | undefined>();

/** A function's parameters, from its definition; `undefined`: nobody has it. */
export function parametersOf(routine: RoutineState): readonly FunctionParameter[] | undefined {
  if (!read.has(routine)) {
    const made = routine.source === undefined ? undefined : as(parseOne(routine.source), 'CreateFunctionStmt');
    const all = made?.parameters?.flatMap((node) => as(node, 'FunctionParameter') ?? []);
    read.set(routine, made === undefined ? undefined : (all ?? []));
  }
  return read.get(routine);
}

/** The types that a function is called with, from its definition. */
function signatureOf(routine: RoutineState): readonly TypeRef[] | undefined {
  return parametersOf(routine)?.flatMap(typeTaken);
}

/** The types of a function's parameters, without those that it only answers in. */
export function typesOf(parameters: readonly Node[] | undefined): readonly TypeRef[] {
  return (parameters ?? []).flatMap((node) => typeTaken(as(node, 'FunctionParameter')));
}

function typeTaken(parameter: FunctionParameter | undefined): readonly TypeRef[] {
  const answers = parameter?.mode === 'FUNC_PARAM_OUT' || parameter?.mode === 'FUNC_PARAM_TABLE';
  return answers ? [] : [typeOf(parameter?.argType)];
}

export function typeOf(type: TypeName | undefined): TypeRef {
  return type?.pct_type === true ? { name: '', mods: [], array: false } : typeRefOf(type);
}

/** Whether two definitions are of one function. */
export function sameSignature(one: RoutineState, other: RoutineState): Same {
  if (one.arguments !== other.arguments) return 'other';
  if (one.arguments === 0) return 'same';
  return hasTypes(one, signatureOf(other));
}

/** Whether a function is the one with these arguments; `undefined`: they aren't known. */
export function hasTypes(routine: RoutineState, types: readonly TypeRef[] | undefined): Same {
  if (types !== undefined && types.length !== routine.arguments) return 'other';
  const own = signatureOf(routine);
  if (types?.length === 0) return 'same';
  if (own === undefined || types === undefined) return 'maybe';
  const each = own.map((type, i) => sameType(type, types[i]));
  if (each.includes('other')) return 'other';
  return each.includes('maybe') ? 'maybe' : 'same';
}

function sameType(one: TypeRef, other: TypeRef | undefined): Same {
  if (other === undefined || one.name === '' || other.name === '') return 'maybe';
  if (one.name !== other.name || one.array !== other.array) return 'other';
  if (one.schema === other.schema) return 'same';
  return one.schema === undefined || other.schema === undefined ? 'maybe' : 'other';
}
