import type {
  AlterDatabaseSetStmt,
  AlterRoleSetStmt,
  DiscardStmt,
  FuncCall,
  Node,
  SelectStmt,
  TransactionStmt,
  VariableSetStmt,
} from 'libpg-query';
import type { WorkingSchema } from '../catalogue/working-schema.ts';
import { as, constant, option, quoted, strings } from '../parse/nodes.ts';
import { parseOne } from '../parse/parser.ts';
import { fails } from './names/taken-name.ts';
import type { Family, Scene, Session } from './scene.ts';

/** What a setting is set to. `own`: back to what the session began with; `undefined`: what can't be known. */
type Value = readonly (string | undefined)[] | 'own' | undefined;

interface Way {
  readonly scene: Scene;
  /** Only until the transaction ends. */
  readonly local: boolean;
  /** Whether it is reached. */
  readonly certain: boolean;
}

/** SET and RESET: what of it changes how later statements are read. */
export const setVariable: Family<VariableSetStmt> = (statement, scene) => {
  const { kind, is_local } = statement;
  const way = wayOf(scene, is_local === true, true);
  if (kind === 'VAR_SET_CURRENT') return;
  if (kind === 'VAR_RESET_ALL') return resetAll(way);
  apply((statement.name ?? '').toLowerCase(), valueIn(statement), way);
};

function valueIn({ kind, args }: VariableSetStmt): Value {
  if (kind !== 'VAR_SET_VALUE') return 'own';
  return (args ?? []).map((node) => {
    const value = constant(node);
    return value === undefined || value === null ? undefined : String(value);
  });
}

/** For a transaction alone, outside of one, it is over at once; in a block, whether it is cannot be told. */
function wayOf(scene: Scene, local: boolean, reached: boolean): Way {
  const { conditional, manyTimes, called, session } = scene;
  const sure = reached && !conditional && !manyTimes && !called && !session.mayHaveLeft;
  return { scene, local, certain: sure && (!local || session.inTransaction) };
}

function resetAll(way: Way): void {
  for (const name of ['search_path', 'timezone', 'lock_timeout']) apply(name, 'own', way);
}

function apply(name: string, value: Value, way: Way): void {
  const { scene, certain } = way;
  const { settings } = scene.schema;
  const [first] = Array.isArray(value) ? (value as readonly (string | undefined)[]) : [];
  if (name === 'lock_timeout') {
    const ends = first !== undefined && !/^0+\s*(ms|s|min)?$/.test(first);
    const { session } = scene;
    session.lockTimeout = ends && (certain || session.lockTimeout);
    const lasting = session.timeout.set !== 'for the transaction' && !way.local;
    session.timeout = { ...session.timeout, set: lasting ? 'for the session' : 'for the transaction' };
  } else if (name === 'search_path') settings.setPath(value === 'own' ? settings.ownPath : whole(value), way);
  else if (name === 'timezone') settings.setTimeZone(value === 'own' ? settings.ownTimeZone : first, way);
  else if (name === 'session_replication_role' && first === 'replica')
    scene.does.remark(
      'checks-off',
      'warning',
      'triggers and foreign keys are off from here: nothing keeps what is written consistent',
    );
}

function whole(values: Exclude<Value, 'own'>): readonly string[] | undefined {
  const known = (values ?? []).flatMap((each) => each ?? []);
  return values === undefined || known.length < values.length ? undefined : known;
}

/** `SELECT set_config('search_path', '', false)`, as pg_dump writes it, and nothing else in it. */
export function setConfigOf(select: SelectStmt, scene: Scene): boolean {
  const { targetList = [], op = 'SETOP_NONE' } = select;
  const { fromClause, whereClause, groupClause, havingClause, limitCount, limitOffset, withClause, intoClause } =
    select;
  const more = [fromClause, whereClause, groupClause, havingClause, limitCount, limitOffset, withClause, intoClause];
  if (targetList.length !== 1 || op !== 'SETOP_NONE' || more.some((part) => part !== undefined)) return false;
  const called: FuncCall | undefined = as(as(targetList[0], 'ResTarget')?.val as Node | undefined, 'FuncCall');
  if (called === undefined || (called.args ?? []).some((each) => constant(each) === undefined)) return false;
  return setByCall(called as Record<string, unknown>, scene, true);
}

