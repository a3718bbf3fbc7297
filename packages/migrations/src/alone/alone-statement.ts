/**
 * What Headgate runs outside of a transaction: one statement a file, declared by `-- headgate:no-transaction`, and only of
 * kinds of which it can be seen afterwards how far they came. Else who was killed in the middle would leave something that
 * nobody can tell from nothing, and that nobody can finish.
 */
import type { IndexStmt, Node } from 'libpg-query';
import { as, isOn, type Name, nameFrom, nameOf, opened, strings } from '../parse/nodes.ts';
import { type Statement, statementsOf } from '../parse/statements.ts';

export type AloneStatement =
  | {
      readonly kind: 'create-index';
      readonly text: string;
      readonly index: string;
      readonly table: Name;
      readonly ifNotExists: boolean;
      readonly shape: IndexShape;
    }
  | { readonly kind: 'drop-index'; readonly text: string; readonly index: Name; readonly ifExists: boolean }
  /** Can be run as often as one likes; of an index or of all indexes of a table. */
  | { readonly kind: 'reindex'; readonly text: string; readonly of: 'index' | 'table'; readonly name: Name }
  /** Of tables that are named, or of everything. */
  | { readonly kind: 'vacuum'; readonly text: string; readonly named: boolean };

/** By what an index of the same name is told apart from the one that a statement makes. */
export interface IndexShape {
  readonly unique: boolean;
  readonly method: string;
  /** Columns by their names, an expression as null; those that are only included come last. */
  readonly columns: readonly (string | null)[];
  readonly included: number;
  readonly partial: boolean;
}

export type ReadAlone =
  | { readonly ok: true; readonly statement: AloneStatement; readonly at: Statement }
  | { readonly ok: false; readonly why: string };

/** Longer ones aren't read twice. Characters. */
const LONGEST = 100_000;

const KINDS = 'CREATE INDEX CONCURRENTLY, DROP INDEX CONCURRENTLY, REINDEX INDEX or TABLE CONCURRENTLY, or VACUUM';

/** The one statement of a file that says `headgate:no-transaction`, or why it can't be run so. The parser must be loaded. */
export function readAlone(text: string): ReadAlone {
  const [only, second] = statementsOf(text);
  if (only === undefined) return no(`it holds no statement; expected ${KINDS}`);
  if (only.node === undefined || only.error !== undefined) return no(`it doesn’t parse: ${only.error?.why ?? ''}`);
  if (second !== undefined)
    return no('it holds more than one statement: without a transaction, a half of it may happen; one a file');
  const statement = aloneOf(only.node, only.text);
  return typeof statement === 'string' ? no(statement) : { ok: true, statement, at: only };
}

/** Whether a statement is one that Headgate runs outside of a transaction. */
export function canStandAlone(text: string): boolean {
  return text.length < LONGEST && readAlone(text).ok;
}

function no(why: string): ReadAlone {
  return { ok: false, why: `the file says headgate:no-transaction, and ${why}` };
}

function aloneOf(node: Node, text: string): AloneStatement | string {
  const index = as(node, 'IndexStmt');
  if (index?.concurrent === true) {
    const { idxname, relation, if_not_exists } = index;
    if (idxname === undefined)
      return 'the index has no name: give it one, so that it is found when this was interrupted';
    const table = nameOf(relation);
    return {
      kind: 'create-index',
      text,
      index: idxname,
      table,
      ifNotExists: if_not_exists === true,
      shape: shapeOf(index),
    };
  }
  const drop = as(node, 'DropStmt');
  if (drop?.concurrent === true && drop.removeType === 'OBJECT_INDEX') {
    const [object, more] = drop.objects ?? [];
    if (object === undefined || more !== undefined) return 'it drops more than one index: one a file';
    const name = nameFrom(as(object, 'List')?.items);
    return { kind: 'drop-index', text, index: name, ifExists: drop.missing_ok === true };
  }
  const reindex = as(node, 'ReindexStmt');
  if (reindex !== undefined && isOn(reindex.params, 'concurrently')) {
    const of = { REINDEX_OBJECT_INDEX: 'index', REINDEX_OBJECT_TABLE: 'table' } as const;
    const kind = of[reindex.kind as keyof typeof of];
    if (kind !== undefined) return { kind: 'reindex', text, of: kind, name: nameOf(reindex.relation) };
  }
  const vacuum = as(node, 'VacuumStmt');
  if (vacuum?.is_vacuumcmd === true)
    return isOn(vacuum.options, 'full')
      ? 'VACUUM FULL keeps everybody out of the table for as long as it writes it again: use VACUUM, or a window in which nobody is served'
      : { kind: 'vacuum', text, named: (vacuum.rels ?? []).length > 0 };
  return `${what(node)} isn’t one of ${KINDS}: take the line away, and it is run in a transaction`;
}

function shapeOf({ unique, accessMethod, indexParams, indexIncludingParams, whereClause }: IndexStmt): IndexShape {
  const names = (list: readonly Node[] | undefined) => (list ?? []).map((each) => as(each, 'IndexElem')?.name || null);
  const included = names(indexIncludingParams);
  return {
    unique: unique === true,
    method: accessMethod || 'btree',
    columns: [...names(indexParams), ...included],
    included: included.length,
    partial: whereClause !== undefined,
  };
}

function what(node: Node): string {
  const [kind, content] = opened(node);
  const names = strings((content as { objects?: Node[] }).objects);
  return [kind.replace(/Stmt$/, ''), ...names].join(' ');
}
