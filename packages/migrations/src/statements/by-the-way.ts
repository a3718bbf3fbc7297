/** Statements that make something of their own, and change by the way what statements of running code do. */
import type { AlterSeqStmt, CreateCastStmt, CreateForeignTableStmt, DefineStmt, Node } from 'libpg-query';
import type { Cast } from '../catalogue/catalogue.ts';
import { typeRefOf, typeText } from '../catalogue/type-name.ts';
import { as, type Name, nameFrom, nameOf, option, walk, written } from '../parse/nodes.ts';
import { createTable } from './create-table.ts';
import { mayHideAnother } from './overloads.ts';
import type { Family, Scene } from './scene.ts';

/** What a sequence gives next, and for how long. */
const NUMBERS = new Set(['restart', 'increment', 'minvalue', 'maxvalue', 'cycle', 'as']);

/** Whether options of a sequence, or of an identity, change the numbers that it gives. */
export function changesNumbers(options: readonly Node[] | undefined): boolean {
  return (options ?? []).some((node) => NUMBERS.has(as(node, 'DefElem')?.defname ?? ''));
}

export const alterSequence: Family<AlterSeqStmt> = ({ sequence, options }, scene) => {
  const found = scene.schema.find(nameOf(sequence));
  if (found !== undefined) scene.does.lock(found, 'SHARE ROW EXCLUSIVE');
  if (found?.fresh !== true && changesNumbers(options))
    scene.does.breaks('possible', `${written(nameOf(sequence))} may give running code numbers that are taken, or none`);
};

/** CREATE OPERATOR, AGGREGATE, TYPE, COLLATION, TEXT SEARCH … */
export const define: Family<DefineStmt> = ({ kind, defnames, definition }, scene) => {
  const { schema, does } = scene;
  const name = schema.qualified(nameFrom(defnames));
  if (kind === 'OBJECT_OPERATOR') {
    const operand = (which: string) => {
      const type = as(option(definition, which), 'TypeName');
      return type === undefined ? {} : { [which === 'leftarg' ? 'left' : 'right']: typeText(typeRefOf(type)) };
    };
    const given = option(definition, 'function') ?? option(definition, 'procedure');
    const calls = keyOf(nameFrom(as(given, 'TypeName')?.names ?? as(given, 'List')?.items), scene);
    if (!schema.isTrying)
      schema.operators.put({ ...name, calls, ...operand('leftarg'), ...operand('rightarg'), volatility: 'volatile' });
    does.breaks('possible', `statements of running code may find the operator ${name.name} where they found another`);
  }
  if (kind === 'OBJECT_AGGREGATE') {
    mayHideAnother(name, [], scene);
    schema.putRoutine({ ...name, arguments: 1, volatility: 'volatile', language: 'aggregate', fresh: true });
  }
};

/** The function of a name that is given, in its schema; one that people haven't is PostgreSQL's own. */
function keyOf(name: Name, { schema }: Scene): string {
  const [own] = schema.routines(name);
  return `${own?.schema ?? name.schema ?? 'pg_catalog'}.${name.name}`;
}

const CONTEXTS: Readonly<Record<string, Cast['applies']>> = {
  COERCION_IMPLICIT: 'implicit',
  COERCION_ASSIGNMENT: 'assignment',
};

/** One that PostgreSQL uses by itself changes what expressions mean. */
export const createCast: Family<CreateCastStmt> = ({ context, sourcetype, targettype, func }, scene) => {
  const applies = CONTEXTS[context ?? ''] ?? 'explicit';
  if (func !== undefined && !scene.schema.isTrying)
    scene.schema.operators.putCast({
      ...{ from: typeText(typeRefOf(sourcetype)), to: typeText(typeRefOf(targettype)), applies },
      ...{ calls: keyOf(nameFrom(func.objname), scene), volatility: 'volatile' },
    });
  if (context !== undefined && context !== 'COERCION_EXPLICIT')
    scene.does.breaks('possible', 'expressions of running code may be cast by it where they meant something else');
};

/** A partition elsewhere takes rows that running code writes. */
export const createForeignTable: Family<CreateForeignTableStmt> = ({ base, servername = '' }, scene) => {
  if (base === undefined) return;
  createTable(base, scene);
  let parent: string | undefined;
  walk(base.inhRelations, (kind, content) => {
    if (kind === 'RangeVar') parent ??= written(nameOf(content));
  });
  if (parent !== undefined && base.partbound !== undefined)
    scene.does.breaks('possible', `rows that running code writes to ${parent} go to the server ${servername}`);
};
