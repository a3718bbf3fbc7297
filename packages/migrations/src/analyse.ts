/** Reads migration files in order, each on the schema that the one before left. */
import type { MigrationPhase } from '@headgate/domain/model/release';
import type { Node, TransactionStmt } from 'libpg-query';
import { canStandAlone, readAlone } from './alone/alone-statement.ts';
import { runBody } from './bodies/run-body.ts';
import type { Catalogue } from './catalogue/catalogue.ts';
import { WorkingSchema } from './catalogue/working-schema.ts';
import { type Effects, Recorder, type Undo } from './effects/effects.ts';
import { blocksWrites, stronger } from './effects/lock-modes.ts';
import { lookForNewValues } from './expressions/uses-new-value.ts';
import type { FileReport, Finding, Report, StatementReport } from './judge/finding.ts';
import { type Held, judge, type Limits, type Said, STALL_MS } from './judge/judge.ts';
import { RATES, type Rates } from './judge/rates.ts';
import { waysOf } from './judge/ways-of.ts';
import { directivesOf, saysNoTransaction } from './parse/directives.ts';
import { as, opened } from './parse/nodes.ts';
import { type Statement, statementsOf } from './parse/statements.ts';
import { lookBehind } from './statements/behind.ts';
import { FAMILIES } from './statements/catalog.ts';
import { fails } from './statements/names/taken-name.ts';
import { isUnsure, type Scene, type Session } from './statements/scene.ts';
import { tellDoubts, transaction, withOwnSettings } from './statements/session.ts';

/** A migration as it stands. */
export interface MigrationFile {
  readonly name: string;
  readonly text: string;
}

export interface AnalyseOptions {
  /** The schema before the first file; without it nothing is known but what the files make. */
  readonly catalogue?: Catalogue | undefined;
  /** How a file is run: in one transaction, as Headgate does, or each statement by itself. */
  readonly transaction?: 'file' | 'statement';
  /** Who runs the files reads the comments of migration tools, and leaves out the way back. Neither Headgate nor psql does. */
  readonly directives?: boolean;
  /** Who runs the files ends the waiting for a lock, as Headgate does. */
  readonly lockTimeout?: boolean;
  readonly rates?: Rates;
  /** Milliseconds that others may wait; 1,000 when nobody says it. */
  readonly stallMs?: number;
}

/** Most of one file that is read, in characters: beyond it nobody writes by hand. */
export const MAX_FILE_CHARACTERS = 16 * 1024 * 1024;

/** Characters of bodies that are read for one file: so many, and so many times the file's own length. */
const LEAST_OF_BODIES = 2_000_000;
const OF_BODIES = 50;
/** What reading a body costs at least, as if it had so many characters. */
const OF_ONE_BODY = 500;

/**
 * Analyses files in their order. The parser must be loaded.
 *
 * @throws RangeError for a file of more than MAX_FILE_CHARACTERS: a part of it would say nothing of the rest.
 */
export function analyse(files: readonly MigrationFile[], options: AnalyseOptions = {}): Report {
  const schema = new WorkingSchema(options.catalogue);
  const reports = files.map((file) => {
    const report = analyseFile(file, schema, options);
    schema.settle();
    return report;
  });
  const findings = reports.flatMap(({ statements }) => statements.flatMap((each) => each.findings));
  return { files: reports, findings, dangerous: findings.some(({ level }) => level === 'error') };
}

