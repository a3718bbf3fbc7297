/** What was seen of a migration while it ran on a copy: what a server said, never what a parser thinks. */

/** A lock on a relation that was there before the migration. */
export interface TracedLock {
  /** `public.invoice`, quoted where PostgreSQL needs it. */
  readonly relation: string;
  /** As PostgreSQL's documentation names it: `ACCESS EXCLUSIVE`. */
  readonly mode: string;
  /** From the beginning of the statement that took it to the end of its transaction. Milliseconds. */
  readonly heldMs: number;
}

/** Rows that were read from end to end while others waited. */
export interface TracedScan {
  readonly relation: string;
  readonly rows: number;
  /** The lock that others waited for meanwhile, and on what. */
  readonly under: { readonly relation: string; readonly mode: string };
}

/** Rows of a relation, counted. */
export interface RowCount {
  readonly relation: string;
  readonly rows: number;
}

/** One statement of a migration, as it was carried out. */
export interface TracedStatement {
  /** From 1, in its file. */
  readonly n: number;
  readonly line: number;
  /** Its beginning; a statement may be long. */
  readonly text: string;
  /** It ran outside of a transaction: its locks were seen by a second session that looked again and again. */
  readonly alone: boolean;
  readonly durationMs: number;
  /** Locks that it took, or made stronger. */
  readonly locks: readonly TracedLock[];
  /** Tables and materialized views that were written again. */
  readonly rewritten: readonly string[];
  /** Tables that were emptied. */
  readonly emptied: readonly string[];
  /** Indexes that were there and were built again. */
  readonly rebuilt: readonly string[];
  readonly scanned: readonly TracedScan[];
  readonly changed: readonly RowCount[];
  /** Of the whole server while it ran. */
  readonly walBytes: number;
  /** Temporary files; undefined: the server doesn't tell us. */
  readonly tempBytes: number | undefined;
}

/** Why a file stopped. */
export interface TraceFailure {
  /** Of the statement; 0: the commit. */
  readonly n: number;
  /** 0: of none, as a commit or a program. */
  readonly line: number;
  /** PostgreSQL's own code (SQLSTATE); empty of a program. */
  readonly code: string;
  /** In words; quotes no data. */
  readonly why: string;
}

/** `, line 3`; nothing where it is of none. */
export function lineText({ line }: Pick<TraceFailure, 'line'>): string {
  return line > 0 ? `, line ${line}` : '';
}

/** One file, from its first statement to the end of its last transaction. */
export interface TracedFile {
  readonly file: string;
  /** The migration's id. */
  readonly migration: string;
  /** The application's own program carried it out, and is its one statement here; absent: SQL. */
  readonly by?: 'program';
  readonly durationMs: number;
  /** Of the commits in it: what waits for them (deferred constraints) is done there. */
  readonly commitMs: number;
  readonly statements: readonly TracedStatement[];
  readonly failed?: TraceFailure;
}

/** What those felt who read and wrote one table meanwhile. Milliseconds; undefined: nobody could. */
export interface Stall {
  readonly relation: string;
  readonly readersMs: number | undefined;
  readonly writersMs: number | undefined;
  /** Errors that they met, by PostgreSQL's code. */
  readonly errors: Readonly<Record<string, number>>;
}

/** Modes that writers wait for, and those that readers wait for, too. */
const BLOCK_WRITERS: ReadonlySet<string> = new Set(['SHARE', 'SHARE ROW EXCLUSIVE', 'EXCLUSIVE', 'ACCESS EXCLUSIVE']);

/** Whether somebody who uses the table as an application does waits for this lock. */
export function othersWait({ mode }: Pick<TracedLock, 'mode'>): boolean {
  return BLOCK_WRITERS.has(mode);
}

/** The longest stall of all; 0 without any. */
export function longestStallMs(stalls: readonly Stall[]): number {
  return Math.max(0, ...stalls.flatMap(({ readersMs, writersMs }) => [readersMs ?? 0, writersMs ?? 0]));
}
