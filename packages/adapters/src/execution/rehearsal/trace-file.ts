/** Runs one file of a migration statement by statement, as its runner would, and writes down what each did. */
import type { TracedFile, TracedStatement, TraceFailure } from '@headgate/domain/rehearsal/trace';
import { readAlone } from '@headgate/migrations/alone/alone-statement';
import { saysNoTransaction } from '@headgate/migrations/parse/directives';
import { as } from '@headgate/migrations/parse/nodes';
import { type Statement, statementsOf } from '@headgate/migrations/parse/statements';
import pg from 'pg';
import { sqlRefusal } from '../sql-migrator/sql-refusal.ts';
import { LockWatch } from './lock-watch.ts';
import { type Relations, relationsOf } from './looks.ts';
import { TempFiles } from './temp-files.ts';
import { traceAlone } from './trace-alone.ts';
import { TransactionTrace } from './transaction-trace.ts';

/** The connections that a trace needs. */
export interface TraceSessions {
  /** Runs the file, with the owner's rights alone. */
  readonly runner: pg.Client;
  /** Looks at the runner's locks. */
  readonly watcher: pg.Client;
  /** Reads what is committed, and the server's own counts. */
  readonly control: pg.Client;
}

export interface TraceAsk {
  /** The migration's id. */
  readonly migration: string;
  readonly file: string;
  readonly text: string;
  /** `headgate`: one transaction, without control of its own; `psql`: each statement as it stands. */
  readonly how: 'headgate' | 'psql';
  /** After which waiting for a lock ends. Milliseconds. */
  readonly lockWaitMs: number;
  /** Hears of each relation that the session locks while a statement is still running. */
  readonly onLock?: (relation: string, mode: string) => void;
}

/** How often the runner's locks are looked at: beside a transaction for others to join in, alone for all that is known. Milliseconds. */
const BESIDE_MS = 15;
const ALONE_MS = 2;
/** How much of a statement is told. */
const TOLD = 300;

/** SQLSTATE: it can't run in a transaction; and a procedure that would end the one that it runs in. */
const NEEDS_NONE = new Set(['25001', '2D000']);

/** The parser must be loaded. Throws when the server is broken; what it refuses is a failure in the trace. */
export async function traceFile(sessions: TraceSessions, ask: TraceAsk): Promise<TracedFile> {
  const { runner, control, watcher } = sessions;
  const known = await relationsOf(control);
  const { rows } = await runner.query<{ pid: number }>('select pg_catalog.pg_backend_pid() as pid');
  const watch = new LockWatch(watcher, { pid: rows[0]?.pid ?? 0 }, (oid, mode) => {
    const relation = known.get(oid);
    if (relation !== undefined && 'rpm'.includes(relation.kind)) ask.onLock?.(relation.name, mode);
  });
  const temp = await TempFiles.of(runner);
  const statements = statementsOf(ask.text);
  const begun = performance.now();
  const trace = new FileTrace({ ...sessions, watch, temp, known, ask });
  let failed: TraceFailure | undefined;
  try {
    failed = await trace.run(statements);
  } finally {
    temp.end();
    await watch.stop().catch(() => {});
    // Whatever a failed file left open.
    await runner.query('rollback').catch(() => {});
  }
  return {
    file: ask.file,
    migration: ask.migration,
    durationMs: performance.now() - begun - trace.lookedMs,
    commitMs: trace.commitMs,
    statements: trace.traced,
    ...(failed === undefined ? {} : { failed }),
  };
}

interface Parts extends TraceSessions {
  readonly watch: LockWatch;
  readonly temp: TempFiles;
  readonly known: Relations;
  readonly ask: TraceAsk;
}

