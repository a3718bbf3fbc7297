/**
 * What migration files leave in a database by plain statements: the tables and columns that are surely there once all of them
 * ran, in order. Whatever may have been taken away again isn't named: what is missing of this was never run.
 */
import type {
  AlterObjectSchemaStmt,
  AlterTableStmt,
  CreateStmt,
  CreateTableAsStmt,
  DropStmt,
  Node,
  RenameStmt,
  SelectStmt,
  TransactionStmt,
} from 'libpg-query';
import { MAX_FILE_CHARACTERS, type MigrationFile } from '../analyse.ts';
import { HARMLESS_CALLS } from '../expressions/harmless-calls.ts';
import { as, type Name, type NodeKind, nameFrom, nameOf, opened, strings, walk } from '../parse/nodes.ts';
import { type Statement, statementsOf } from '../parse/statements.ts';

/** A table, or a column of one, and the file that makes it. Without a schema it may be in any. */
export interface Made {
  readonly schema?: string | undefined;
  readonly table: string;
  readonly column?: string | undefined;
  readonly file: string;
}

export interface WhatFilesMake {
  readonly made: readonly Made[];
  /** Files of which a part can't be told by reading: what that makes isn't among the above. */
  readonly unread: readonly { readonly file: string; readonly why: string }[];
}