function analyseFile(file: MigrationFile, schema: WorkingSchema, options: AnalyseOptions): FileReport {
  const { text, name } = file;
  if (text.length > MAX_FILE_CHARACTERS)
    throw new RangeError(`${name} has ${text.length} characters, at most ${MAX_FILE_CHARACTERS} are read`);
  const { up, noTransaction, downAt } = directivesOf(text);
  const statements = statementsOf(options.directives === true ? up : text);
  const declared = saysNoTransaction(text);
  const alone = (options.directives === true && noTransaction) || options.transaction === 'statement' || declared;
  const session: Session = {
    lockTimeout: options.lockTimeout ?? false,
    inTransaction: !alone,
    mayHaveLeft: false,
    behind: false,
    timeout: { before: options.lockTimeout ?? false, set: 'no' },
    bodiesLeft: LEAST_OF_BODIES + OF_BODIES * text.length,
    untilCommit: new Set(),
    firing: new Set(),
  };
  const effects = statements.map((each) =>
    each.node === undefined ? undefined : effectsOf(each, each.node, schema, session),
  );
  const unfit = declared && options.lockTimeout === true ? readAlone(text) : undefined;
  const limits: Limits = { rates: options.rates ?? RATES, stallMs: options.stallMs ?? STALL_MS };
  const transaction = new Transaction(alone);
  const backAt = downAt === undefined ? 0 : Buffer.byteLength(text.slice(0, downAt));
  const wayBack =
    options.directives === true || downAt === undefined
      ? undefined
      : statements.findIndex(({ at }) => at.offset >= backAt);
  const reports = statements.map((statement, index): StatementReport => {
    const { at, end, text } = statement;
    const own = effects[index];
    const said = own === undefined || statement.error !== undefined ? [wrong(statement)] : [];
    if (own !== undefined) said.push(...transaction.next(statement, own, limits));
    if (options.lockTimeout === true && !alone && as(statement.node, 'TransactionStmt') !== undefined)
      said.push(CONTROLS_TRANSACTION);
    if (index === wayBack) said.push(WAY_BACK);
    if (index === 0 && unfit?.ok === false)
      said.push({ rule: 'fails', level: 'error', message: `Headgate doesn’t run it: ${unfit.why}` });
    const place = { file: name, at: statement.error?.at ?? at, end, statement: index };
    const findings = said.map(({ part, ...each }): Finding => {
      const safeWays = waysOf({ ...each, ...(part === undefined ? {} : { part }) }, text, own?.effects);
      return { ...each, ...place, safeWays };
    });
    return { at, end, text, ...(own === undefined ? {} : { effects: own.effects }), findings };
  });
  const all = effects.flatMap((each) => each?.effects ?? []);
  return { file: name, statements: reports, phase: furthest(all), undo: leastUndo(all), alone };
}

const WAY_BACK: Said = {
  rule: 'way-back-is-run',
  level: 'warning',
  message:
    'a comment before it says that the way back begins here, which only migration tools read: all of the file is run (--runner tool, where such a tool runs it)',
};

/** Headgate's runner executes a file within a function, where PostgreSQL knows none of them (`sql-migrator/sql-refusal.ts`). */
const CONTROLS_TRANSACTION: Said = {
  rule: 'not-in-transaction',
  level: 'error',
  message:
    'Headgate runs the file whole in a transaction of its own, and a file that controls it is refused: leave BEGIN, COMMIT, ROLLBACK and SAVEPOINT out',
};

interface Read {
  readonly effects: Effects;
  /** Whether waiting for a lock ended by itself when it came to this statement. */
  readonly lockTimeout: boolean;
}

function effectsOf(statement: Statement, node: Node, schema: WorkingSchema, session: Session): Read {
  const { lockTimeout } = session;
  const does = new Recorder();
  // Outside of a transaction each statement is one by itself.
  if (!session.inTransaction) schema.journal.begin();
  sceneOf(schema, does, session, { ...TOP, text: statement.text }).run(node, statement.text);
  return { effects: does.effects(), lockTimeout };
}

/** Where a statement stands: in the file itself, or in a body that something runs. */
type Standing = Pick<Scene, 'text' | 'conditional' | 'manyTimes' | 'called' | 'depth'>;
const TOP: Standing = { text: '', conditional: false, manyTimes: false, called: false, depth: 0 };