/** A call of set_config(). `reached`: it is made once; else, as part of a query, perhaps for no row. */
export function setByCall(content: Record<string, unknown>, scene: Scene, reached: boolean): boolean {
  const called = content as FuncCall;
  if (strings(called.funcname).at(-1) !== 'set_config') return false;
  const [name, value, local] = (called.args ?? []).map(constant);
  const way = wayOf(scene, local !== false, reached);
  if (typeof name !== 'string')
    for (const each of ['search_path', 'timezone', 'lock_timeout']) apply(each, undefined, way);
  else {
    const key = name.toLowerCase();
    apply(key, typeof value !== 'string' ? undefined : key === 'search_path' ? listOf(value) : [value], way);
  }
  return true;
}

/** A list of names, as the server takes it apart: without quotes in small letters. */
function listOf(text: string): readonly string[] {
  return [...text.matchAll(/"((?:[^"]|"")*)"|[^,\s"]+/g)].map(([all, inQuotes]) =>
    inQuotes === undefined ? all.toLowerCase() : inQuotes.replaceAll('""', '"'),
  );
}

/**
 * BEGIN, COMMIT, SAVEPOINT, ROLLBACK, ROLLBACK TO: what was set for a transaction alone ends with it; what was set in it may be
 * undone, and what was made or dropped in it is. A BEGIN in a transaction is a warning: that one goes on. What ends in a body,
 * or by two-phase commit, may have ended either way.
 */
export function transaction(statement: TransactionStmt, scene: Scene): void {
  const { schema, session, depth } = scene;
  const { kind, savepoint_name: name = '' } = statement;
  if (depth > 0 && session.inTransaction && (kind === 'TRANS_STMT_COMMIT' || kind === 'TRANS_STMT_ROLLBACK'))
    fails(scene, 'COMMIT and ROLLBACK in a block of code or a procedure are refused within a transaction');
  if (kind === 'TRANS_STMT_PREPARE' && depth === 0 && session.inTransaction) leavesLocks(statement, scene);
  if (kind === 'TRANS_STMT_COMMIT_PREPARED' || kind === 'TRANS_STMT_ROLLBACK_PREPARED')
    scene.does.outsideTransaction('what ends a prepared transaction runs by itself alone');
  if (depth > 0 || TWO_PHASE.has(kind ?? '')) {
    endInDoubt(kind, scene);
    return;
  }
  if (kind === 'TRANS_STMT_BEGIN' || kind === 'TRANS_STMT_START') {
    if (!session.inTransaction) begin(scene);
    session.inTransaction = true;
  }
  if (kind === 'TRANS_STMT_SAVEPOINT') schema.journal.savepoint(name);
  if (kind === 'TRANS_STMT_RELEASE') schema.journal.release(name);
  const rolledBack = kind === 'TRANS_STMT_ROLLBACK_TO' || kind === 'TRANS_STMT_ROLLBACK';
  if (!rolledBack && kind !== 'TRANS_STMT_COMMIT') return;
  schema.settings.endTransaction(rolledBack);
  forgetTimeout(rolledBack, session);
  if (rolledBack) {
    // Outside of a transaction a ROLLBACK is a warning, and takes nothing back.
    if (session.inTransaction) schema.journal.rollBack(kind === 'TRANS_STMT_ROLLBACK_TO' ? name : undefined);
    schema.dropTemporary();
  } else for (const key of session.untilCommit) schema.remove(key);
  if (kind === 'TRANS_STMT_ROLLBACK_TO') return;
  begin(scene);
  session.inTransaction = session.inTransaction && statement.chain === true;
  session.untilCommit.clear();
}

