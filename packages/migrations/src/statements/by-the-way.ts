/** Statements that make something of their own, and change by the way what statements of running code do. */
import type { AlterSeqStmt, CreateCastStmt, CreateForeignTableStmt, DefineStmt } from 'libpg-query';
import { as, nameFrom, nameOf, walk, written } from '../parse/nodes.ts';
import { createTable } from './create-table.ts';
import type { Family } from './scene.ts';

/** What a sequence gives next, and for how long. */
const NUMBERS = new Set(['restart', 'increment', 'minvalue', 'maxvalue', 'cycle', 'as']);

export const alterSequence: Family<AlterSeqStmt> = ({ sequence, options }, scene) => {
  const found = scene.schema.find(nameOf(sequence));
  if (found !== undefined) scene.does.lock(found, 'SHARE ROW EXCLUSIVE');
  if (found?.fresh !== true && (options ?? []).some((node) => NUMBERS.has(as(node, 'DefElem')?.defname ?? '')))
    scene.does.breaks('possible', `${written(nameOf(sequence))} may give running code numbers that are taken, or none`);
};

/** CREATE OPERATOR, AGGREGATE, TYPE, COLLATION, TEXT SEARCH … */
export const define: Family<DefineStmt> = ({ kind, defnames }, scene) => {
  const { schema, does } = scene;
  const name = schema.qualified(nameFrom(defnames));
  if (kind === 'OBJECT_OPERATOR')
    does.breaks('possible', `statements of running code may find the operator ${name.name} where they found another`);
  if (kind === 'OBJECT_AGGREGATE')
    schema.putRoutine({ ...name, arguments: 1, volatility: 'volatile', language: 'aggregate', fresh: true });
};

/** One that PostgreSQL uses by itself changes what expressions mean. */
export const createCast: Family<CreateCastStmt> = ({ context }, scene) => {
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
