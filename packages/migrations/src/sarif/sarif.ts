/** Findings as SARIF 2.1.0, which code hosts, editors and security tools read. */
import type { Finding, Level, Report } from '../judge/finding.ts';
import { durationText } from '../judge/rates.ts';
import { RULES, type Rule } from '../judge/rules.ts';

export interface SarifLog {
  readonly $schema: string;
  readonly version: '2.1.0';
  readonly runs: readonly SarifRun[];
}

export interface SarifRun {
  readonly tool: { readonly driver: SarifDriver };
  readonly columnKind: 'utf16CodeUnits' | 'unicodeCodePoints';
  readonly artifacts?: readonly { readonly location: { readonly uri: string } }[];
  readonly results: readonly SarifResult[];
  readonly invocations?: readonly SarifInvocation[];
}

export interface SarifDriver {
  readonly name: string;
  readonly version?: string;
  readonly rules?: readonly { readonly id: string; readonly shortDescription: { readonly text: string } }[];
}

export interface SarifInvocation {
  readonly executionSuccessful: boolean;
  readonly toolExecutionNotifications?: readonly {
    readonly level: Level;
    readonly message: { readonly text: string };
  }[];
}

export interface SarifResult {
  readonly ruleId: string;
  readonly ruleIndex?: number;
  readonly level: Level;
  readonly message: { readonly text: string };
  readonly locations: readonly {
    readonly physicalLocation: { readonly artifactLocation: { readonly uri: string }; readonly region: SarifRegion };
  }[];
  readonly properties?: Readonly<Record<string, unknown>>;
}

export interface SarifRegion {
  readonly startLine: number;
  readonly startColumn?: number;
  readonly endLine?: number;
  readonly endColumn?: number;
  readonly byteOffset?: number;
  readonly byteLength?: number;
  /** The statement's beginning. */
  readonly snippet?: { readonly text: string };
}

/** Where the schema of SARIF stands, as the specification names it. */
const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

/** A log with our run, and those of others beside it. */
export function sarifOf(report: Report, others: readonly SarifRun[] = []): SarifLog {
  const ids = Object.keys(RULES) as readonly Rule[];
  const rules = ids.map((id) => ({ id, shortDescription: { text: RULES[id] } }));
  const texts = new Map(report.files.map(({ file, statements }) => [file, statements.map(({ text }) => text)]));
  const run: SarifRun = {
    tool: { driver: { name: 'headgate analyse', rules } },
    columnKind: 'utf16CodeUnits',
    artifacts: report.files.map(({ file }) => ({ location: { uri: uriOf(file) } })),
    results: report.findings.map((finding) =>
      resultOf(finding, ids.indexOf(finding.rule), beginning(texts.get(finding.file)?.[finding.statement] ?? '')),
    ),
    invocations: [{ executionSuccessful: true }],
  };
  return { $schema: SCHEMA, version: '2.1.0', runs: [run, ...others] };
}

function resultOf(finding: Finding, ruleIndex: number, statement: string): SarifResult {
  const { rule, level, message, file, at, end, relation, lock, stall, safeWays } = finding;
  const region = {
    startLine: at.line,
    startColumn: at.column,
    endLine: end.line,
    endColumn: end.column,
    byteOffset: at.offset,
    byteLength: Math.max(0, end.offset - at.offset),
    ...(statement === '' ? {} : { snippet: { text: statement } }),
  };
  return {
    ruleId: rule,
    ruleIndex,
    level,
    message: { text: message },
    locations: [{ physicalLocation: { artifactLocation: { uri: uriOf(file) }, region } }],
    properties: {
      ...(relation === undefined ? {} : { relation }),
      ...(lock === undefined ? {} : { lock }),
      ...(stall === undefined
        ? {}
        : { stall: durationText(stall ?? undefined), ...(stall === null ? {} : { stallMs: stall }) }),
      ...(safeWays.length === 0 ? {} : { safeWays }),
    },
  };
}

/** How much of a statement is told: who wants all of it has the place. */
const TOLD = 300;

function beginning(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > TOLD ? `${line.slice(0, TOLD - 1).toWellFormed()}…` : line.toWellFormed();
}

/** A relative reference: what a URI can't hold is escaped, folders stay. */
export function uriOf(file: string): string {
  return file.replaceAll('\\', '/').split('/').map(encodeURIComponent).join('/');
}
