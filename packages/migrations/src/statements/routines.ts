import type {
  AlterFunctionStmt,
  CallStmt,
  CreateFunctionStmt,
  DoStmt,
  DropStmt,
  Node,
  ObjectWithArgs,
} from 'libpg-query';
import type { Routine } from '../catalogue/catalogue.ts';
import { hasTypes, sameSignature, typeOf, typesOf } from '../catalogue/signature.ts';
import type { RoutineState } from '../catalogue/table-state.ts';
import type { TypeRef } from '../catalogue/type-name.ts';
import { as, type Name, nameFrom, option, strings, written } from '../parse/nodes.ts';
import { looksBehindAgain } from './behind.ts';
import { dropsRowsAgain } from './firing.ts';
import { mayHideAnother } from './overloads.ts';
import { callOf, callsIn } from './queries.ts';
import type { Family, Scene } from './scene.ts';

/** A function that is made runs nothing; whoever calls it later does. */
export const createFunction: Family<CreateFunctionStmt> = (statement, scene) => {
  const { schema, does } = scene;
  const name = schema.qualified(nameFrom(statement.funcname));
  const language = languageOf(statement);
  const count = (statement.parameters ?? []).filter((node) => takesValue(as(node, 'FunctionParameter')?.mode)).length;
  const routine: RoutineState = {
    ...name,
    arguments: count,
    volatility: volatilityOf(statement.options),
    language,
    source: scene.text,
  };
  const there = schema.routines(name).filter((each) => sameSignature(each, routine) !== 'other');
  const before = there.filter(({ fresh }) => fresh !== true);
  if (before.length > 0) {
    does.breaks('possible', `running code calls the new ${written(name)}, too`);
    does.safely(
      'break',
      'Give what behaves differently a new name, and leave the old function for the code that runs.',
    );
  }
  if (there.length === 0) mayHideAnother(name, there, scene);
  const sure = statement.replace !== true || schema.complete || there.length > 0;
  schema.putRoutine({ ...routine, fresh: before.length === 0 && sure });
  looksBehindAgain(name, scene);
  if (before.length > 0) dropsRowsAgain(`${name.schema}.${name.name}`, scene);
};

export function languageOf(statement: CreateFunctionStmt): string {
  return (as(option(statement.options, 'language'), 'String')?.sval ?? 'sql').toLowerCase();
}

/** The body as it is written; absent for one that isn't text. */
export function bodyOf(options: readonly Node[] | undefined): string | undefined {
  const body = option(options, 'as');
  return strings(as(body, 'List')?.items).at(0) ?? as(body, 'String')?.sval;
}

function takesValue(mode: string | undefined): boolean {
  return mode !== 'FUNC_PARAM_OUT' && mode !== 'FUNC_PARAM_TABLE';
}

function volatilityOf(options: readonly Node[] | undefined): Routine['volatility'] {
  const said = as(option(options, 'volatility'), 'String')?.sval;
  return said === 'immutable' || said === 'stable' ? said : 'volatile';
}

export const alterFunction: Family<AlterFunctionStmt> = (statement, scene) => {
  // Whichever it is, one that turns volatile counts; that one turns steady isn't believed of any.
  if (volatilityOf(statement.actions) === 'volatile' && option(statement.actions, 'volatility') !== undefined)
    for (const each of scene.schema.routines(nameFrom(statement.func?.objname)))
      scene.schema.putRoutine({ ...each, volatility: 'volatile' });
  scene.does.breaks(
    'possible',
    `running code calls ${written(nameFrom(statement.func?.objname))} with other properties`,
  );
};

/** A DO block runs now, whatever is in it. */
export const runBlock: Family<DoStmt> = (statement, scene) => {
  const language = (as(option(statement.args, 'language'), 'String')?.sval ?? 'plpgsql').toLowerCase();
  scene.runBody(language, scene.text.trim().replace(/;\s*$/, ''), bodyOf(statement.args));
};

export const call: Family<CallStmt> = (statement, scene) => {
  callsIn(statement.funccall?.args, scene);
  callOf(nameFrom(statement.funccall?.funcname), scene);
};

/** DROP FUNCTION, PROCEDURE, ROUTINE, AGGREGATE. */
export function dropRoutines(object: Node, { behavior, missing_ok }: DropStmt, scene: Scene): void {
  const args = as(object, 'ObjectWithArgs');
  const name: Name = nameFrom(args?.objname);
  const all = scene.schema.routines(name);
  const types = args?.args_unspecified === true ? undefined : typesIn(args);
  const known = all.filter((each) => hasTypes(each, types) !== 'other');
  if (known.length === 0 && scene.schema.complete && missing_ok === true) return;
  // The first of the path is meant, if it surely is one that has these arguments.
  const [first] = known;
  const meant = first !== undefined && hasTypes(first, types) === 'same' ? [first] : known;
  if (meant.length === 1 && first !== undefined) scene.schema.removeRoutine(first);
  if (meant.length > 0 && meant.every(({ fresh }) => fresh === true)) return;
  scene.does.breaks('certain', `running code that calls ${written(name)} fails`, written(name));
  scene.does.safely('break', 'Release code that doesn’t call it first; drop it in a later release.');
  if (behavior === 'DROP_CASCADE')
    scene.does.notKnown(`what goes along with ${written(name)} (triggers, views, defaults) isn’t known`);
}

function typesIn(args: ObjectWithArgs | undefined): readonly TypeRef[] {
  if (args?.objfuncargs !== undefined) return typesOf(args.objfuncargs);
  return (args?.objargs ?? []).map((node) => typeOf(as(node, 'TypeName')));
}
