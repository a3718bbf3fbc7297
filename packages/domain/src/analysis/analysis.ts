/**
 * An analysis of a release's migrations, as a signed statement tells it: which bytes were read, what was known of the
 * database meanwhile, and what was found. Nothing here is a customer's value: names of objects, places in files, words.
 */
import type { Digest, Instant } from '../model/identity.ts';

/** `error`: dangerous there. `warning`: somebody who knows the code decides. `note`: to be known. */
export type FindingLevel = 'error' | 'warning' | 'note';

/** The schema and the sizes that the migrations were judged with. */
export interface AnalysedCatalogue {
  /** Whose it is, as whoever analysed says: an environment, a store, or cell/store. */
  readonly of: string;
  /** Of the catalogue's canonical JSON. */
  readonly digest: Digest;
  /** PostgreSQL's major version. */
  readonly server: number;
  readonly tables: number;
  /** When it was read from the database; absent: nobody wrote that down. */
  readonly readAt?: Instant;
}

/** A migration that was analysed, named by its file's bytes. */
export interface AnalysedMigration {
  readonly id: string;
  readonly to: number;
  readonly digest: Digest;
  /** What it takes from running code, where the analysis says that it does. */
  readonly removes?: readonly string[];
  /** The statements that take it, as far as there is room; absent in what was kept before. */
  readonly takenBy?: readonly TakingStatement[];
}

/** A statement that takes something from running code. */
export interface TakingStatement {
  readonly line: number;
  /** Its beginning. */
  readonly statement: string;
}

/** One finding, in a person's words. */
export interface AnalysedFinding {
  /** The version that its migration leads to. */
  readonly to: number;
  readonly rule: string;
  readonly level: FindingLevel;
  readonly file: string;
  readonly line: number;
  /** The statement's beginning. */
  readonly statement: string;
  readonly why: string;
  /** How to get there without the harm: words, and the SQL below them, a line each; empty: nobody knows one. */
  readonly safeWay: string;
}

/** So many findings of one rule in one migration. */
export interface FoundCount {
  readonly to: number;
  readonly rule: string;
  readonly level: FindingLevel;
  readonly count: number;
}

/** What the gate judges. */
export interface AnalysisEvidence {
  /** When it was done, by the clock of the machine that did it. */
  readonly at: Instant;
  /** From what stall on a statement was called dangerous. Milliseconds. */
  readonly stallMs: number;
  /** Absent: no table's size was known. */
  readonly catalogue?: AnalysedCatalogue;
  readonly migrations: readonly AnalysedMigration[];
  /** All that was found, counted. */
  readonly found: readonly FoundCount[];
  /** There was more than is counted: nothing can be said of it. */
  readonly more?: true;
  /** The worst that what isn't counted can be; absent with `more`: an error. */
  readonly moreLevel?: FindingLevel;
  /** The worst of it in words, at least one of each count as far as there is room. */
  readonly told: readonly AnalysedFinding[];
}

export interface AnalysisFacts extends Pick<AnalysisEvidence, 'at' | 'stallMs' | 'catalogue' | 'migrations'> {
  readonly findings: readonly AnalysedFinding[];
  /** Findings that the statement had no room for and doesn't count either. */
  readonly omitted: number;
  /** Those that it had no room for and counts. */
  readonly left?: readonly FoundCount[];
}

/** A release's row is read with every look at its promotions, and an entry of the log is bounded: this much is kept. */
const MOST_TOLD = 12;
const MOST_COUNTS = 300;
const MOST_REMOVED = 5;
const MOST_WAY = 600;
/** Statements that take something away: of one migration, and of all together. */
const MOST_TAKING = { each: 3, all: 60 };
/** The rule of what certainly fails for code that still runs. */
const TAKES = 'breaks-running-code';
const ORDER: readonly FindingLevel[] = ['error', 'warning', 'note'];

/** The same facts, as short as a gate needs them; notes stop nobody and are left out. */
export function analysisEvidence(facts: AnalysisFacts): AnalysisEvidence {
  const { at, stallMs, catalogue, migrations, findings, omitted, left = [] } = facts;
  const counts = new Map<string, { count: FoundCount; first?: AnalysedFinding }>();
  const count = (each: FoundCount, first?: AnalysedFinding): void => {
    if (each.level === 'note') return;
    const key = `${each.to} ${each.level} ${each.rule}`;
    const before = counts.get(key);
    const told = before?.first ?? first;
    const sum = (before?.count.count ?? 0) + each.count;
    counts.set(key, { count: { ...each, count: sum }, ...(told === undefined ? {} : { first: told }) });
  };
  for (const finding of findings) {
    const { to, rule, level } = finding;
    count({ to, rule, level, count: 1 }, finding);
  }
  for (const each of left) count(each);
  const sorted = [...counts.values()].sort((a, b) => ORDER.indexOf(a.count.level) - ORDER.indexOf(b.count.level));
  const uncounted = omitted > 0 ? 'error' : sorted[MOST_COUNTS]?.count.level;
  const firsts = new Set(sorted.flatMap(({ first }) => first ?? []));
  const rest = findings.filter((each) => each.level === 'error' && !firsts.has(each));
  return {
    ...{ at, stallMs },
    ...(catalogue === undefined ? {} : { catalogue }),
    migrations: withTaking(migrations, findings).map(({ removes, ...each }) =>
      removes === undefined ? each : { ...each, removes: removes.slice(0, MOST_REMOVED).map((name) => cut(name, 120)) },
    ),
    found: sorted.slice(0, MOST_COUNTS).map(({ count: each }) => ({
      ...{ to: each.to, rule: cut(each.rule, 60), level: each.level, count: each.count },
    })),
    ...(uncounted === undefined ? {} : { more: true as const, moreLevel: uncounted }),
    told: [...firsts, ...rest].slice(0, MOST_TOLD).map((each) => ({
      ...each,
      rule: cut(each.rule, 60),
      file: cut(each.file, 120),
      statement: cut(each.statement, 120),
      why: cut(each.why, 300),
      safeWay: wholeLines(each.safeWay, MOST_WAY),
    })),
  };
}

/** The migrations with the statements that take something from running code, each told once. */
function withTaking(
  migrations: readonly AnalysedMigration[],
  findings: readonly AnalysedFinding[],
): readonly AnalysedMigration[] {
  const taking = new Map<number, TakingStatement[]>();
  let all = 0;
  for (const { to, rule, line, statement } of findings) {
    if (rule !== TAKES || all >= MOST_TAKING.all) continue;
    const own = taking.get(to) ?? [];
    if (own.length >= MOST_TAKING.each || own.some((each) => each.line === line)) continue;
    taking.set(to, [...own, { line, statement: cut(statement, 100) }]);
    all += 1;
  }
  return migrations.map((each) => {
    const takenBy = each.removes === undefined ? undefined : taking.get(each.to);
    return takenBy === undefined ? each : { ...each, takenBy };
  });
}

/** As many whole lines as there is room for: a statement that is cut off can't be typed. */
function wholeLines(text: string, most: number): string {
  const lines = text.split('\n');
  const [first = '', ...rest] = lines;
  const kept = [cut(first, most)];
  let left = most - (kept[0]?.length ?? 0);
  for (const line of rest) {
    left -= line.length + 1;
    if (left < 0) return [...kept, '… (the statement of the analysis has the rest)'].join('\n');
    kept.push(line);
  }
  return kept.join('\n');
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1).toWellFormed()}…` : text;
}
