/** Triggers: what a statement sets off now, and what running code will set off from now on. */

import { dropsRowsOf } from '../bodies/returns-null.ts';
import type { Trigger, TriggerEvent } from '../catalogue/catalogue.ts';
import type { RoutineState, TableState } from '../catalogue/table-state.ts';
import { quoted } from '../parse/nodes.ts';
import { type Scene, tree } from './scene.ts';

/** PostgreSQL's own trigger functions: they touch no other table. */
const HARMLESS = new Set([
  'suppress_redundant_updates_trigger',
  'tsvector_update_trigger',
  'tsvector_update_trigger_column',
]);
/** Bodies that call bodies: beyond this nobody follows. */
const DEEPEST = 8;

/**
 * Runs the bodies of the triggers that a change of a table fires. `many`: for many rows. `columns`: of an UPDATE, those that
 * it sets; a trigger of other columns stays out of it.
 */
export function fire(
  table: TableState,
  event: TriggerEvent,
  scene: Scene,
  many: boolean,
  columns?: readonly string[],
): void {
  // The statement may have changed it, as far as it is read.
  for (const { key } of tree(scene, table)) {
    const each = scene.schema.byKey(key);
    for (const trigger of each?.triggers ?? []) {
      const { name, fires } = trigger;
      if (fires === undefined) {
        notKnown(scene, `what the trigger ${quoted(name)} of ${key} runs isn’t in the catalogue: write it again`);
        continue;
      }
      const { events, columns: of, off } = fires;
      if (off === true || !events.includes(event)) continue;
      if (event === 'update' && of !== undefined && columns !== undefined && !columns.some((one) => of.includes(one)))
        continue;
      once(`${key} ${name}`, scene, () => call(fires.calls, scene, many && fires.each === 'row'));
    }
  }
}

/** A trigger that fires itself, by whatever detour, does nothing that wasn't read already. */
function once(trigger: string, { session }: Scene, work: () => void): void {
  if (session.firing.has(trigger)) return;
  session.firing.add(trigger);
  try {
    work();
  } finally {
    session.firing.delete(trigger);
  }
}

function call(calls: string, scene: Scene, many: boolean): void {
  for (const routine of routinesNamed(calls, scene))
    if (routine?.source === undefined || scene.depth > DEEPEST)
      notKnown(scene, `${calls}() runs for what is written, and what it does isn’t known`);
    else scene.runBody(routine.language, routine.source, undefined, many);
}

/** What a new trigger will do for what running code writes: read once, without its happening now. */
export function willRun({ fires }: Trigger, table: TableState, scene: Scene): void {
  if (fires === undefined) return;
  for (const routine of routinesNamed(fires.calls, scene)) {
    if (routine?.source === undefined) {
      const what = `runs for what running code writes to ${table.key} from now on, and what it does isn’t known`;
      notKnown(scene, `${fires.calls}() ${what}`);
      continue;
    }
    const effects = scene.tryBody(routine.language, routine.source);
    scene.does.later({ runs: fires.calls, relation: table.key, effects });
  }
}

/** Says that rows which running code writes are dropped from now on: a trigger before each returns null, whatever the row. */
export function dropsRows({ fires }: Trigger, table: TableState, scene: Scene): void {
  if (
    table.fresh ||
    fires?.decides !== true ||
    fires.each !== 'row' ||
    fires.conditional === true ||
    fires.off === true
  )
    return;
  const all = routinesNamed(fires.calls, scene);
  const dropped = all.map((each) =>
    each?.source === undefined || each.language !== 'plpgsql' ? [] : dropsRowsOf(each.source, fires.events),
  );
  const events = (dropped[0] ?? []).filter((event) => dropped.every((each) => each.includes(event)));
  if (events.length === 0) return;
  const what = events.map((event) => event.toUpperCase()).join(', ');
  const of = fires.columns === undefined ? '' : ` (of ${fires.columns.map(quoted).join(', ')})`;
  scene.does.breaks(
    'certain',
    `${what}${of} of running code on ${table.key} changes no row any more, and nobody is told: ${fires.calls}() returns null for each`,
    table.key,
  );
  scene.does.safely(
    'break',
    'Have it RETURN NEW (of a DELETE, OLD) for what is to be written; to keep something out, raise an exception, which the code is told of.',
  );
}

/** A function is replaced: what its triggers let by may change. */
export function dropsRowsAgain(calls: string, scene: Scene): void {
  const [routine] = routinesNamed(calls, scene);
  if (routine?.source === undefined || dropsRowsOf(routine.source, ['insert', 'update', 'delete']).length === 0) return;
  if (!scene.schema.publications.mayLook()) {
    scene.does.notKnown('so many functions of triggers that drop rows aren’t looked at: whose rows isn’t known');
    return;
  }
  for (const table of scene.schema.all())
    for (const trigger of table.triggers) if (trigger.fires?.calls === calls) dropsRows(trigger, table, scene);
}

/** The function, or each that it may be; `undefined` among them: one that nobody knows. */
function routinesNamed(calls: string, { schema }: Scene): readonly (RoutineState | undefined)[] {
  const dot = calls.indexOf('.');
  const [of, name] = [calls.slice(0, dot), calls.slice(dot + 1)];
  const own = schema.routines({ schema: of, name }).filter((each) => each.arguments === 0);
  if (own.length > 0) return own;
  return HARMLESS.has(name) ? [] : [undefined];
}

function notKnown({ does }: Scene, why: string): void {
  does.remark('triggers-run', 'error', why);
}
