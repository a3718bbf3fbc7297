import type { AlterPolicyStmt, CreatePolicyStmt, CreateTrigStmt, RuleStmt } from 'libpg-query';
import type { Trigger, TriggerEvent } from '../catalogue/catalogue.ts';
import type { TableState } from '../catalogue/table-state.ts';
import { as, constant, nameFrom, quoted, strings } from '../parse/nodes.ts';
import { parseBody } from '../parse/parser.ts';
import { isFresh } from './alter-table/altered.ts';
import { dropsRows, willRun } from './firing.ts';
import { failsIfNot } from './names/missing-name.ts';
import { fails, isWhole, MOST_OF_TABLE } from './names/taken-name.ts';
import { breaksIfUsed, change, type Family, relationIn, type Scene, tree } from './scene.ts';

/** Of CreateTrigStmt.timing: before. */
const BEFORE = 2;
/** Of a view: in its place. */
const INSTEAD = 64;

/** A trigger takes an instant to make, and then runs for everything that running code writes. */
export const createTrigger: Family<CreateTrigStmt> = (statement, scene) => {
  const table = relationIn(scene, statement.relation);
  if (table === undefined) return;
  for (const each of tree(scene, table)) scene.does.lock(each, 'SHARE ROW EXCLUSIVE');
  if (statement.constrrel !== undefined) {
    const other = relationIn(scene, statement.constrrel);
    if (other !== undefined) scene.does.lock(other, 'ACCESS SHARE');
  }
  const trigger = triggerOf(statement, scene);
  dropsRows(trigger, table, scene);
  if (
    statement.replace !== true &&
    isWhole(table, scene.schema) &&
    table.triggers.some(({ name }) => name === trigger.name)
  )
    fails(scene, `${table.key} has a trigger ${quoted(trigger.name)} already`);
  const before = table.triggers.find(({ name }) => name === trigger.name);
  if (before !== undefined && !firesAlike(before, trigger))
    breaksIfUsed(
      scene,
      table,
      'possible',
      `the trigger ${quoted(trigger.name)} no longer does what it did for what running code writes to ${table.key}`,
    );
  if (!isHarmless(statement, table, scene)) {
    if (!table.fresh) willRun(trigger, table, scene);
    breaksIfUsed(
      scene,
      table,
      'possible',
      `${nameFrom(statement.funcname).name}() runs for what running code writes to ${table.key}: it may refuse it, change it or slow it down`,
    );
    if (!table.fresh)
      scene.does.safely(
        'break',
        'Let the trigger do its work only for rows that the new code writes (a WHEN condition on a new column), until nothing else writes.',
      );
  }
  for (const each of tree(scene, table)) {
    // CREATE OR REPLACE.
    const others = each.triggers.filter(({ name }) => name !== trigger.name);
    scene.schema.put({ ...(scene.schema.byKey(each.key) ?? each), triggers: [...others, trigger] });
  }
};

/** What isn't known of one, as in catalogue files from before, isn't alike. */
function firesAlike({ fires: a }: Trigger, { fires: b }: Trigger): boolean {
  if (a === undefined || b === undefined) return false;
  const told = (fires: NonNullable<Trigger['fires']>) =>
    JSON.stringify([
      ...[fires.calls, fires.events.toSorted(), (fires.columns ?? []).toSorted(), fires.each],
      ...[fires.decides === true, fires.conditional === true],
    ]);
  // Which condition one has isn't known here.
  return a.conditional !== true && told(a) === told(b);
}

/** Bits of CreateTrigStmt.events. */
const EVENTS: readonly (readonly [number, TriggerEvent])[] = [
  [4, 'insert'],
  [8, 'delete'],
  [16, 'update'],
  [32, 'truncate'],
];

function triggerOf(
  { trigname, funcname, events, columns, row, timing, whenClause }: CreateTrigStmt,
  { schema }: Scene,
): Trigger {
  const called = nameFrom(funcname);
  const routine = schema.routines(called).find((each) => each.arguments === 0) ?? { ...schema.qualified(called) };
  const of = strings(columns);
  return {
    name: trigname ?? '',
    fires: {
      calls: `${routine.schema}.${routine.name}`,
      events: EVENTS.flatMap(([bit, event]) => (((events ?? 0) & bit) === 0 ? [] : [event])),
      ...(of.length === 0 ? {} : { columns: of }),
      each: row === true ? 'row' : 'statement',
      ...(((timing ?? 0) & (BEFORE | INSTEAD)) === 0 ? {} : { decides: true as const }),
      ...(whenClause === undefined ? {} : { conditional: true as const }),
    },
  };
}