function sceneOf(schema: WorkingSchema, does: Recorder, session: Session, standing: Standing): Scene {
  const { text, conditional, depth } = standing;
  const tried = (more: Partial<Standing>, work: (own: Scene) => void): Effects => {
    const would = new Recorder();
    const apart = { ...session };
    const own = sceneOf(schema, would, apart, { ...standing, ...more, conditional: true, called: true });
    tellDoubts(scene);
    schema.tried(() => work(own));
    tellDoubts(own);
    session.bodiesLeft = apart.bodiesLeft;
    return would.effects();
  };
  const scene: Scene = {
    schema,
    does,
    session,
    ...standing,
    run(node, sql, more = false) {
      const [kind, content] = opened(node);
      if (kind === 'TransactionStmt') return transaction(content as TransactionStmt, scene);
      const family = FAMILIES[kind];
      if (family === undefined) return does.notKnown(`what ${kind} does isn’t known here`);
      const own =
        sql === text && more === conditional
          ? scene
          : sceneOf(schema, does, session, { ...standing, text: sql, conditional: conditional || more });
      does.within(() =>
        schema.perhaps(isUnsure(own), () => {
          lookBehind(kind, content, own);
          lookForNewValues(kind, content, own);
          family(content, own);
          if (depth > 0 && does.alone !== undefined)
            fails(own, `${does.alone}: no function and no block of code can run it`);
        }),
      );
      tellDoubts(own);
    },
    runBody(language, definition, body, manyTimes = false) {
      const within = {
        ...standing,
        ...{ text: definition, depth: depth + 1 },
        manyTimes: standing.manyTimes || manyTimes,
        called: standing.called || body === undefined,
      };
      const read = () =>
        withOwnSettings(definition, schema, () =>
          runBody(language, definition, body, sceneOf(schema, does, session, within)),
        );
      if (body !== undefined) return read();
      // What it does, it does again as long as nothing changed meanwhile.
      const { conditional, called, manyTimes: many } = { ...standing, ...within };
      if (!does.isFirst(`${conditional} ${called} ${many} ${schema.version}\n${definition}`)) return;
      session.bodiesLeft -= OF_ONE_BODY + definition.length;
      if (session.bodiesLeft >= 0) read();
      else does.notKnown('the functions that it calls call so many others that what they do isn’t looked at any more');
    },
    tryBody(language, definition) {
      return tried({ text: definition, depth: depth + 1 }, (own) =>
        withOwnSettings(definition, schema, () => runBody(language, definition, undefined, own)),
      );
    },
    tryThis(work) {
      return tried({ manyTimes: true }, work);
    },
  };
  return scene;
}

/** The locks that are held from statement to statement. */
class Transaction {
  readonly #alone: boolean;
  #block = false;
  #warned = false;
  readonly #held = new Map<string, Held>();

  constructor(alone: boolean) {
    this.#alone = alone;
  }

  next(statement: Statement, { effects, lockTimeout }: Read, limits: Limits): readonly Said[] {
    const { kind: control, chain } = as(statement.node, 'TransactionStmt') ?? {};
    if (control === 'TRANS_STMT_BEGIN' || control === 'TRANS_STMT_START') this.#block = true;
    if (control === 'TRANS_STMT_COMMIT' || control === 'TRANS_STMT_ROLLBACK') {
      this.#block &&= chain === true;
      this.#held.clear();
    }
    const within = this.#block || !this.#alone;
    const said: Said[] = [...judge(effects, this.#held, limits)];
    if (effects.noTransaction !== undefined)
      said.push(
        within
          ? {
              rule: 'not-in-transaction',
              level: 'error',
              message: `${effects.noTransaction}: PostgreSQL refuses it in a transaction, which this file is run in${canStandAlone(statement.text) ? '; alone in a file that begins with “-- headgate:no-transaction” it is run outside of one' : '; Headgate runs no such statement outside of one either: leave it out, or run it by hand'}`,
            }
          : {
              rule: 'runs-alone',
              level: 'note',
              message: `${effects.noTransaction}: it has to be run outside of a transaction`,
            },
      );
    const blocking = effects.locks.filter(({ mode, fresh, unfelt }) => !fresh && unfelt !== true && blocksWrites(mode));
    const [first] = blocking;
    if (first !== undefined && !lockTimeout && !this.#warned) {
      this.#warned = true;
      const message = `${first.mode} on ${first.relation}: whoever comes after queues behind this statement while it waits for a long query to end; SET lock_timeout = '2s' before it, and try again`;
      said.push({ rule: 'no-lock-timeout', level: 'warning', message, relation: first.relation, lock: first.mode });
    }
    if (within)
      for (const { relation, mode } of blocking) {
        const before = this.#held.get(relation);
        if (before === undefined || stronger(mode, before.mode) !== before.mode)
          this.#held.set(relation, { mode, line: statement.at.line });
      }
    return said;
  }
}

function wrong({ error }: Statement): Said {
  return { rule: 'syntax-error', level: 'error', message: error?.why ?? 'it doesn’t parse' };
}

function furthest(effects: readonly Effects[]): MigrationPhase {
  const order: readonly MigrationPhase[] = ['contract', 'data'];
  return order.find((phase) => effects.some((each) => each.phase === phase)) ?? 'expand';
}

function leastUndo(effects: readonly Effects[]): Undo {
  const order: readonly Undo[] = ['never', 'until-written'];
  return order.find((undo) => effects.some((each) => each.undo === undo)) ?? 'yes';
}