class FileTrace {
  readonly traced: TracedStatement[] = [];
  commitMs = 0;
  lookedMs = 0;
  readonly #parts: Parts;
  #known: Relations;
  #transaction: TransactionTrace | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#known = parts.known;
  }

  async run(statements: readonly Statement[]): Promise<TraceFailure | undefined> {
    const { how, text } = this.#parts.ask;
    if (how === 'headgate' && saysNoTransaction(text)) {
      const read = readAlone(text);
      return read.ok ? this.#alone(read.at, 1) : { n: 1, line: 1, code: '0A000', why: read.why };
    }
    if (how === 'headgate') await this.#begin();
    for (const [index, statement] of statements.entries()) {
      const failed = await this.#statement(statement, index + 1);
      if (failed !== undefined) return failed;
    }
    return this.#transaction === undefined ? undefined : this.#end('commit', 0, 0);
  }

  async #statement(statement: Statement, n: number): Promise<TraceFailure | undefined> {
    const control = as(statement.node, 'TransactionStmt')?.kind;
    if (control !== undefined && this.#parts.ask.how === 'headgate')
      return {
        n,
        line: statement.at.line,
        code: '2D000',
        why: 'the file controls its transaction; a migration is run whole in one, so leave BEGIN, COMMIT, ROLLBACK and SAVEPOINT out',
      };
    if (control === 'TRANS_STMT_BEGIN' || control === 'TRANS_STMT_START') {
      if (this.#transaction === undefined) await this.#begin(statement.text);
      return undefined;
    }
    if (control === 'TRANS_STMT_COMMIT' || control === 'TRANS_STMT_ROLLBACK') {
      if (this.#transaction === undefined) return undefined;
      return this.#end(control === 'TRANS_STMT_COMMIT' ? 'commit' : 'rollback', n, statement.at.line);
    }
    if (this.#transaction !== undefined) return this.#within(statement, n, this.#transaction);
    // By itself: a transaction of its own around it changes nothing, and lets us ask what it did.
    const own = await this.#begin();
    const failed = await this.#within(statement, n, own);
    if (failed !== undefined && NEEDS_NONE.has(failed.code)) return this.#alone(statement, n);
    return failed ?? (await this.#end('commit', n, statement.at.line));
  }

  async #begin(sql = 'begin'): Promise<TransactionTrace> {
    const { runner, watch, ask, temp } = this.#parts;
    await this.#refresh();
    await runner.query(sql);
    await runner.query(`set local lock_timeout = ${ask.lockWaitMs}`);
    watch.start(BESIDE_MS);
    this.#transaction = await TransactionTrace.begun(runner, this.#known, temp);
    return this.#transaction;
  }

  /** What an earlier transaction of the file rewrote is not rewritten by the next; what it made is still nobody's. */
  async #refresh(): Promise<void> {
    if (this.traced.length === 0) return;
    const begun = performance.now();
    const now = await relationsOf(this.#parts.control);
    this.#known = new Map([...now].filter(([oid]) => this.#known.has(oid)));
    this.lookedMs += performance.now() - begun;
  }

  async #end(how: 'commit' | 'rollback', n: number, line: number): Promise<TraceFailure | undefined> {
    const { runner, watch } = this.#parts;
    const transaction = this.#transaction;
    this.#transaction = undefined;
    const begun = performance.now();
    const failed = await refusalOf(
      async () => {
        const { command } = await runner.query(how);
        // To a transaction that has failed the server answers a commit with "ROLLBACK", and without an error.
        return how === 'commit' && command !== 'COMMIT'
          ? { n, line, code: '25P02', why: 'its transaction had failed and was rolled back' }
          : undefined;
      },
      n,
      line,
    );
    const endedAt = performance.now();
    this.commitMs += endedAt - begun;
    await watch.stop();
    if (transaction !== undefined) {
      this.lookedMs += transaction.lookedMs;
      this.traced.push(...transaction.statements(endedAt));
    }
    return failed;
  }

  async #within(statement: Statement, n: number, transaction: TransactionTrace): Promise<TraceFailure | undefined> {
    const { runner, temp, watch } = this.#parts;
    const failed = await refusalOf(() => transaction.run(statement, n, beginningOf(statement)), n, statement.at.line);
    if (failed === undefined) return undefined;
    temp.take();
    const endedAt = performance.now();
    await runner.query('rollback').catch(() => {});
    await watch.stop();
    this.#transaction = undefined;
    this.traced.push(...transaction.statements(endedAt));
    return failed;
  }

  async #alone(statement: Statement, n: number): Promise<TraceFailure | undefined> {
    const { runner, control, temp, watch, ask } = this.#parts;
    watch.start(ALONE_MS);
    await runner.query(`set lock_timeout = ${ask.lockWaitMs}`);
    const begun = performance.now();
    const traced = await traceAlone({ runner, control, watch, temp, known: this.#known }, statement.text).catch(
      (error: unknown) => failureOf(error, n, statement.at.line),
    );
    this.lookedMs += performance.now() - begun - ('durationMs' in traced ? traced.durationMs : 0);
    if ('code' in traced) return traced;
    this.traced.push({ n, line: statement.at.line, text: beginningOf(statement), alone: true, ...traced });
    return undefined;
  }
}

async function refusalOf(
  work: () => Promise<TraceFailure | undefined>,
  n: number,
  line: number,
): Promise<TraceFailure | undefined> {
  try {
    return await work();
  } catch (error) {
    return failureOf(error, n, line);
  }
}

function failureOf(error: unknown, n: number, line: number): TraceFailure {
  const refusal = sqlRefusal(error);
  if (refusal === undefined || !(error instanceof pg.DatabaseError)) throw error;
  return { n, line, code: error.code ?? '', why: refusal.why };
}

function beginningOf({ text }: Statement): string {
  const plain = text.replace(/\s+/g, ' ').trim();
  return plain.length > TOLD ? `${plain.slice(0, TOLD)} …` : plain;
}