const TWO_PHASE: ReadonlySet<string> = new Set([
  'TRANS_STMT_PREPARE',
  'TRANS_STMT_COMMIT_PREPARED',
  'TRANS_STMT_ROLLBACK_PREPARED',
]);

/** A prepared transaction belongs to no session: it holds its locks, also after a restart, until somebody ends it. */
function leavesLocks({ gid = '' }: TransactionStmt, { does }: Scene): void {
  const name = `'${gid.replaceAll("'", "''")}'`;
  does.remark(
    'explicit-lock',
    'error',
    `PREPARE TRANSACTION ${name} leaves a transaction that holds all its locks, and keeps VACUUM from what it sees, until somebody ends it by its name; no end of a session and no restart does`,
  );
  does.safely('held', 'End it with COMMIT; or leave it out, where whoever runs the file commits.');
}

function begin({ schema, session }: Scene): void {
  schema.journal.begin();
  session.timeout = { before: session.lockTimeout, set: 'no' };
}

/** Whether a timeout that was set in a transaction outlives it: believed where nothing takes it back. */
function forgetTimeout(rolledBack: boolean, session: Session): void {
  const { before, set } = session.timeout;
  if (set === 'for the transaction' || (rolledBack && set !== 'no')) session.lockTimeout &&= before;
}

function endInDoubt(kind: TransactionStmt['kind'], scene: Scene): void {
  const { schema, session } = scene;
  schema.settings.endTransaction(true);
  forgetTimeout(true, session);
  // Whether it ends there or not, what it would refuse is told with that.
  schema.journal.values.clear();
  if (kind !== 'TRANS_STMT_COMMIT') schema.doubt();
  schema.perhaps(true, () => {
    for (const key of session.untilCommit) schema.remove(key);
  });
  if (kind !== 'TRANS_STMT_PREPARE') return;
  begin(scene);
  session.inTransaction = false;
}

/** DISCARD: temporary tables are gone, and with ALL every setting is as the session began. */
export const discard: Family<DiscardStmt> = ({ target }, scene) => {
  if (target === 'DISCARD_ALL') scene.does.outsideTransaction('DISCARD ALL ends what a session has');
  if (target === 'DISCARD_ALL') resetAll(wayOf(scene, false, true));
  if (target === 'DISCARD_ALL' || target === 'DISCARD_TEMP') scene.schema.dropTemporary();
};

/** ALTER ROLE, ALTER DATABASE … SET: for sessions that begin later, those of the next files among them. */
export const alterSettings: Family<AlterRoleSetStmt | AlterDatabaseSetStmt> = ({ setstmt }, { schema, does }) => {
  const name = setstmt?.name?.toLowerCase();
  if (name === undefined || name === 'search_path' || name === 'timezone') schema.settings.changeOfNewSessions();
  does.breaks('possible', 'sessions of running code may begin with another setting');
};

/** Reads a body under the search path that its function says it has (`CREATE FUNCTION … SET search_path`). */
export function withOwnSettings(definition: string, { settings }: WorkingSchema, read: () => void): void {
  const made = /search_path/i.test(definition) ? as(parseOne(definition), 'CreateFunctionStmt') : undefined;
  const own = (made?.options ?? []).flatMap((node) => as(option([node], 'set'), 'VariableSetStmt') ?? []);
  const path = own.findLast(({ name }) => name?.toLowerCase() === 'search_path');
  if (path === undefined || path.kind === 'VAR_SET_CURRENT') read();
  else {
    const value = valueIn(path);
    settings.withPath(value === 'own' ? settings.ownPath : whole(value), read);
  }
}

/** Says which names were looked for along a search path that isn't known. */
export function tellDoubts({ schema, does }: Scene): void {
  for (const name of schema.settings.takeDoubts())
    does.notKnown(
      `which ${quoted(name)} is meant can’t be told: whether an earlier change of the search path holds here isn’t known; name its schema (public.${quoted(name)})`,
    );
}