/** Words without which nothing takes a table or a column away, or under another name. */
const TAKES_AWAY = /drop|rename|execute|set\s+schema/i;
/** Dropped with CASCADE, these take no column along. */
const NO_COLUMN_GOES: ReadonlySet<string> = new Set([
  ...['OBJECT_TABLE', 'OBJECT_FOREIGN_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW', 'OBJECT_INDEX', 'OBJECT_SEQUENCE'],
  ...['OBJECT_TRIGGER', 'OBJECT_RULE', 'OBJECT_POLICY'],
]);
/** Statements that may run a function of the files: by a call, a trigger, a default. */
const MAY_RUN: ReadonlySet<NodeKind> = new Set<NodeKind>([
  ...(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt', 'CopyStmt', 'TruncateStmt'] as const),
  ...(['DoStmt', 'CallStmt', 'ExecuteStmt', 'ExplainStmt', 'RefreshMatViewStmt'] as const),
]);
const OPAQUE: Partial<Record<NodeKind, string>> = {
  DoStmt: 'a DO block',
  CallStmt: 'a CALL',
  ExecuteStmt: 'a prepared statement',
  CreateEventTrigStmt: 'an event trigger',
  CreateSchemaStmt: 'CREATE SCHEMA with what it holds',
};
/** Statements by which more goes than they name. */
const TAKES_ANYTHING: ReadonlySet<NodeKind> = new Set<NodeKind>([
  ...(['DropOwnedStmt', 'AlterExtensionStmt', 'DropdbStmt', 'CreateEventTrigStmt'] as const),
]);

/** Reads files in their order. The parser must be loaded. */
export function whatFilesMake(files: readonly MigrationFile[]): WhatFilesMake {
  const reading = new Reading();
  for (const file of files) reading.file(file);
  return { made: reading.made, unread: reading.unread };
}

class Reading {
  made: Made[] = [];
  readonly unread: { file: string; why: string }[] = [];
  #file = '';
  /** Temporary tables of the file at hand, which hide others of their name. */
  #temporary = new Set<string>();
  /** A function of the files may take something away whenever something runs it. */
  #armed = false;

  file({ name, text }: MigrationFile): void {
    this.#file = name;
    this.#temporary = new Set();
    if (text.length > MAX_FILE_CHARACTERS) {
      this.#cannotTell('it is too long to be read', text);
      return;
    }
    const statements = statementsOf(text);
    // What doesn't parse is run by something that isn't PostgreSQL alone, or never was.
    if (statements.some(({ node, error }) => node === undefined || error !== undefined)) {
      this.#cannotTell('it doesn’t parse as SQL', text);
      return;
    }
    for (const each of statements) this.#statement(each);
  }

  #cannotTell(why: string, text: string): void {
    if (!this.unread.some((each) => each.file === this.#file && each.why === why))
      this.unread.push({ file: this.#file, why });
    if (TAKES_AWAY.test(text)) this.made = [];
  }

  #statement({ node, text }: Statement): void {
    const [kind, content] = opened(node as Node);
    if (TAKES_ANYTHING.has(kind) || (this.#armed && MAY_RUN.has(kind))) this.made = [];
    const opaque = OPAQUE[kind];
    if (opaque !== undefined && (kind !== 'CreateSchemaStmt' || holdsMore(content))) this.#cannotTell(opaque, text);
    READERS[kind]?.(content, this, text);
  }

  add(made: Omit<Made, 'file'>): void {
    if (!this.#isTemporary(made)) this.made.push({ ...made, file: this.#file });
  }

  temporary(table: string): void {
    this.#temporary.add(table);
  }

  #isTemporary({ schema, table }: Omit<Made, 'file'>): boolean {
    return schema === 'pg_temp' || (schema === undefined && this.#temporary.has(table));
  }

  /** What has this name; what only may be meant by it isn't sure any more. */
  change(name: Name, column: string | undefined, to: (made: Made) => readonly Made[]): void {
    const hidden = this.#isTemporary({ schema: name.schema, table: name.name });
    this.made = this.made.flatMap((each) => {
      if (each.table !== name.name || (column !== undefined && each.column !== column)) return [each];
      if (each.schema === name.schema && !hidden) return to(each);
      // Whether it is the same one depends on the search path.
      return each.schema === undefined || name.schema === undefined ? [] : [each];
    });
  }

  forget(name: Name, column?: string): void {
    this.change(name, column, () => []);
  }

  forgetAll(): void {
    this.made = [];
  }

  calls(name: string, text: string): void {
    this.#cannotTell(`a call of ${name}()`, text);
  }

  routine(text: string): void {
    this.#armed ||= TAKES_AWAY.test(text.replace(/^\s*create\s+or\s+replace/i, ''));
  }

  undone(text: string): void {
    this.made = [];
    this.#cannotTell('a ROLLBACK', text);
  }
}

function holdsMore(content: unknown): boolean {
  return ((content as { schemaElts?: unknown[] }).schemaElts ?? []).length > 0;
}

// biome-ignore lint/suspicious/noExplicitAny: each takes the content of its own kind of node
type Reader = (content: any, reading: Reading, text: string) => void;
const READERS: Partial<Record<NodeKind, Reader>> = {
  CreateStmt: createTable,
  CreateTableAsStmt: createTableAs,
  AlterTableStmt: alterTable,
  DropStmt: drop,
  RenameStmt: rename,
  AlterObjectSchemaStmt: setSchema,
  SelectStmt: select,
  TransactionStmt: transaction,
  CreateFunctionStmt: (_content, reading, text) => reading.routine(text),
};

function createTable({ relation, tableElts, inhRelations, if_not_exists }: CreateStmt, reading: Reading): void {
  const { schema, name: table } = nameOf(relation);
  if (relation?.relpersistence === 't') {
    reading.temporary(table);
    return;
  }
  // A partition, or an heir, goes with its parent.
  if ((inhRelations ?? []).length > 0) return;
  reading.add({ schema, table });
  // One that was there already may have other columns.
  if (if_not_exists === true) return;
  for (const element of tableElts ?? []) {
    const column = as(element, 'ColumnDef')?.colname;
    if (column !== undefined) reading.add({ schema, table, column });
  }
}

function createTableAs({ into, objtype }: CreateTableAsStmt, reading: Reading): void {
  const { schema, name: table } = nameOf(into?.rel);
  if (into?.rel?.relpersistence === 't') {
    reading.temporary(table);
    return;
  }
  if (objtype === 'OBJECT_TABLE') reading.add({ schema, table });
}

function alterTable({ relation, cmds, objtype, missing_ok }: AlterTableStmt, reading: Reading): void {
  if (objtype !== 'OBJECT_TABLE' && objtype !== 'OBJECT_FOREIGN_TABLE') return;
  const name = nameOf(relation);
  const { schema, name: table } = name;
  for (const node of cmds ?? []) {
    const cmd = as(node, 'AlterTableCmd');
    const column = as(cmd?.def, 'ColumnDef')?.colname;
    if (cmd?.subtype === 'AT_AddColumn' && column !== undefined && missing_ok !== true)
      reading.add({ schema, table, column });
    // CASCADE takes generated columns along, which nothing here names.
    if (cmd?.subtype === 'AT_DropColumn') reading.forget(name, cmd.behavior === 'DROP_CASCADE' ? undefined : cmd.name);
    if (cmd?.subtype === 'AT_AttachPartition') reading.forget(nameOf(as(cmd.def, 'PartitionCmd')?.name));
    if (cmd?.subtype === 'AT_AddInherit') reading.forget(name);
  }
}

function drop({ objects, removeType, behavior }: DropStmt, reading: Reading): void {
  const kind = removeType ?? 'OBJECT_TABLE';
  if (kind === 'OBJECT_SCHEMA' || (behavior === 'DROP_CASCADE' && !NO_COLUMN_GOES.has(kind))) {
    reading.forgetAll();
    return;
  }
  if (kind !== 'OBJECT_TABLE' && kind !== 'OBJECT_FOREIGN_TABLE') return;
  for (const object of objects ?? []) reading.forget(nameFrom(as(object, 'List')?.items ?? [object]));
}

function rename({ renameType, relation, subname, newname, missing_ok }: RenameStmt, reading: Reading): void {
  const name = nameOf(relation);
  if (renameType === 'OBJECT_SCHEMA') {
    reading.forgetAll();
    return;
  }
  const column = renameType === 'OBJECT_COLUMN' ? subname : undefined;
  // ALTER TABLE renames views as well, and ALTER VIEW its columns: whatever has the name has another one then.
  if (column === undefined && !['OBJECT_TABLE', 'OBJECT_FOREIGN_TABLE'].includes(renameType ?? '')) return;
  if (missing_ok === true || newname === undefined) {
    reading.forget(name, column);
    return;
  }
  reading.change(name, column, (made) => [
    column === undefined ? { ...made, table: newname } : { ...made, column: newname },
  ]);
}

function setSchema({ objectType, relation }: AlterObjectSchemaStmt, reading: Reading): void {
  if (objectType !== 'OBJECT_TABLE' && objectType !== 'OBJECT_FOREIGN_TABLE') return;
  reading.change(nameOf(relation), undefined, (made) => [{ ...made, schema: undefined }]);
}

function select(statement: SelectStmt, reading: Reading, text: string): void {
  const into = statement.intoClause?.rel;
  if (into?.relpersistence === 't') reading.temporary(nameOf(into).name);
  walk(statement, (kind, content) => {
    if (kind !== 'FuncCall') return;
    const name = strings(content.funcname as Node[]).at(-1) ?? '';
    if (!HARMLESS_CALLS.has(name)) reading.calls(name, text);
  });
}

function transaction({ kind }: TransactionStmt, reading: Reading, text: string): void {
  if (kind === 'TRANS_STMT_ROLLBACK' || kind === 'TRANS_STMT_ROLLBACK_TO') reading.undone(text);
}