/** A body that does nothing but fill columns which no running code knows. */
function isHarmless(statement: CreateTrigStmt, table: TableState, scene: Scene): boolean {
  const [routine, ...others] = scene.schema
    .routines(nameFrom(statement.funcname))
    .filter((each) => each.arguments === 0);
  if (others.length > 0 || routine?.language !== 'plpgsql' || routine.source === undefined) return false;
  const tree = parseBody(routine.source);
  if (tree === undefined) return false;
  const kinds = new Set(JSON.stringify(tree).match(/PLpgSQL_stmt_\w+/g) ?? []);
  const plain = ['PLpgSQL_stmt_block', 'PLpgSQL_stmt_assign', 'PLpgSQL_stmt_return'];
  if ([...kinds].some((kind) => !plain.includes(kind))) return false;
  const before = ((statement.timing ?? 0) & BEFORE) !== 0;
  if (before && !/\breturn\s+new\s*;/i.test(routine.source)) return false;
  if (before && /\breturn\s+(null|old)\s*;/i.test(routine.source)) return false;
  const assigned = [...routine.source.matchAll(/\bnew\s*\.\s*("?)([\w$]+)\1\s*:?=/gi)].map((match) => match[2] ?? '');
  return assigned.every((column) => isFresh(table, column));
}

/** A rule INSTEAD, without a condition, that writes nothing: the statement isn't carried out, and nobody is told. */
function isDropped({ event, instead, whereClause, actions }: RuleStmt): boolean {
  const always = whereClause === undefined || constant(whereClause) === true;
  const writes = (actions ?? []).some(
    (node) => as(node, 'SelectStmt') === undefined && as(node, 'NotifyStmt') === undefined,
  );
  return instead === true && always && !writes && event !== 'CMD_SELECT';
}

const COMMANDS: Readonly<Record<string, string>> = { CMD_INSERT: 'INSERT', CMD_UPDATE: 'UPDATE', CMD_DELETE: 'DELETE' };

/** Of more than are followed none is known. */
function withOne(names: readonly string[] | undefined, name: string): readonly string[] | undefined {
  return names === undefined || names.length >= MOST_OF_TABLE ? undefined : [...names, name];
}

export const createRule: Family<RuleStmt> = (statement, scene) => {
  const table = relationIn(scene, statement.relation);
  if (table === undefined) return;
  scene.does.lock(table, 'ACCESS EXCLUSIVE');
  const name = statement.rulename ?? '';
  if (table.rules?.includes(name) !== true) change(scene, table, { rules: withOne(table.rules, name) });
  else if (statement.replace !== true) fails(scene, `${table.key} has a rule ${quoted(name)} already`);
  if (isDropped(statement) && table.kind !== 'foreign')
    breaksIfUsed(
      scene,
      table,
      'certain',
      `${COMMANDS[statement.event ?? ''] ?? 'a write'} of running code on ${table.key} is no longer carried out, and nobody is told: the rule ${quoted(name)} does nothing instead`,
      table.key,
    );
  breaksIfUsed(
    scene,
    table,
    'possible',
    `the rule ${quoted(statement.rulename ?? '')} changes what running code’s statements on ${table.key} do`,
  );
};

export const createPolicy: Family<CreatePolicyStmt | AlterPolicyStmt> = (statement, scene) => {
  const table = relationIn(scene, statement.table);
  if (table === undefined) return;
  scene.does.lock(table, 'ACCESS EXCLUSIVE');
  const name = statement.policy_name ?? '';
  // ALTER POLICY has no command of its own: CREATE always says for which it is.
  if (!('cmd_name' in statement)) failsIfNot(scene, table, 'policy', name);
  else if (table.policies?.includes(name) === true) fails(scene, `${table.key} has a policy ${quoted(name)} already`);
  else change(scene, table, { policies: withOne(table.policies, name) });
  if (table.rowSecurity || !table.known)
    breaksIfUsed(
      scene,
      table,
      'possible',
      `the policy ${quoted(statement.policy_name ?? '')} changes which rows of ${table.key} running code sees and writes`,
    );
};
