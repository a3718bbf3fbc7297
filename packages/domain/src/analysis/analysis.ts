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
  /** How to get there without the harm; empty: nobody knows one. */
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
  /** The worst of it in words, at least one of each count as far as there is room. */
  readonly told: readonly AnalysedFinding[];
}

export interface AnalysisFacts extends Pick<AnalysisEvidence, 'at' | 'stallMs' | 'catalogue' | 'migrations'> {
  readonly findings: readonly AnalysedFinding[];
  /** Findings that the statement had no room for. */
  readonly omitted: number;
}

/** A release's row is read with every look at its promotions, and an entry of the log is bounded: this much is kept. */
const MOST_TOLD = 12;
const MOST_COUNTS = 300;
const MOST_REMOVED = 5;
const ORDER: readonly FindingLevel[] = ['error', 'warning', 'note'];

/** The same facts, as short as a gate needs them; notes stop nobody and are left out. */
export function analysisEvidence(facts: AnalysisFacts): AnalysisEvidence {
  const { at, stallMs, catalogue, migrations, findings, omitted } = facts;
  const counts = new Map<string, { count: number; first: AnalysedFinding }>();
  for (const finding of findings) {
    if (finding.level === 'note') continue;
    const key = `${finding.to} ${finding.level} ${finding.rule}`;
    const counted = counts.get(key);
    if (counted === undefined) counts.set(key, { count: 1, first: finding });
    else counted.count += 1;
  }
  const sorted = [...counts.values()].sort((a, b) => ORDER.indexOf(a.first.level) - ORDER.indexOf(b.first.level));
  const firsts = new Set(sorted.map(({ first }) => first));
  const rest = findings.filter((each) => each.level === 'error' && !firsts.has(each));
  return {
    ...{ at, stallMs },
    ...(catalogue === undefined ? {} : { catalogue }),
    migrations: migrations.map(({ removes, ...each }) =>
      removes === undefined ? each : { ...each, removes: removes.slice(0, MOST_REMOVED).map((name) => cut(name, 120)) },
    ),
    found: sorted
      .slice(0, MOST_COUNTS)
      .map(({ count, first: { to, rule, level } }) => ({ to, rule: cut(rule, 60), level, count })),
    ...(sorted.length > MOST_COUNTS || omitted > 0 ? { more: true as const } : {}),
    told: [...firsts, ...rest].slice(0, MOST_TOLD).map((each) => ({
      ...each,
      rule: cut(each.rule, 60),
      file: cut(each.file, 120),
      statement: cut(each.statement, 120),
      why: cut(each.why, 300),
      safeWay: cut(each.safeWay, 300),
    })),
  };
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1).toWellFormed()}…` : text;
}
