/**
 * What Headgate runs outside of a transaction: one statement a file, declared by `-- headgate:no-transaction`, and only of
 * kinds of which it can be seen afterwards how far they came. Else who was killed in the middle would leave something that
 * nobody can tell from nothing, and that nobody can finish.
 */
import type { Node } from 'libpg-query';
import { as, isOn, type Name, nameFrom, nameOf, opened, strings } from '../parse/nodes.ts';
import { type Statement, statementsOf } from '../parse/statements.ts';

export type AloneStatement =
  | {
      readonly kind: 'create-index';
      readonly text: string;
      readonly index: string;
      readonly table: Name;
      readonly ifNotExists: boolean;
    }
  | { readonly kind: 'drop-index'; readonly text: string; readonly index: Name; readonly ifExists: boolean }
  /** Can be run as often as one likes; of an index or of all indexes of a table. */
  | { readonly kind: 'reindex'; readonly text: string; readonly of: 'index' | 'table'; readonly name: Name }
  | { readonly kind: 'vacuum'; readonly text: string };

export type ReadAlone =
  | { readonly ok: true; readonly statement: AloneStatement; readonly at: Statement }
  | { readonly ok: false; readonly why: string };

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
    return { kind: 'create-index', text, index: idxname, table, ifNotExists: if_not_exists === true };
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
  if (as(node, 'VacuumStmt')?.is_vacuumcmd === true) return { kind: 'vacuum', text };
  return `${what(node)} isn’t one of ${KINDS}: take the line away, and it is run in a transaction`;
}

function what(node: Node): string {
  const [kind, content] = opened(node);
  const names = strings((content as { objects?: Node[] }).objects);
  return [kind.replace(/Stmt$/, ''), ...names].join(' ');
}
