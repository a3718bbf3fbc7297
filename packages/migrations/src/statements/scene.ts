import type { Node, RangeVar } from 'libpg-query';
import type { TableState } from '../catalogue/table-state.ts';
import type { WorkingSchema } from '../catalogue/working-schema.ts';
import type { Effects, Recorder } from '../effects/effects.ts';
import type { LockMode } from '../effects/lock-modes.ts';
import { type Name, nameOf, quoted, written } from '../parse/nodes.ts';
import { fails } from './names/taken-name.ts';

/** What statements of a file set for those after them. */
export interface Session {
  /** Whether waiting for a lock ends by itself. */
  lockTimeout: boolean;
  /** Whether a transaction is open that goes on after the statement. */
  inTransaction: boolean;
  /** Whether the body that is being read may have been left before this: by RETURN, EXIT or CONTINUE. */
  mayHaveLeft: boolean;
  /** Temporary tables that the end of the transaction drops (ON COMMIT DROP), by their keys. */
  readonly untilCommit: Set<string>;
  /** What of it a transaction that is open may take back: whether it ended before, and how it was set since. */
  timeout: { readonly before: boolean; readonly set: 'no' | 'for the session' | 'for the transaction' };
  /** Characters of bodies that may still be read: what calls itself, or others without end, is given up. */
  bodiesLeft: number;
  /** What is read stands behind something that runs it without naming it again. */
  behind: boolean;
  /** Triggers whose bodies are being read: one that fires itself does nothing new. */
  readonly firing: Set<string>;
}

/** What a statement's family works with. */
export interface Scene {
  readonly schema: WorkingSchema;
  readonly does: Recorder;
  /** The statement as it is written, for steps that are derived from it. */
  readonly text: string;
  /** It may not be reached, or more than once: it stands in a block of code. */
  readonly conditional: boolean;
  /** It is carried out again and again: for each of many rows. */
  readonly manyTimes: boolean;
  /** It stands in a function, which the query that names it may call for no row at all. */
  readonly called: boolean;
  /** How deep in bodies of functions it stands. */
  readonly depth: number;
  readonly session: Session;
  /** Reads a statement that this one runs, and writes its effects to the same recorder. */
  run(node: Node, text: string, conditional?: boolean): void;
  /** The same with a body of code: `definition` is the whole DO or CREATE FUNCTION, `body` what stands between its quotes. */
  runBody(language: string, definition: string, body?: string, manyTimes?: boolean): void;
  /** What a body would do when it ran, without this statement's doing it. */
  tryBody(language: string, definition: string): Effects;
  /** The same with anything else that is read, as if for many rows. */
  tryThis(work: (scene: Scene) => void): Effects;
}

/** Whether what a statement changes may not be so afterwards: it may not be reached, or be undone. */
export function isUnsure({ conditional, manyTimes, called, session }: Scene): boolean {
  return conditional || manyTimes || called || session.mayHaveLeft;
}

/** Writes down what one kind of statement does, and leaves the schema as it would be after it. */
export type Family<Content> = (content: Content, scene: Scene) => void;

/** The relation that a statement names; says so when nothing is known of it. `undefined`: the statement does nothing then. */
export function relationIn(scene: Scene, name: Name | RangeVar | undefined, missingOk = false): TableState | undefined {
  const asked: Name = name !== undefined && 'name' in name ? name : nameOf(name as RangeVar | undefined);
  const found = scene.schema.find(asked);
  if (found?.perhaps === true && scene.schema.hides(found, asked))
    scene.does.notKnown(
      `which ${written(asked)} is meant can’t be told: whether ${found.key} is there isn’t known, and there is another; name its schema`,
    );
  if (found !== undefined) return found;
  if (scene.schema.complete) {
    if (missingOk) return undefined;
    scene.does.notKnown(`the catalogue has no relation ${written(asked)}, so what this does to it can't be told`);
  }
  if (!scene.schema.complete && scene.schema.gone.has(scene.schema.qualified(asked))) {
    if (missingOk) return undefined;
    fails(scene, `there is no ${written(asked)} any more: a statement above dropped or renamed it`);
  }
  return scene.schema.findOrAssume(asked);
}

/** A table and all that stands below it, which most changes reach; with ONLY just the table. */
export function tree(scene: Scene, table: TableState, only = false): readonly TableState[] {
  return only ? [table] : [table, ...scene.schema.descendants(table.key)];
}

export function lockAll(scene: Scene, tables: readonly TableState[], mode: LockMode): void {
  for (const table of tables) scene.does.lock(table, mode);
}

/** Whether code that runs can know of it: what was made in the same file, nobody uses. */
export function inUse(table: TableState): boolean {
  return !table.fresh;
}

/** A new relation comes before another of its name on the search path: running code that doesn't name the schema finds it. */
export function noteIfHides({ schema, does }: Scene, made: Required<Name> & { readonly schema: string }): void {
  const path = schema.settings.ownPath ?? schema.settings.path;
  const at = path.indexOf(made.schema);
  const behind = at < 0 ? [] : path.slice(at + 1);
  const hidden = behind.flatMap((each) => schema.byKey(`${each}.${made.name}`) ?? []).find(({ fresh }) => !fresh);
  if (hidden !== undefined)
    does.breaks(
      'possible',
      `running code that names ${quoted(made.name)} without its schema finds ${written(made)}, no longer ${hidden.key}`,
    );
}

/** Notes that running code can't do something any more, unless nobody can have used it. */
export function breaksIfUsed(
  scene: Scene,
  table: TableState,
  certainty: 'certain' | 'possible',
  what: string,
  removes?: string,
): void {
  if (inUse(table)) scene.does.breaks(certainty, what, removes);
}

/** Changes a table in the schema; nothing that is only assumed is written there unless a file made it. */
export function change(scene: Scene, table: TableState, more: Partial<TableState>): TableState {
  const next = { ...table, ...more };
  scene.schema.put(next);
  return next;
}
