/**
 * Functions that stand behind something: a default, a CHECK, an index, a view, an operator, a cast, a rule. PostgreSQL runs them
 * without their being named again, so what they do is looked at where they are put there.
 */
import type { CreateFunctionStmt, Node, RuleStmt, TypeName } from 'libpg-query';
import type { TableState } from '../catalogue/table-state.ts';
import { typeRefFrom, typeRefOf } from '../catalogue/type-name.ts';
import type { Effects } from '../effects/effects.ts';
import { blocksWrites } from '../effects/lock-modes.ts';
import { meantByColumn, meantIn } from '../expressions/meant.ts';
import { type Name, type NodeKind, nameFrom, walk, written } from '../parse/nodes.ts';
import { defaultsOf, expressionOf, standsOn } from '../types/domains.ts';
import { callOf } from './queries.ts';
import type { Scene } from './scene.ts';

/** Statements whose expressions PostgreSQL keeps, or holds against rows at once. */
const KEEPS: ReadonlySet<NodeKind> = new Set<NodeKind>([
  'CreateStmt',
  'CreateForeignTableStmt',
  'AlterTableStmt',
  'IndexStmt',
  'ViewStmt',
  'CreateTrigStmt',
  'CreatePolicyStmt',
  'AlterPolicyStmt',
  'CreateDomainStmt',
  'AlterDomainStmt',
  'CreateFunctionStmt',
  'CreateStatsStmt',
  'CreatePublicationStmt',
  'AlterPublicationStmt',
]);
/** Statements that name functions without calling them. */
const NAMES: ReadonlySet<NodeKind> = new Set<NodeKind>([
  'DefineStmt',
  'CreateCastStmt',
  'CreateOpClassStmt',
  'CreateTransformStmt',
  'CreateConversionStmt',
  'CreateEventTrigStmt',
  'CreateRangeStmt',
  'AlterOperatorStmt',
]);

/** Says what stands behind what a statement makes and does more than give an answer. */
export function lookBehind(kind: NodeKind, content: unknown, scene: Scene): void {
  if (kind === 'RuleStmt') lookAtRule(content as RuleStmt, scene);
  const named = KEEPS.has(kind) ? called(kept(kind, content), scene) : NAMES.has(kind) ? namedIn(content) : [];
  for (const name of named) standsBehind(name, scene);
}

/** A function may be replaced after something was put before it. */
export function looksBehindAgain(name: Name & { readonly schema: string }, scene: Scene): void {
  if (scene.schema.behind.has(`${name.schema}.${name.name}`)) standsBehind(name, scene);
}

/**
 * Runs what stands behind a write to a table that the catalogue knows: its defaults, the CHECKs that are held against the row,
 * and what makes values those of its columns' types.
 */
export function runBehindWrite({ columns, constraints }: TableState, defaults: boolean, scene: Scene): void {
  const texts = new Set(constraints.flatMap(({ kind, expression }) => (kind === 'check' ? (expression ?? []) : [])));
  if (defaults) for (const column of columns) if (column.default !== undefined) texts.add(column.default);
  const { schema } = scene;
  const meant = [...texts].flatMap((text) => (/[(:]/.test(text) ? meantIn(expressionOf(text), schema) : []));
  for (const { type, default: own } of columns) {
    const ref = typeRefFrom(type);
    meant.push(...meantByColumn(ref, schema));
    for (const each of (defaults && own === undefined && defaultsOf(standsOn(ref, schema), schema)) || [])
      meant.push(...meantIn(each, schema));
  }
  for (const { name } of meant)
    if (name !== undefined && name.schema !== 'pg_catalog' && schema.routines(name).length > 0) callOf(name, scene);
}

function standsBehind(name: Name, scene: Scene): void {
  const { schema, does } = scene;
  if (name.schema === 'pg_catalog' || schema.routines(name).length === 0) return;
  const before = scene.session.behind;
  scene.session.behind = true;
  const effects = scene.tryThis((inner) => callOf(name, inner));
  scene.session.behind = before;
  const harm = harmOf(effects);
  if (harm !== undefined)
    does.notKnown(
      `${written(name)} runs by itself whenever what it stands behind is used, which nobody follows: ${harm}`,
    );
}

/** The body of a function is read when it is called; the defaults of its arguments stand behind every call. */
function kept(kind: NodeKind, content: unknown): unknown {
  return kind === 'CreateFunctionStmt' ? (content as CreateFunctionStmt).parameters : content;
}

/** What an expression calls, by operators, casts and the domains of new columns, too. */
function called(expression: unknown, { schema }: Scene): readonly Name[] {
  const meant = [...meantIn(expression, schema)];
  walk(expression, (kind, content) => {
    if (kind !== 'ColumnDef') return;
    const type = typeRefOf(content.typeName as TypeName | undefined);
    meant.push(...meantByColumn(type, schema));
    for (const each of defaultsOf(standsOn(type, schema), schema) ?? []) meant.push(...meantIn(each, schema));
  });
  const names = new Map<string, Name>();
  for (const { name } of meant) if (name !== undefined) names.set(written(name), name);
  return [...names.values()];
}

/** Whatever is named, whether it is a function is told by there being one. */
function namedIn(content: unknown): readonly Name[] {
  const names = new Map<string, Name>();
  const note = (nodes: unknown): void => {
    if (!Array.isArray(nodes)) return;
    const name = nameFrom(nodes as readonly Node[]);
    names.set(written(name), name);
  };
  const { func, func_name, funcname } = content as Record<string, { readonly objname?: unknown } | undefined>;
  for (const each of [func?.objname, func_name, funcname]) note(each);
  walk(content, (kind, part) => {
    if (kind === 'TypeName') note(part.names);
    if (kind === 'ObjectWithArgs') note(part.objname);
    if (kind === 'List') note(part.items);
  });
  for (const part of ['fromsql', 'tosql'] as const)
    note((content as Record<string, { readonly objname?: unknown } | undefined>)[part]?.objname);
  return [...names.values()];
}

/** A rule runs its statements in place of, or beside, those that somebody writes. */
function lookAtRule({ actions, rulename = '' }: RuleStmt, scene: Scene): void {
  const effects = scene.tryThis((inner) => {
    for (const node of actions ?? []) inner.run(node, scene.text, true);
  });
  const harm = harmOf(effects);
  if (harm !== undefined)
    scene.does.notKnown(`the rule ${rulename} runs for what is written from now on, which nobody follows: ${harm}`);
}

/** What of it is more than an answer; `undefined`: nothing. */
function harmOf({ notKnown, destroys, breaks, work, locks, remarks }: Effects): string | undefined {
  const [unknown] = notKnown;
  if (unknown !== undefined) return unknown;
  const lost = destroys[0]?.what ?? breaks.find(({ certainty }) => certainty === 'certain')?.what;
  if (lost !== undefined) return lost;
  const changed = work.find(({ kind, fresh }) => kind !== 'read' && !fresh);
  if (changed !== undefined) return `${changed.relation}: ${changed.why}`;
  const lock = locks.find(({ mode, fresh }) => !fresh && blocksWrites(mode));
  if (lock !== undefined) return `${lock.mode} on ${lock.relation}`;
  return remarks.find(({ level }) => level === 'error')?.what;
}
